/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VT-d unit at register level (rev. 4.1, legacy mode), as strict as the manual allows hardware to be:
 *  - what it fetched stays in the context cache, the IOTLB and the interrupt entry cache until the right
 *    invalidation, by queue or by register; with CM also what was not present or faulted;
 *  - without coherency (ECAP.C 0) it sees only what was cleaned, the invalidation queue included; with RWBF
 *    it sees tables only as they were at the last GCMD.WBF;
 *  - GCMD changes one bit at a time and takes effect after some reads of GSTS (delay); a queue takes its
 *    commands at the IQT write, or after queue_delay polls (reads of a register, arch_relax);
 *  - after every register write, queue command and barrier all watched functions go on doing DMA (which
 *    refills caches), and none may get through to what nobody gave it: not by a cached, a freshly read or a
 *    half-written (torn) context entry, and never untranslated.
 * Anything the manual forbids is recorded in violation. Interrupt requests whose format or source is wrong
 * are blocked and recorded as faults, unlike in QEMU.
 *
 * Addresses: memory is the pool's (machine address of its first frame on) and the firmware's frames at
 * VTD_MODEL_FW; DMA elsewhere passes where the tables say so, tables elsewhere cannot be fetched.
 *
 * Sources: tests/models/vtd_model.c and tests/models/vtd_model_walk.c.
 */
#ifndef MODELS_VTD_MODEL_H
#define MODELS_VTD_MODEL_H

#include "arch_mmio.h"
#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

#define VTD_MODEL_WATCHES   8
#define VTD_MODEL_CACHE     64
#define VTD_MODEL_FAULTS    8 /* fault recording registers at most (m->frcd) */
#define VTD_MODEL_COMMANDS  256
#define VTD_MODEL_FW        UINT64_C(0x7f000000) /* firmware's tables, in memory of their own */
#define VTD_MODEL_FW_FRAMES 12
#define VTD_MODEL_FW_DOMAIN 1    /* the domain id that firmware's context entries use */
#define VTD_MODEL_FW_VECTOR 0x77 /* what every entry of firmware's remapping table delivers */

/* Capability bits that tests switch on and off (10.4.2, 10.4.3); m->cap and m->ecap before the first access.
 */
#define VTD_MODEL_CAP_RWBF    (UINT64_C(1) << 4)
#define VTD_MODEL_CAP_CM      (UINT64_C(1) << 7)
#define VTD_MODEL_CAP_SAGAW39 (UINT64_C(1) << 9)
#define VTD_MODEL_CAP_SAGAW48 (UINT64_C(1) << 10)
#define VTD_MODEL_CAP_SAGAW57 (UINT64_C(1) << 11) /* with MGAW: vtd_model_widths */
#define VTD_MODEL_CAP_2M      (UINT64_C(1) << 34)
#define VTD_MODEL_CAP_1G      (UINT64_C(1) << 35)
#define VTD_MODEL_CAP_DRAIN   (UINT64_C(3) << 54)
#define VTD_MODEL_CAP_ESRTPS  (UINT64_C(1) << 63) /* SRTP invalidates by itself */
#define VTD_MODEL_ECAP_C      (UINT64_C(1) << 0)
#define VTD_MODEL_ECAP_QI     (UINT64_C(1) << 1)
#define VTD_MODEL_ECAP_IR     (UINT64_C(1) << 3)
#define VTD_MODEL_ECAP_EIM    (UINT64_C(1) << 4)
#define VTD_MODEL_ECAP_PT     (UINT64_C(1) << 6)
#define VTD_MODEL_ECAP_SC     (UINT64_C(1) << 7)
#define VTD_MODEL_ECAP_SMTS   (UINT64_C(1) << 43)
#define VTD_MODEL_ECAP_ADMS   (UINT64_C(1) << 52)

/* One function that does DMA all the time. */
struct vtd_model_watch {
    uint16_t bdf;
    uint64_t busy; /* the bus address that it reads in the background */
    bool given;    /* may pass, but only by this table of this domain */
    uint64_t root; /* machine address of its second-level root */
    uint16_t id;
    bool moving; /* on its way to another map: may pass by this one, too */
    uint64_t also_root;
    uint16_t also_id;
    bool leave; /* firmware's translation may go on, while firmware_may (below) is set */
};

struct vtd_model_cc { /* context cache */
    bool used;
    uint16_t bdf;
    uint64_t w[2];
    uint8_t reason; /* CM: this fault is cached; 0: a good entry */
};
struct vtd_model_tlb { /* IOTLB */
    bool used;
    uint16_t id;
    uint64_t root, bfn, frames, out; /* in frames */
    uint8_t rights;                  /* 1 read, 2 write */
    uint8_t reason;
};
struct vtd_model_iec { /* interrupt entry cache */
    bool used;
    uint16_t index;
    uint64_t w[2];
};

/* An interrupt that got through. */
struct vtd_model_irq {
    bool remapped;
    uint8_t vector, delivery;
    bool logical, level;
    uint32_t apic; /* destination id: 8 bits, or 32 with EIME */
};

struct vtd_model {
    /* Registers. cap, ecap: set by init, a test may change them before the first access. */
    uint64_t cap, ecap;
    uint32_t gsts, fsts, fectl, fedata, feaddr, feuaddr, pmen, plmbase, plmlimit;
    uint64_t rtaddr, rtaddr_live, ccmd, iva, iotlb, iqa, iqh, iqt, irta, irta_live, phmbase, phmlimit;
    uint64_t iqercd;
    uint32_t ics, iectl, iedata, ieaddr, ieuaddr;
    uint64_t frcd[VTD_MODEL_FAULTS][2];
    uint8_t fri; /* the fault recording register that the next fault takes */

    uint8_t haw; /* host address width: address bits above are reserved in every entry */

    const struct pool *pool;
    uint8_t *cleaned, *mem, *before; /* what was cleaned; what the unit sees; what it saw at the last check */
    uint8_t fw[VTD_MODEL_FW_FRAMES << 12];
    struct vtd_model_cc cc[VTD_MODEL_CACHE];
    struct vtd_model_tlb tlb[VTD_MODEL_CACHE];
    struct vtd_model_iec iec[VTD_MODEL_CACHE];
    unsigned cc_next, tlb_next, iec_next;

    /* Errors to inject, and tempers. */
    uint32_t never_ack; /* GSTS bits that never follow GCMD */
    bool queue_hangs, ccmd_hangs, iotlb_hangs, pmen_hangs;
    unsigned delay;        /* reads of a register until what it says is done */
    unsigned queue_delay;  /* 0: the queue runs at the IQT write */
    unsigned fail_command; /* this queue command from now on fails with IQE, 1: the next; 0: none */
    bool compress;         /* a fault of a function that has one pending is dropped (7.3.1) */

    /* Seen. */
    bool pending;  /* a GCMD is under way */
    uint32_t gcmd; /* what it asked for */
    unsigned waited, queue_waited;
    uint8_t command[VTD_MODEL_COMMANDS]; /* types of queue commands in the order they ran: 1 context, 2 IOTLB,
                                            4 IEC, 5 wait */
    unsigned commands;
    bool need_cc, need_tlb, need_iec; /* not invalidated globally since the table pointer was set */
    unsigned events;                  /* fault event interrupts sent (FECTL.IM clear) */
    unsigned lost;                    /* faults that no register recorded */

    /* Watching. */
    bool watching;     /* nothing may pass that is not given */
    bool firmware_may; /* until a test clears it: also what firmware's tables say (never: untranslated) */
    struct vtd_model_watch watch[VTD_MODEL_WATCHES];
    unsigned watches;
    bool checking;
    char violation[256]; /* the first one */
    unsigned violations;
};

/*
 * Reset state, like QEMU's unit: 39 and 48 bits, 2 MiB and 1 GiB leaves, queue, remapping with EIM, pass
 * through, snoop control, four fault recording registers at 0x220 ..., IOTLB registers at 0xf0; coherent:
 * ECAP.C. Hooks itself into arch_host; free with vtd_model_fini.
 */
void vtd_model_init(struct vtd_model *m, const struct pool *pool, bool coherent);
void vtd_model_fini(struct vtd_model *m);
mmio_t vtd_model_mmio(struct vtd_model *m);
/* Offer these address widths (VTD_MODEL_CAP_SAGAW..), with the MGAW of the largest. */
void vtd_model_widths(struct vtd_model *m, uint64_t sagaw);

/*
 * Firmware left translation (TES) on: its root table leads every function to identity tables of domain
 * VTD_MODEL_FW_DOMAIN over [0, 512 GiB) (4 GiB where CAP lacks 1 GiB leaves), caches are primed by a read of
 * each watched function. remap: also IRES with a table that sends every index to vector VTD_MODEL_FW_VECTOR,
 * unchecked, cached for index 0..7. queue: QIES, with a queue of its own at VTD_MODEL_FW. Call it after the
 * watches are set.
 */
void vtd_model_firmware(struct vtd_model *m, bool remap, bool queue);
/* Firmware left scalable mode on (RTADDR.TTM 01): DMA goes anywhere. Sets ECAP.SMTS. */
void vtd_model_firmware_scalable(struct vtd_model *m);
/* Firmware left the protected memory regions on: [lo, lo + 2 MiB) below 4 GiB. Sets CAP.PLMR. */
void vtd_model_firmware_protect(struct vtd_model *m, uint32_t lo);

/* Check this function from now on; nothing may pass until the test sets given, root and id. */
struct vtd_model_watch *vtd_model_watch(struct vtd_model *m, uint16_t bdf);

/*
 * A memory request of a function. False: blocked, and recorded as a fault where the manual says so. A write
 * to the interrupt range (0xfee00000..0xfeefffff) never reaches memory: use vtd_model_interrupt.
 */
bool vtd_model_dma(struct vtd_model *m, uint16_t bdf, uint64_t addr, bool write, maddr_t *out);

/* An interrupt request (a DWORD write) of a function, an IOAPIC or a forger. False: blocked and recorded. */
bool vtd_model_interrupt(struct vtd_model *m, uint16_t bdf, uint32_t addr, uint32_t data, struct vtd_model_irq *out);

/* The address of a remappable message that uses index, without subhandle. */
static inline uint32_t vtd_model_message(uint16_t index)
{
    return 0xfee00010u | (uint32_t)(index & 0x7fff) << 5 | (uint32_t)(index >> 15) << 2;
}

/* The unit records a fault, as hardware would (7.3): bus address or index << 48 in addr. */
void vtd_model_fault(struct vtd_model *m, uint16_t bdf, uint8_t reason, uint64_t addr, bool read);

#endif
