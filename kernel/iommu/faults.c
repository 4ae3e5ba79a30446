/* SPDX-License-Identifier: Apache-2.0 */
#include "iommu/faults.h"

#include "fmt.h"

struct fault_record *faults_find(struct faults *f, uint32_t sid)
{
    for (uint32_t i = 0; i < f->records; i++) {
        if (f->record[i].sid == sid)
            return &f->record[i];
    }
    return &f->nobody;
}

/* "linux: device nvme (stream 0x10)" or "unassigned stream 0x10" */
static size_t put_source(const struct fault_record *r, uint32_t sid, char *text, size_t size)
{
    if (r->device)
        return fmt_print(text, size, "%s: device %s (stream 0x%x)", r->partition, r->device, sid);
    return fmt_print(text, size, "unassigned stream 0x%x", sid);
}

static void put_fault(const struct fault_record *r, const struct fault *e, char *text, size_t size)
{
    size_t n = put_source(r, e->sid, text, size);
    if (e->has_addr)
        n += fmt_print(text + n, size - n, ": %s bus address 0x%llx", e->read ? "read from" : "write to",
                       (unsigned long long)e->addr);
    fmt_print(text + n, size - n, ": %s, contained", e->what);
}

/* Each threshold is met by exactly one caller, whatever CPU it is on. */
enum fault_action faults_take(struct faults *f, const struct fault *e, char *text, size_t size)
{
    struct fault_record *r = faults_find(f, e->sid);
    uint64_t count = __atomic_add_fetch(&r->count, 1, __ATOMIC_RELAXED);

    if (count <= FAULT_LOG) {
        put_fault(r, e, text, size);
        return FAULT_SHOW;
    }
    if (count == FAULT_LOG + 1) {
        if (r->device)
            fmt_print(text, size, "%s: further faults of device %s are counted, not shown", r->partition, r->device);
        else
            fmt_print(text, size, "further faults of unassigned streams are counted, not shown");
        return FAULT_SHOW;
    }
    if (count % FAULT_BUDGET == 0) {
        size_t n = put_source(r, e->sid, text, size);
        fmt_print(text + n, size - n, ": quarantined after %llu faults, its DMA %s", (unsigned long long)count,
                  r->to_scratch ? "meets a scratch page" : "is stopped");
        return FAULT_QUARANTINE;
    }
    return FAULT_COUNTED;
}
