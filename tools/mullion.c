/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (UINT64_C(1) << 30)

static const struct argp_option option_table[] = {
    {"board", 'b', "FILE", 0, "the board's device tree, .dts or .dtb", 0},
    {"include", 'I', "DIR", 0, "look for guest images (and /include/ files) here too", 0},
    {"hypervisor", 'k', "FILE", 0,
     "mullion.bin (needed by image; check and report else assume 1 MiB), or mullion.elf of x86_64", 0},
    {"output", 'o', "FILE", 0, "image: the file to write", 0},
    {"address", 'a', "ADDR", 0,
     "machine address that the boot loader puts the image at (default: first 2 MiB boundary of RAM with "
     "room)",
     0},
    {"dtb", 'd', "ADDR", 0,
     "machine address that the boot loader puts the board's device tree at (default: behind the image)", 0},
    {"arena", 'A', "BYTES", 0,
     "memory for plan, board and run-time objects (default: what they take, half again and 16 KiB; x86_64: 4 MiB)", 0},
    {"pa-bits", 'p', "N", 0, "address bits of the board's CPUs: 32, 36, 40, 42, 44 or 48 (default)", 0},
    {0},
};

static const char usage[] =
    "check MANIFEST -b BOARD\nreport MANIFEST -b BOARD\nimage MANIFEST -b BOARD -k mullion.bin -o OUT\n"
    "image MANIFEST -k mullion.elf -o OUT";
static const char doc[] =
    "Mullion's host tool: runs on a manifest what the hypervisor will run at boot.\v"
    "check: refuse a manifest that the hypervisor would refuse, with the reason.\n"
    "report: print who can reach what.\n"
    "image: check, then pack hypervisor, manifest and guest images into one file.\n\n"
    "An x86_64 learns its board from ACPI at boot: image packs for it (mullion.elf) without -b and\n"
    "without a plan; what does not fit the board is refused when it starts.\n"
    "Guest images are looked for in each -I folder, then beside the manifest.\n"
    "Exit status: 0 fine, 1 refused, 2 trouble (usage, unreadable files).";

/* A number between min and max, a multiple of step. */
static uint64_t number_parse(struct argp_state *state, char key, const char *arg, uint64_t max, uint64_t step)
{
    char *end;
    errno = 0;
    uint64_t v = strtoull(arg, &end, 0);
    if (end == arg || *end || errno || *arg == '-' || v > max || v % step)
        argp_error(state, "-%c %s: a %s is wanted, 0x%llx at the most", key, arg,
                   step > 1 ? "multiple of 2 MiB" : "number", (unsigned long long)max);
    return v;
}

static uint8_t pa_bits_parse(struct argp_state *state, const char *arg)
{
    static const uint8_t known[] = {32, 36, 40, 42, 44, 48}; /* ID_AA64MMFR0_EL1.PARange */
    uint64_t v = number_parse(state, 'p', arg, 48, 1);
    if (!memchr(known, (int)v, sizeof(known)))
        argp_error(state, "-p %s: 32, 36, 40, 42, 44 or 48 is wanted", arg);
    return (uint8_t)v;
}

static error_t option_parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'b':
        o->board = arg;
        return 0;
    case 'I':
        o->dir[o->dirs++] = arg; /* room for one per argument */
        return 0;
    case 'k':
        o->hypervisor = arg;
        return 0;
    case 'o':
        o->out = arg;
        return 0;
    case 'a':
        o->address = number_parse(state, 'a', arg, UINT64_MAX, UINT64_C(2) << 20);
        o->has_address = true;
        return 0;
    case 'd':
        o->dtb = number_parse(state, 'd', arg, UINT64_MAX, 1);
        o->has_dtb = true;
        return 0;
    case 'A':
        o->arena = number_parse(state, 'A', arg, ARENA_MAX, 1);
        o->arena = frames_of(o->arena ? o->arena : 1) * FRAME_SIZE;
        return 0;
    case 'p':
        o->pa_bits = pa_bits_parse(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "one manifest only, not \"%s\"", arg);
        *(state->arg_num == 0 ? &o->command : &o->manifest) = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum status command_check(const struct system *s, const struct options *o)
{
    printf("%s: fine: %u partition%s, %llu frames for the hypervisor's tables, %zu of %zu bytes of arena\n",
           o->manifest, s->plan.partitions, s->plan.partitions == 1 ? "" : "s",
           (unsigned long long)s->plan.hv.pool_frames, s->arena.used, s->arena.size);
    return STATUS_OK;
}

static enum status command_report(const struct system *s, const struct options *o)
{
    (void)o;
    report_print(stdout, s);
    return STATUS_OK;
}

static enum status command_image(const struct system *s, const struct options *o)
{
    return image_write(s, o->out);
}

static const struct command {
    const char *name;
    enum status (*run)(const struct system *s, const struct options *o);
    bool packs; /* needs -k and -o */
} command_table[] = {
    {"check", command_check, false},
    {"report", command_report, false},
    {"image", command_image, true},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof(command_table) / sizeof(*command_table); i++) {
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct argp argp = {option_table, option_parse, usage, doc, NULL, NULL, NULL};
    struct options o = {.dir = calloc((size_t)argc, sizeof(*o.dir)), .pa_bits = 48};
    if (!o.dir)
        return STATUS_TROUBLE;
    argp_err_exit_status = STATUS_TROUBLE;
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    enum status status = STATUS_TROUBLE;
    const struct command *c = o.command ? command_find(o.command) : NULL;
    if (!c)
        fprintf(stderr, "mullion: the first argument is check, report or image (see --help)\n");
    else if (!o.manifest || (!o.board && !c->packs))
        fprintf(stderr, "mullion: %s wants a manifest and -b BOARD (see --help)\n", c->name);
    else if (c->packs && (!o.hypervisor || !o.out))
        fprintf(stderr, "mullion: %s wants -k mullion.bin (or mullion.elf) and -o OUT (see --help)\n", c->name);
    else {
        struct system s = {0};
        status = system_load(&s, &o);
        if (status == STATUS_OK && !o.has_address && !s.hypervisor.is_elf)
            printf("mullion: the image is assumed at 0x%llx: say with -a where the boot loader puts it\n",
                   (unsigned long long)s.plan.hv.image.v);
        if (status == STATUS_OK)
            status = c->run(&s, &o);
        system_free(&s);
    }
    free(o.dir);
    return (int)status;
}
