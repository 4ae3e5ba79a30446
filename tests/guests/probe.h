/* SPDX-License-Identifier: Apache-2.0 */
/* What the prober and the sweep share: DMA with a running judgement, and probes of holes. */
#ifndef GUESTS_PROBE_H
#define GUESTS_PROBE_H

#include "guest.h"

#define PAGE   4096u
#define SAMPLE 8u /* bytes read from or written to one hole */

extern uint8_t page[PAGE];    /* what the device brought */
extern uint8_t pattern[PAGE]; /* the scratch page, as the first hole shows it */
extern uint8_t mark[PAGE];    /* what stray writes carry: differs from the pattern in every byte */
extern uint32_t probes, dmas;
extern const char *failed; /* the first check that was wrong; NULL: none */

bool check(bool good, const char *what);
/* One line when nothing has failed since failed_before was taken. */
void section(const char *what, const char *failed_before);

bool from_bus(uint64_t a, uint32_t offset, uint32_t bytes); /* bus -> the device's buffer */
bool to_bus(uint64_t a, uint32_t offset, uint32_t bytes);   /* the device's buffer -> bus */
void fetch_buffer(uint32_t bytes);                          /* the device's buffer -> page */

bool is_own(uint64_t a); /* the device may reach it, or nothing translates it */
uint64_t in_end(void);   /* of what the IOMMU translates */
uint64_t random_frame(uint64_t from, uint64_t to);

/* Device data from a deep hole becomes pattern. */
bool learn_pattern(void);

/* Read a hole; up to 512 are compared together, at the latest by batch_check. Own addresses are left out. */
void hole_read(uint64_t frame_address, const char *what);
void batch_check(const char *what);
/* With mark in the device's buffer: write to a hole; the audit must find exactly this write. */
void hole_write(uint64_t frame_address, uint32_t offset, const char *what);

/* The last line of both. */
void verdict(void);

/* Both directions within the partition's own memory. */
void own_ram(void);

#endif
