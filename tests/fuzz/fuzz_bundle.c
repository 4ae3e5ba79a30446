/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that is accepted can be read to the last byte of each blob. */
#include "bundle.h"
#include "fuzz.h"

#include <string.h>

static volatile uint8_t sink;

static void blobs_read(const struct bundle *b, size_t max)
{
    const struct bundle_header *h = b->header;

    FUZZ_MUST(h->total <= max, "%u of %zu bytes", h->total, max);
    for (uint32_t i = 0; i < h->count; i++) {
        uint64_t size = 0;
        const uint8_t *blob = bundle_find(b, h->entry[i].name, &size);

        FUZZ_MUST(blob == (const uint8_t *)h + h->entry[i].offset, "entry %u is found elsewhere", i);
        for (uint64_t k = 0; k < size; k++)
            sink ^= blob[k];
    }
    FUZZ_MUST(!strcmp(h->entry[0].name, BUNDLE_MANIFEST), "entry 0 is %s", h->entry[0].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bundle b;
    struct diag d = {{0}};
    void *copy = fuzz_copy(data, size);

    if (!fuzz_refused(bundle_open(&b, copy, size, &d), &d))
        blobs_read(&b, size);
    else
        FUZZ_MUST(!b.header, "refused, and there");
    free(copy);
    return 0;
}
