/* SPDX-License-Identifier: Apache-2.0 */
/* PCI Local Bus 3.0, 6.8. */
#include "dev/vmsix.h"

#include <string.h>

/* Dwords of a table entry (6.8.2.6 and following) */
enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL };
#define ENTRY_MASKED 1u

#define MSI_ADDRESS    0x04
#define MSI_DATA       0x08 /* these 4 further where addresses have 64 bits */
#define MSI_MASK       0x0c
#define MSI_COUNT      0x0070u /* log2 of the messages that are used */
#define MSI_COUNT_LOG2 4
#define MSI_GUESTS     (PCI_MSI_ENABLE | MSI_COUNT)

size_t vmsix_size(const struct plan_partition *pp)
{
    size_t size = ARENA_ALIGN + VPCI_SLOTS * sizeof(struct vmsix_function);

    for (uint32_t i = 0; i < pp->devices; i++)
        size += pp->device[i].messages * sizeof(struct vmsix_entry) + ARENA_ALIGN;
    return size;
}

static uint32_t visible(const struct plan_device *dev)
{
    return dev->fn->msi.entries < MSIX_VISIBLE ? dev->fn->msi.entries : MSIX_VISIBLE;
}

/* Where the table begins in its frames. */
static uint32_t table_at(const struct vmsix_function *f)
{
    return f->dev->fn->msi.table & FRAME_MASK;
}

static void hw_entry_write(const struct vmsix_function *f, uint32_t i, uint32_t dword, uint32_t value)
{
    mmio_write32(f->table, table_at(f) + i * PCI_MSIX_ENTRY + 4 * dword, value);
}

static bool route(struct vmsix *x, struct vmsix_function *f, uint32_t i, const struct vmsi_message *m,
                  struct vmsi_message *out)
{
    struct vmsix_entry *e = &f->entry[i];

    if (x->router.route(x->router.ctx, f->dev, i, m, out)) {
        e->routed = true;
        return true;
    }
    if (e->routed)
        x->router.block(x->router.ctx, f->dev, i);
    e->routed = false;
    return false;
}

/* The device's entry follows the guest's; nothing is sent by it while it changes. */
static void entry_update(struct vmsix *x, struct vmsix_function *f, uint32_t i)
{
    const struct vmsix_entry *e = &f->entry[i];
    struct vmsi_message out;

    hw_entry_write(f, i, ENTRY_CONTROL, ENTRY_MASKED);
    if (e->masked || !route(x, f, i, &e->m, &out))
        return;
    hw_entry_write(f, i, ENTRY_ADDRESS, (uint32_t)out.address);
    hw_entry_write(f, i, ENTRY_ADDRESS_HIGH, (uint32_t)(out.address >> 32));
    hw_entry_write(f, i, ENTRY_DATA, out.data);
    hw_entry_write(f, i, ENTRY_CONTROL, 0);
}

/* --- The table --- */

static uint32_t entry_read(const struct vmsix_entry *e, uint32_t dword)
{
    switch (dword) {
    case ENTRY_ADDRESS:
        return (uint32_t)e->m.address;
    case ENTRY_ADDRESS_HIGH:
        return (uint32_t)(e->m.address >> 32);
    case ENTRY_DATA:
        return e->m.data;
    default:
        return e->masked ? ENTRY_MASKED : 0;
    }
}

static void entry_write(struct vmsix_entry *e, uint32_t dword, uint32_t value)
{
    switch (dword) {
    case ENTRY_ADDRESS:
        e->m.address = (e->m.address >> 32 << 32) | (value & ~UINT32_C(3));
        break;
    case ENTRY_ADDRESS_HIGH:
        e->m.address = (uint64_t)value << 32 | (uint32_t)e->m.address;
        break;
    case ENTRY_DATA:
        e->m.data = value;
        break;
    default:
        e->masked = value & ENTRY_MASKED;
    }
}

/* Registers of the device that share the table's frames. */
static uint64_t other_read(const struct vmsix_function *f, uint32_t off, unsigned width)
{
    switch (width) {
    case 1:
        return mmio_read8(f->table, off);
    case 2:
        return mmio_read16(f->table, off);
    case 4:
        return mmio_read32(f->table, off);
    default:
        return mmio_read64(f->table, off);
    }
}

static void other_write(const struct vmsix_function *f, uint32_t off, unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        mmio_write8(f->table, off, (uint8_t)value);
        break;
    case 2:
        mmio_write16(f->table, off, (uint16_t)value);
        break;
    case 4:
        mmio_write32(f->table, off, (uint32_t)value);
        break;
    default:
        mmio_write64(f->table, off, value);
    }
}

static bool is_in_table(const struct vmsix_function *f, uint32_t off)
{
    return off >= table_at(f) && off - table_at(f) < f->dev->fn->msi.entries * PCI_MSIX_ENTRY;
}

/* Dword n of the table; one of an entry that the guest does not see reads as masked. */
static uint32_t table_read(const struct vmsix_function *f, uint32_t n)
{
    if (n / 4 < visible(f->dev))
        return entry_read(&f->entry[n / 4], n % 4);
    return n % 4 == ENTRY_CONTROL ? ENTRY_MASKED : 0;
}

uint64_t vmsix_read(struct vmsix *x, uint32_t fn, uint32_t off, unsigned width)
{
    const struct vmsix_function *f = &x->fn[fn];
    uint32_t at;
    uint64_t value;

    if (off % width)
        return UINT64_MAX;
    if (!is_in_table(f, off))
        return other_read(f, off, width);
    at = off - table_at(f);
    lock_take(&x->lock);
    value = table_read(f, at / 4) >> 8 * (at % 4);
    if (width == 8)
        value |= (uint64_t)table_read(f, at / 4 + 1) << 32;
    lock_give(&x->lock);
    return width < 8 ? value & ((UINT64_C(1) << 8 * width) - 1) : value;
}

/* Entries are written by dwords, one or two at a time (6.8.2). */
void vmsix_write(struct vmsix *x, uint32_t fn, uint32_t off, unsigned width, uint64_t value)
{
    struct vmsix_function *f = &x->fn[fn];
    uint32_t n, i;

    if (off % width)
        return;
    if (!is_in_table(f, off)) {
        other_write(f, off, width, value);
        return;
    }
    n = (off - table_at(f)) / 4;
    i = n / 4;
    if (width < 4 || i >= visible(f->dev))
        return;
    lock_take(&x->lock);
    const bool was_masked = f->entry[i].masked;

    entry_write(&f->entry[i], n % 4, (uint32_t)value);
    if (width == 8)
        entry_write(&f->entry[i], n % 4 + 1, (uint32_t)(value >> 32));
    if (!was_masked || !f->entry[i].masked)
        entry_update(x, f, i);
    lock_give(&x->lock);
}

/* --- Capabilities --- */

static uint64_t hw_at(const struct vpci *v, uint32_t fn, uint8_t id)
{
    uint32_t i = 0;

    while (v->fn[fn].cap[i].id != id)
        i++; /* the capability is shown: it is there */
    return pci_offset(v->pci, v->fn[fn].dev->fn->bdf, v->fn[fn].cap[i].off);
}

static uint16_t msi_hw_control(const struct vpci *v, uint32_t fn)
{
    return mmio_read16(v->ecam, hw_at(v, fn, PCI_CAP_MSI) + PCI_MSI_CONTROL);
}

/* What the guest says is one message after the other; each has a route of its own. The first one decides. */
static bool msi_route(struct vmsix *x, struct vmsix_function *f, uint32_t count, struct vmsi_message *out)
{
    bool ok = false;

    for (uint32_t i = 0; i < count; i++) {
        const struct vmsi_message m = {f->msi.address, (f->msi.data & ~(count - 1)) | i};
        struct vmsi_message one;

        if (!route(x, f, i, &m, &one) || i > 0)
            continue;
        *out = one;
        ok = true;
    }
    return ok;
}

static void msi_update(struct vmsix *x, uint32_t fn, uint16_t hw_control)
{
    const struct vpci *v = x->vpci;
    struct vmsix_function *f = &x->fn[fn];
    uint64_t at = hw_at(v, fn, PCI_CAP_MSI);
    uint16_t off = hw_control & (uint16_t)~MSI_GUESTS;
    struct vmsi_message out;

    mmio_write16(v->ecam, at + PCI_MSI_CONTROL, off);
    if (!(f->msi_control & PCI_MSI_ENABLE) ||
        !msi_route(x, f, 1u << ((f->msi_control & MSI_COUNT) >> MSI_COUNT_LOG2), &out))
        return;
    mmio_write32(v->ecam, at + MSI_ADDRESS, (uint32_t)out.address);
    if (hw_control & PCI_MSI_64)
        mmio_write32(v->ecam, at + MSI_ADDRESS + 4, (uint32_t)(out.address >> 32));
    mmio_write16(v->ecam, at + MSI_DATA + (hw_control & PCI_MSI_64 ? 4 : 0), (uint16_t)out.data);
    mmio_write16(v->ecam, at + PCI_MSI_CONTROL, off | f->msi_control);
}

static uint32_t msi_read(const struct vmsix_function *f, uint32_t off, uint32_t hw, uint16_t control)
{
    uint32_t wide = control & PCI_MSI_64 ? 4 : 0;

    if (off == 0)
        return (hw & ~((uint32_t)MSI_GUESTS << 16)) | (uint32_t)f->msi_control << 16;
    if (off == MSI_ADDRESS)
        return (uint32_t)f->msi.address;
    if (off == MSI_DATA + wide)
        return f->msi.data;
    if (off < MSI_DATA + wide)
        return (uint32_t)(f->msi.address >> 32);
    return control & PCI_MSI_MASKING && off <= MSI_MASK + wide + 4 ? hw : 0;
}

static void msi_write(struct vmsix *x, uint32_t fn, uint32_t off, uint32_t value)
{
    struct vmsix_function *f = &x->fn[fn];
    uint16_t control = msi_hw_control(x->vpci, fn);
    uint32_t wide = control & PCI_MSI_64 ? 4 : 0, most = (uint32_t)__builtin_ctz(f->dev->fn->msi.messages);

    if (off == 0) {
        uint32_t count = (value >> 16 & MSI_COUNT) >> MSI_COUNT_LOG2;

        f->msi_control = (uint16_t)((value >> 16 & PCI_MSI_ENABLE) | (count < most ? count : most) << MSI_COUNT_LOG2);
    } else if (off == MSI_ADDRESS) {
        f->msi.address = (f->msi.address >> 32 << 32) | (value & ~UINT32_C(3));
    } else if (off == MSI_DATA + wide) {
        f->msi.data = value & 0xffff;
    } else if (off < MSI_DATA + wide) {
        f->msi.address = (uint64_t)value << 32 | (uint32_t)f->msi.address;
    } else {
        if (control & PCI_MSI_MASKING && off == MSI_MASK + wide)
            mmio_write32(x->vpci->ecam, hw_at(x->vpci, fn, PCI_CAP_MSI) + off, value);
        return;
    }
    if (off == 0 || f->msi_control & PCI_MSI_ENABLE)
        msi_update(x, fn, control);
}

/* The size of the table is what the guest sees of it. */
static uint32_t msix_read(const struct vmsix_function *f, uint32_t off, uint32_t hw)
{
    return off == 0 ? (hw & ~((uint32_t)PCI_MSIX_SIZE << 16)) | (visible(f->dev) - 1) << 16 : hw;
}

static uint32_t messages_read(const struct vpci *v, uint32_t fn, uint8_t id, uint32_t off, uint32_t hw)
{
    struct vmsix *x = v->message_state;
    uint32_t value;

    lock_take(&x->lock);
    value = id == PCI_CAP_MSIX ? msix_read(&x->fn[fn], off, hw) : msi_read(&x->fn[fn], off, hw, msi_hw_control(v, fn));
    lock_give(&x->lock);
    return value;
}

static void messages_write(struct vpci *v, uint32_t fn, uint8_t id, uint32_t off, uint32_t value)
{
    struct vmsix *x = v->message_state;

    lock_take(&x->lock);
    if (id == PCI_CAP_MSI)
        msi_write(x, fn, off, value);
    else if (off == 0) /* entries are masked where they must be: these two switches are the guest's */
        mmio_write16(v->ecam, hw_at(v, fn, id) + PCI_MSI_CONTROL,
                     (uint16_t)(value >> 16 & (PCI_MSIX_ENABLE | PCI_MSIX_MASKED)));
    lock_give(&x->lock);
}

static const struct vpci_messages messages = {messages_read, messages_write};

/* --- Life --- */

err_t vmsix_init(struct vmsix *x, struct vpci *v, const struct vmsi_router *router, mmio_t (*map)(maddr_t),
                 struct arena *a, struct diag *d)
{
    *x = (struct vmsix){.vpci = v, .router = *router, .fn = ARENA_NEW(a, struct vmsix_function, v->count, d)};
    for (uint32_t i = 0; x->fn && i < v->count; i++) {
        const struct plan_device *dev = v->fn[i].dev;
        struct vmsix_function *f = &x->fn[i];

        f->dev = dev;
        if (dev->fn->msi.entries)
            f->table = map(maddr(dev->bar[dev->fn->msi.bar].v + (plan_msix_table(dev->fn).skip << FRAME_SHIFT)));
        f->entry = ARENA_NEW(a, struct vmsix_entry, dev->messages, d);
        if (!f->entry)
            return ERR_NO_SPACE;
    }
    v->messages = &messages;
    v->message_state = x;
    return x->fn ? ERR_NONE : ERR_NO_SPACE;
}

static void function_reset(struct vmsix *x, struct vmsix_function *f)
{
    for (uint32_t i = 0; i < f->dev->fn->msi.entries; i++)
        hw_entry_write(f, i, ENTRY_CONTROL, ENTRY_MASKED);
    for (uint32_t i = 0; i < f->dev->messages; i++) {
        if (f->entry[i].routed)
            x->router.block(x->router.ctx, f->dev, i);
        f->entry[i] = (struct vmsix_entry){.masked = true};
    }
    f->msi = (struct vmsi_message){0};
    f->msi_control = 0;
}

void vmsix_reset(struct vmsix *x)
{
    for (uint32_t i = 0; i < x->vpci->count; i++)
        function_reset(x, &x->fn[i]);
}
