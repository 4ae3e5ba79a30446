/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <string.h>

#define BATCH (PAGE / SAMPLE)
#define MARK  0x33u

uint8_t page[PAGE] __attribute__((aligned(4096)));    /* what the device brought */
uint8_t pattern[PAGE] __attribute__((aligned(4096))); /* the scratch page, from the first hole */
uint8_t mark[PAGE] __attribute__((aligned(4096)));
uint32_t probes, dmas;
const char *failed;

bool check(bool good, const char *what)
{
    if (!good) {
        print("prober: %s: FAIL\n", what);
        if (failed == NULL)
            failed = what;
    }
    return good;
}

void section(const char *what, const char *failed_before)
{
    if (failed == failed_before)
        print("prober: %s: PASS\n", what);
}

bool from_bus(uint64_t a, uint32_t offset, uint32_t bytes)
{
    dmas++;
    return check(edu_read(a, offset, bytes), "dma ends");
}

bool to_bus(uint64_t a, uint32_t offset, uint32_t bytes)
{
    dmas++;
    return check(edu_write(a, offset, bytes), "dma ends");
}

/* The device's buffer, brought into our page. */
void fetch_buffer(uint32_t bytes)
{
    memset(page, 0xee, PAGE);
    to_bus((uint64_t)page, 0, bytes);
}

bool is_own(uint64_t a)
{
    return is_exempt(a) || (a >= GUEST_RAM && a < GUEST_RAM + GUEST_RAM_SIZE) ||
           (a >= GUEST_ROM && a < GUEST_DMA_READ + GUEST_REGION_SIZE); /* dma = "none" counts as a hole */
}

uint64_t in_end(void)
{
    return board.in_bits < 64 ? 1ul << board.in_bits : -(uint64_t)PAGE;
}

/* -- own memory: the device reaches it, as far as the manifest lets it -- */

void own_ram(void)
{
    static uint8_t source[512] __attribute__((aligned(16)));
    uint8_t *const last = (uint8_t *)(GUEST_RAM + GUEST_RAM_SIZE - PAGE);
    uint8_t *const across = (uint8_t *)(GUEST_RAM + 0x900000 - 256); /* over a page boundary and a 2 MiB one less */
    uint8_t *const target[] = {page, last, across};
    const char *before = failed;

    fill(source, 1, sizeof source);
    for (unsigned i = 0; i < 3; i++) {
        memset(target[i], 0, sizeof source);
        from_bus((uint64_t)source, 0, sizeof source);
        to_bus((uint64_t)target[i], 0, sizeof source);
        check(same(source, target[i], sizeof source), "dma own-ram");
        probes++;
    }
    section("dma own-ram", before);
}

/* -- holes -- */

bool learn_pattern(void)
{
    const char *before = failed;
    bool varied = false;

    hypercall(MULLION_AUDIT, 0, 0, 0);
    from_bus(0x7654321000, 0, PAGE);
    fetch_buffer(PAGE);
    for (unsigned i = 0; i < PAGE; i++) {
        pattern[i] = page[i];
        mark[i] = page[i] ^ MARK;
        varied |= page[i] != page[0];
    }
    check(varied, "the scratch page has a pattern"); /* all zeroes is what an aborted read gives */
    section("scratch pattern", before);
    return failed == before;
}

/* Where in the page, and in the device's buffer, probe i looks. */
static uint32_t sample_offset(uint32_t i)
{
    return i % BATCH * SAMPLE;
}

/* Read many holes, each into its place of the device's buffer, then look at the buffer once. */
static struct {
    uint64_t address[BATCH];
    uint32_t count;
} batch;

void batch_check(const char *what)
{
    fetch_buffer(PAGE);
    for (uint32_t i = 0; i < batch.count; i++)
        if (!same(pattern + sample_offset(i), page + sample_offset(i), SAMPLE)) {
            print("prober: BFN address %lx reads as something else\n", batch.address[i]);
            check(false, what);
        }
    batch.count = 0;
}

void hole_read(uint64_t frame_address, const char *what)
{
    uint32_t o = sample_offset(batch.count);

    if (is_own(frame_address))
        return;
    batch.address[batch.count++] = frame_address + o;
    from_bus(frame_address + o, o, SAMPLE);
    probes++;
    if (batch.count == BATCH)
        batch_check(what);
}

/* mark is in the device's buffer. The write goes to scratch, is found there, and only there. */
void hole_write(uint64_t frame_address, uint32_t offset, const char *what)
{
    if (is_own(frame_address))
        return;
    to_bus(frame_address + offset, offset, SAMPLE);
    struct call c = hypercall(MULLION_AUDIT, 0, 0, 0);
    if ((int64_t)c.x0 != MULLION_OK || c.x1 != SAMPLE || c.x2 != offset) {
        print("prober: BFN address %lx: audit says %lu bytes from %lx\n", frame_address + offset, c.x1, c.x2);
        check(false, what);
    }
    probes++;
}

uint64_t random_frame(uint64_t from, uint64_t to)
{
    return from + random64() % ((to - from) / PAGE) * PAGE;
}

void verdict(void)
{
    if (failed == NULL)
        print("prober: PASS %u probes\n", probes);
    else
        print("prober: FAIL %s\n", failed);
}
