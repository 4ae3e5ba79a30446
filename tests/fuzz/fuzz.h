/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. Each of them gives one kind of untrusted input to the code that reads
 * it, and looks at what is accepted: the promises of the header, not only that nothing crashes.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A promise is broken: say what and stop, which keeps the input. */
#define FUZZ_MUST(condition, ...)                                           \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                   \
            fputc('\n', stderr);                                            \
            abort();                                                        \
        }                                                                   \
    } while (0)

/* A copy of exactly size bytes, so that a sanitizer sees a read past them; the caller frees it. */
void *fuzz_copy(const uint8_t *data, size_t size);

/* The one arena, full of what is no zero. */
void fuzz_arena(struct arena *a);

/* An error is one of the input or of space, and its text says something. Returns whether e is one. */
bool fuzz_refused(err_t e, const struct diag *d);

#endif
