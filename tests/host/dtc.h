/* SPDX-License-Identifier: Apache-2.0 */
/* Device trees for tests, from their source text. */
#ifndef HOST_DTC_H
#define HOST_DTC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The blob of a DTS text, compiled by dtc; of exactly *size bytes, so that a sanitizer sees a
 * read past it. The caller frees it. Ends the test when dtc refuses the text.
 */
void *dts_compile(const char *text, size_t *size);
/* The same from a file. first_line, when not NULL, gets the file's first line (of at most max - 1 bytes). */
void *dts_compile_file(const char *path, size_t *size, char *first_line, size_t max);

/*
 * Random mutations: MULLION_SEED (default: the time) and MULLION_ROUNDS (default: rounds) from the
 * environment. The seed is printed, so that a failure can be repeated.
 */
unsigned mutate_start(unsigned rounds);
/* A random number below n. */
unsigned mutate_below(unsigned n);
/*
 * Give a reader of untrusted blobs, which says whether it accepts one, `rounds` blobs with one byte
 * changed and every shorter piece of the good one, none of which may be accepted; returns how many
 * of the changed ones were.
 */
typedef bool mutate_reader(void *context, const void *blob, size_t size);
unsigned mutate_blob(const void *good, size_t size, unsigned rounds, mutate_reader *reader, void *context);
/* Change one byte of data to a random other value or to one that often matters. */
void mutate_byte(void *data, size_t size);

#endif
