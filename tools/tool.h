/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion`, the host tool: reads what the hypervisor will read and runs the same pipeline on it. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include "bundle.h"
#include "plan.h"

#include <stdio.h>

/* Exit status. */
enum status {
    STATUS_OK = 0,
    STATUS_REFUSED = 1, /* manifest, board or images are wrong */
    STATUS_TROUBLE = 2, /* usage, files that cannot be read or written, dtc missing */
};

struct options {
    const char *command, *manifest, *board;
    const char *hypervisor; /* mullion.bin, mullion.elf */
    const char *out;
    const char **dir; /* -I, in order */
    size_t dirs;
    bool has_address;
    uint64_t address; /* where the boot loader will put the image */
    bool has_dtb;
    uint64_t dtb;    /* where it will put the board's device tree */
    size_t arena;    /* bytes, whole frames; 0: as many as it takes and some more */
    uint8_t pa_bits; /* address bits of the board's CPUs */
};

struct blob {
    uint8_t *data; /* malloc, so aligned for every use */
    size_t size;
};

/* The hypervisor's binary and the table behind its arm64 header, or behind its Multiboot headers (head.S). */
struct hypervisor {
    struct blob file; /* data NULL: not given, the sizes are an assumption */
    bool is_elf;      /* of x86_64, whose board comes from ACPI at boot */
    uint64_t size, text_end, rodata_end;
};

/* Everything that was read, and the plan made of it. */
struct system {
    struct arena arena; /* as large as the image says */
    struct blob manifest_file, board_file, bundle_file;
    struct dt manifest_dt, board_dt;
    struct manifest manifest;
    struct board board;
    struct bundle bundle;
    struct hypervisor hypervisor;
    struct plan plan;
};

/* load.c: fill b from a file of at most max bytes, or say why not. */
enum status blob_read(struct blob *b, const char *path, size_t max);
/* The same for a device tree: DTB, or source (.dts) that dtc compiles. */
enum status blob_read_dt(struct blob *b, const char *path, const struct options *o);

/* bundle.c: manifest and the images it names, packed as in boot/bundle.h. */
enum status bundle_pack(struct blob *out, const struct blob *manifest_file, const struct manifest *m,
                        const struct options *o);

/*
 * system.c: read everything, then all that the hypervisor does before it touches hardware, with what it has
 * for it: plan, check, tables built and verified, the partitions' device trees. Messages go to stderr. Nothing
 * is planned for a hypervisor of x86_64, as only it sees its board.
 */
enum status system_load(struct system *s, const struct options *o);
void system_free(struct system *s);

/* report.c: who can reach what. */
void report_print(FILE *f, const struct system *s);

/* masters.c: what keeps the masters that no partition has. */
void masters_print(FILE *f, const struct plan *p);

/* elf.c: the hypervisor's file, where it is an ELF: its sizes, and what becomes of it with a bundle (malloc). */
bool elf_is(const struct blob *file);
enum status elf_read(struct hypervisor *h, const char *path);
enum status elf_pack(struct blob *out, const struct system *s);

/* image.c: hypervisor and bundle as one bootable file. */
enum status image_write(const struct system *s, const char *path);

#endif
