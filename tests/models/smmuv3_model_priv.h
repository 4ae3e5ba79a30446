/* SPDX-License-Identifier: Apache-2.0 */
/* What the two sources of the SMMUv3 model share. */
#ifndef MODELS_SMMUV3_MODEL_PRIV_H
#define MODELS_SMMUV3_MODEL_PRIV_H

#include "smmuv3_model.h"

void smmuv3_violate(struct smmuv3_model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* n bytes of an image of the unit's memory, or NULL (with a violation) outside of the pool. */
void *smmuv3_mem_at(struct smmuv3_model *m, uint8_t *mem, uint64_t addr, uint64_t n);

/* A TLB command or CMD_SYNC was run (4.4, 4.6). */
void smmuv3_tlb_command(struct smmuv3_model *m, const uint64_t c[2]);

#endif
