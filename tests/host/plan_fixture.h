/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for tests: tests/boards/virt-smmu.dts and a manifest's source text, through the whole pipeline. */
#ifndef HOST_PLAN_FIXTURE_H
#define HOST_PLAN_FIXTURE_H

#include "plan.h"

#define FIXTURE_LINUX_SIZE  0x100000 /* "linux": an arm64 Image, of which Linux' header says: */
#define FIXTURE_LINUX_USES  0x1300000
#define FIXTURE_RTOS_SIZE   0x3000   /* "rtos" and "prober": raw */
#define FIXTURE_INITRD_SIZE 0x234567 /* "initrd" */

/*
 * Three partitions: "linux" (translated, two PCI devices, scratch), "rtos" (identity, platform devices
 * behind the SMMU and a PCI function that is not) and "mini" (pinned memory, no devices).
 */
extern const char fixture_manifest[];

struct fixture {
    struct arena arena;
    void *board_blob, *manifest_blob, *bundle_blob;
    struct dt board_dt, manifest_dt;
    struct board board;
    struct manifest manifest;
    struct bundle bundle;
    struct plan_input in;
    struct plan plan;
    struct diag diag;
};

/*
 * Board, manifest and bundle read, f->in filled; ends the test when one of them is refused by its
 * reader. Image at 0x40200000, 2 MiB with an arena of 64 KiB; bundle behind it, 4 MiB; DTB at
 * 0x48000000, 1 MiB.
 */
void fixture_read(struct fixture *f, const char *manifest);
/* The same, but the manifest may be refused. */
err_t fixture_try(struct fixture *f, const char *manifest);
err_t fixture_try_file(struct fixture *f, const char *path, char *first_line, size_t max);
/* fixture_read and plan_build. */
err_t fixture_plan(struct fixture *f, const char *manifest);
void fixture_free(struct fixture *f);

#endif
