/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor of x86_64: an ELF64 with the headers of boot/image.h, read and packed. */
#include "tool.h"

#include "image.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_LIMIT     (UINT64_C(1) << 32) /* what loaders of Multiboot can reach */
#define HYPERVISOR_MAX (UINT64_C(16) << 20)

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "ELF structs are used as they are");

bool elf_is(const struct blob *file)
{
    return file->size >= SELFMAG && memcmp(file->data, ELFMAG, SELFMAG) == 0;
}

/* The last segment that is loaded, which ends with the bss; NULL: this is no such file. */
static Elf64_Phdr *last_load(uint8_t *file, size_t size)
{
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)file;
    Elf64_Phdr *last = NULL;

    if (size < sizeof(*h) || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_machine != EM_X86_64 || h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff % 8 ||
        h->e_phoff > IMAGE_X86_OFFSET || h->e_phnum * sizeof(Elf64_Phdr) > IMAGE_X86_OFFSET - h->e_phoff)
        return NULL;
    Elf64_Phdr *p = (Elf64_Phdr *)(file + h->e_phoff);
    for (unsigned i = 0; i < h->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD && (!last || p[i].p_paddr > last->p_paddr))
            last = &p[i];
    }
    return last;
}

/* Is what headers and segment say one flat part, as the loaders will see it? */
static bool is_flat(const struct image_header_x86 *i, const Elf64_Phdr *p, uint64_t size)
{
    uint64_t loaded = i->multiboot1.load_end - (uint64_t)IMAGE_X86_BASE;

    return !(i->size & FRAME_MASK) && i->size <= HYPERVISOR_MAX && i->multiboot1.load == IMAGE_X86_BASE &&
           i->multiboot1.header == IMAGE_X86_BASE && loaded <= i->size && loaded <= size - IMAGE_X86_OFFSET &&
           p->p_paddr - IMAGE_X86_BASE == p->p_offset - IMAGE_X86_OFFSET &&
           p->p_paddr - IMAGE_X86_BASE == i->rodata_end && p->p_memsz == i->size - i->rodata_end;
}

enum status elf_read(struct hypervisor *h, const char *path)
{
    const Elf64_Phdr *last = NULL;
    const struct image_header_x86 *i = (const struct image_header_x86 *)(h->file.data + IMAGE_X86_OFFSET);

    if (h->file.size >= IMAGE_X86_OFFSET + sizeof(*i) && memcmp(i->magic, IMAGE_X86_MAGIC, sizeof(i->magic)) == 0)
        last = last_load(h->file.data, h->file.size);
    if (!last) {
        fprintf(stderr, "mullion: %s: an ELF file, but not build/x86_64/mullion.elf\n", path);
        return STATUS_REFUSED;
    }
    h->is_elf = true;
    h->size = i->size;
    h->text_end = i->text_end;
    h->rodata_end = i->rodata_end;
    if (i->arena != IMAGE_ARENA_UNPACKED || !is_flat(i, last, h->file.size)) {
        fprintf(stderr, "mullion: %s: its headers at offset 0x%x are not the hypervisor's, or it is packed already\n",
                path, IMAGE_X86_OFFSET);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

enum status elf_pack(struct blob *out, const struct system *s)
{
    const struct hypervisor *h = &s->hypervisor;
    uint64_t loaded = h->size + s->bundle_file.size, end = IMAGE_X86_BASE + loaded + s->arena.size;
    const struct image_header_x86 *given = (const struct image_header_x86 *)(h->file.data + IMAGE_X86_OFFSET);
    size_t flat = given->multiboot1.load_end - (size_t)IMAGE_X86_BASE;

    if (end >= LOAD_LIMIT) {
        fprintf(stderr, "mullion: the image and its arena would end at 0x%llx, boot loaders reach 4 GiB\n",
                (unsigned long long)end);
        return STATUS_REFUSED;
    }
    *out = (struct blob){.data = calloc(1, IMAGE_X86_OFFSET + loaded), .size = IMAGE_X86_OFFSET + loaded};
    if (!out->data)
        return STATUS_TROUBLE;
    memcpy(out->data, h->file.data, IMAGE_X86_OFFSET + flat);
    memcpy(out->data + IMAGE_X86_OFFSET + h->size, s->bundle_file.data, s->bundle_file.size);

    struct image_header_x86 *i = (struct image_header_x86 *)(out->data + IMAGE_X86_OFFSET);
    Elf64_Ehdr *e = (Elf64_Ehdr *)out->data;
    Elf64_Phdr *last = last_load(out->data, out->size);

    i->multiboot1.load_end = i->multiboot2.load_end = (uint32_t)(IMAGE_X86_BASE + loaded);
    i->multiboot1.bss_end = i->multiboot2.bss_end = (uint32_t)end;
    i->arena = s->arena.size;
    last->p_filesz = loaded - (last->p_paddr - IMAGE_X86_BASE);
    last->p_memsz = end - last->p_paddr;
    e->e_shoff = 0; /* what sections say no longer holds */
    e->e_shnum = e->e_shstrndx = 0;
    return STATUS_OK;
}
