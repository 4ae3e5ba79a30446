/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_tree.h"

#include "fuzz.h"

#include <libfdt.h>

#define TREE_SIZE 65536

static uint8_t tree[TREE_SIZE];

uint32_t feed_below(struct feed *f, uint32_t n)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < (n > 256 ? 2 : 1) && f->left; i++, f->left--)
        v = v << 8 | *f->at++;
    return v % n;
}

/* True once in n. */
static bool feed_rarely(struct feed *f, uint32_t n)
{
    return feed_below(f, n) == n - 1;
}

/* The tree is far below TREE_SIZE, whatever the input says. */
static void must(int e)
{
    FUZZ_MUST(e == 0, "libfdt: %s", fdt_strerror(e));
}

static void node_open(const char *name, uint64_t at)
{
    char text[64];

    if (at == UINT64_MAX)
        snprintf(text, sizeof text, "%s", name);
    else
        snprintf(text, sizeof text, "%s@%lx", name, at);
    must(fdt_begin_node(tree, text));
}

static void node_close(void)
{
    must(fdt_end_node(tree));
}

static void put_text(const char *name, const char *value)
{
    must(fdt_property_string(tree, name, value));
}

static void put_flag(const char *name)
{
    must(fdt_property(tree, name, NULL, 0));
}

static void put_u64(const char *name, uint64_t a)
{
    must(fdt_property_u64(tree, name, a));
}

static void put_reg(uint64_t base, uint64_t size)
{
    fdt64_t reg[2] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};

    must(fdt_property(tree, "reg", reg, sizeof reg));
}

/* Memory, what is emulated, windows, reserved memory, doorbells, ends of address spaces. */
static uint64_t feed_address(struct feed *f)
{
    static const uint64_t base[] = {
        0x40000000,   0x60000000,   0x70000000,    0x80000000,    0x48000000,          0x7fe00000,
        0x7ffe0000,   0x7fff8000,   0x8000000,     0x80a0000,     0x8090000,           0x9000000,
        0x9100000,    0x10000000,   0x3e000000,    0x4010000000,  0x8000000000,        0x7fc0000000,
        0xfffff00000, 0x100000000,  0xffffff00000, 0x10000000000, 0xffffffff00000,     0,
        0x40200000,   0x7fffe00000, 0x3fffffff000, 0xfffffff000,  0xfffffffffffff000u,
    };
    static const uint8_t shift[] = {21, 12, 16, 30};
    uint64_t at = base[feed_below(f, sizeof base / sizeof *base)];

    return at + ((uint64_t)feed_below(f, 64) << shift[feed_below(f, 4)]);
}

static uint64_t feed_size(struct feed *f)
{
    static const uint8_t shift[] = {21, 12, 16, 24};

    return (uint64_t)(feed_below(f, 64) + 1) << shift[feed_below(f, 4)];
}

static void put_file(struct feed *f, uint32_t plain)
{
    static const char *const name[] = {"linux",       "rtos",   "prober",           "initrd",
                                       "empty-image", "absent", "big-endian-image", "manifest"};

    put_text("file", name[(plain + feed_below(f, 8)) % 8]);
}

static void put_region(struct feed *f, bool identity, unsigned i)
{
    static const char *const type[] = {"ram", "ram-ro", "shared", "reserved", "doorbell"};
    static const char *const dma[] = {"rw", "read", "none"};
    static const char *const shared[] = {"box", "post"};
    static const uint64_t shared_size[] = {0x3000, 0x200000};
    uint32_t kind = i ? feed_below(f, 5) : 0, of = feed_below(f, 2);
    uint64_t at = feed_address(f), size = kind == 2 ? shared_size[of] : feed_size(f);
    bool placed = !identity || kind > 2 || feed_below(f, 2);
    char name[8];

    if (!i)
        size += 0x1800000; /* room for the images */
    snprintf(name, sizeof name, "r%u", i);
    node_open(name, placed ? at : UINT64_MAX);
    put_text("type", type[kind]);
    if (placed)
        put_reg(at, size);
    else if (kind < 2)
        put_u64("size", size);
    if (kind == 2)
        put_text("shared", shared[of]);
    if (kind == 2 && feed_below(f, 2))
        put_text("access", "ro");
    if (kind < 3 && feed_below(f, 2))
        put_text("dma", dma[feed_below(f, 3)]);
    if (kind < 2 && placed && feed_rarely(f, 4))
        put_u64("host", feed_address(f));
    if (kind < 2 && feed_rarely(f, 6))
        put_file(f, 1);
    if (kind == 3 && feed_below(f, 2))
        put_flag("unlisted");
    node_close();
}

static void put_devices(struct feed *f)
{
    static const char *const path[] = {
        "/pl031@9010000",       "/dma@9100000",    "/dma@9102000",      "/display@9120000", "/moved@9121000",
        "/ring@9122000",        "/second@9123000", "/gpio@b000000",     "/gpio@b000200",    "/pl011@9000000",
        "/virtio_mmio@a000000", "/wild@9110000",   "/old-smmu@9130000", "/smmuv3@9050000"};
    uint32_t count = feed_below(f, 5);

    node_open("devices", UINT64_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t flags = feed_below(f, 16);
        char name[16];

        snprintf(name, sizeof name, "d%u", i);
        node_open(name, UINT64_MAX);
        if (feed_below(f, 2)) {
            put_text("path", path[feed_below(f, sizeof path / sizeof *path)]);
        } else {
            snprintf(name, sizeof name, "00:%02x.%u", 2 + feed_below(f, 8), feed_rarely(f, 4));
            put_text("pci", name);
        }
        if ((flags & 5) == 5)
            put_flag("unprotected-dma");
        if ((flags & 3) == 2)
            put_flag("no-dma");
        if ((flags & 12) == 8)
            put_flag("peer-dma");
        node_close();
    }
    node_close();
}

static void put_images(struct feed *f)
{
    node_open("kernel", UINT64_MAX);
    put_file(f, 0);
    if (feed_below(f, 2))
        put_u64("load", feed_address(f));
    node_close();
    if (!feed_below(f, 2))
        return;
    node_open("initrd", UINT64_MAX);
    put_file(f, 3);
    node_close();
}

static void put_partition(struct feed *f, unsigned i)
{
    static const char *const unmapped[] = {"scratch", "fault", "read-only-scratch"};
    uint32_t cpus = 1 + feed_rarely(f, 4), what = feed_below(f, 16);
    fdt32_t cpu[2] = {cpu_to_fdt32(i), cpu_to_fdt32(3)};
    bool identity = feed_below(f, 2);
    uint32_t regions = 1 + feed_below(f, 6);
    char name[8];

    snprintf(name, sizeof name, "p%u", i);
    node_open(name, UINT64_MAX);
    must(fdt_property(tree, "cpus", cpu, (int)(cpus * sizeof *cpu)));
    put_text("physmap", identity ? "identity" : "translated");
    if (what & 1)
        put_text("unmapped", unmapped[feed_below(f, 3)]);
    if (what & 2)
        put_text("console", "none");
    if ((what & 12) == 12)
        must(fdt_property_u32(tree, "scratch-audit-ms", feed_below(f, 2000)));
    put_images(f);
    node_open("memory", UINT64_MAX);
    must(fdt_property_u32(tree, "#address-cells", 2));
    must(fdt_property_u32(tree, "#size-cells", 2));
    for (unsigned r = 0; r < regions; r++)
        put_region(f, identity, r);
    node_close();
    put_devices(f);
    node_close();
}

static void put_shared(struct feed *f)
{
    node_open("shared", UINT64_MAX);
    node_open("box", UINT64_MAX);
    put_u64("size", 0x3000);
    if (feed_rarely(f, 4))
        put_u64("host", feed_address(f));
    node_close();
    node_open("post", UINT64_MAX);
    put_u64("size", 0x200000);
    node_close();
    node_close();
}

const void *tree_of(struct feed *f, size_t *size)
{
    uint32_t partitions = 1 + feed_below(f, 4);

    must(fdt_create(tree, sizeof tree));
    must(fdt_finish_reservemap(tree));
    node_open("", UINT64_MAX);
    put_text("compatible", "mullion,manifest-v1");
    put_shared(f);
    node_open("partitions", UINT64_MAX);
    for (unsigned i = 0; i < partitions; i++)
        put_partition(f, i);
    node_close();
    node_close();
    must(fdt_finish(tree));
    *size = fdt_totalsize(tree);
    return tree;
}
