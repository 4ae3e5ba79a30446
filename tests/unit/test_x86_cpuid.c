/* SPDX-License-Identifier: Apache-2.0 */
/* links: kernel/arch/x86_64/cpuid_filter.c */
/* What a guest is told by CPUID, against a CPU that has everything: every bit is set. */
#include "arch/x86_64/cpuid_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ALL UINT32_MAX

static const struct cpuid_view view = {.apic_id = 5, .cpus = 2, .id_bits = 3, .xcr0 = 7, .xsave_size = 832};

static struct cpuid ask(uint32_t leaf, uint32_t sub, const struct cpuid_view *v)
{
    struct cpuid c = {ALL, ALL, ALL, ALL};

    cpuid_filter(leaf, sub, &c, v);
    return c;
}

static bool has(uint32_t word, unsigned bit)
{
    return word >> bit & 1;
}

static void features_that_are_not_given(void **state)
{
    (void)state;
    static const struct {
        uint32_t leaf, sub;
        char reg;
        uint8_t bit;
        const char *name;
    } hidden[] = {
        {1, 0, 'c', 3, "MONITOR"},
        {1, 0, 'c', 5, "VMX"},
        {1, 0, 'c', 6, "SMX"},
        {1, 0, 'c', 15, "PDCM"},
        {1, 0, 'c', 24, "TSC deadline"},
        {1, 0, 'c', 27, "OSXSAVE"},
        {1, 0, 'd', 18, "serial number"},
        {1, 0, 'd', 21, "DS"},
        {1, 0, 'd', 22, "thermal MSRs"},
        {7, 0, 'b', 2, "SGX"},
        {7, 0, 'b', 4, "HLE"},
        {7, 0, 'b', 11, "RTM"},
        {7, 0, 'b', 12, "PQM"},
        {7, 0, 'b', 14, "MPX"},
        {7, 0, 'b', 25, "trace"},
        {7, 0, 'c', 3, "PKU"},
        {7, 0, 'c', 4, "OSPKE"},
        {7, 0, 'c', 5, "WAITPKG"},
        {7, 0, 'c', 7, "shadow stacks"},
        {7, 0, 'd', 29, "ARCH_CAPABILITIES"},
        {7, 0, 'd', 28, "L1D_FLUSH"},
        {6, 0, 'c', 0, "APERF"},
        {0xd, 1, 'a', 3, "XSAVES"},
        {0xd, 1, 'a', 4, "XFD"},
        {0x80000001, 0, 'c', 2, "SVM"},
        {0x80000001, 0, 'c', 3, "extended APIC"},
        {0x80000001, 0, 'c', 10, "IBS"},
        {0x80000001, 0, 'c', 12, "SKINIT"},
        {0x80000001, 0, 'c', 22, "topology"},
        {0x80000001, 0, 'c', 23, "performance counters"},
        {0x80000001, 0, 'c', 29, "MONITORX"},
        {0x80000007, 0, 'd', 7, "P-states"},
        {0x80000008, 0, 'b', 3, "INVLPGB"},
        {0x80000008, 0, 'b', 4, "RDPRU"},
        {0x80000008, 0, 'b', 8, "MCOMMIT"},
        {0x80000008, 0, 'b', 25, "VIRT_SPEC_CTRL"},
    };

    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        struct cpuid c = ask(hidden[i].leaf, hidden[i].sub, &view);
        uint32_t word = hidden[i].reg == 'a' ? c.a : hidden[i].reg == 'b' ? c.b : hidden[i].reg == 'c' ? c.c : c.d;

        if (has(word, hidden[i].bit))
            fail_msg("%s is shown", hidden[i].name);
    }
}

static void features_that_linux_needs(void **state)
{
    (void)state;
    struct cpuid c = ask(1, 0, &view);

    assert_true(has(c.c, 21));                                                             /* x2APIC */
    assert_true(has(c.c, 26));                                                             /* XSAVE */
    assert_true(has(c.c, 31));                                                             /* hypervisor */
    assert_true(has(c.d, 4) && has(c.d, 5) && has(c.d, 6) && has(c.d, 9) && has(c.d, 25)); /* TSC MSR PAE APIC SSE */
    assert_true(has(c.d, 7) && has(c.d, 14)); /* MCE, MCA: so that CR4.MCE is set */
    c = ask(0x80000001, 0, &view);
    assert_true(has(c.d, 11) && has(c.d, 20) && has(c.d, 29)); /* SYSCALL NX LM */
    assert_true(has(ask(0x80000007, 0, &view).d, 8));          /* invariant TSC */
    assert_true(has(ask(7, 0, &view).b, 1));                   /* TSC_ADJUST */
    assert_true(has(ask(6, 0, &view).a, 2));                   /* ARAT */
}

/* A CPU without a feature does not get it, but for those that are ours. */
static void nothing_is_invented(void **state)
{
    (void)state;
    struct cpuid none = {0};

    cpuid_filter(1, 0, &none, &view);
    assert_int_equal(none.c, UINT32_C(1) << 31);
    assert_int_equal(none.d, 1 << 28);
    none = (struct cpuid){0};
    cpuid_filter(7, 0, &none, &view);
    assert_int_equal(none.a | none.c | none.d, 0);
    assert_int_equal(none.b, 2);
    none = (struct cpuid){0};
    cpuid_filter(0x80000001, 0, &none, &view);
    assert_int_equal(none.c, 2);
    assert_int_equal(none.d, 0);
}

static void osxsave_follows_cr4(void **state)
{
    (void)state;
    struct cpuid_view v = view;

    v.cr4 = UINT64_C(1) << 18;
    assert_true(has(ask(1, 0, &v).c, 27));
    v.cr4 = ~v.cr4;
    assert_false(has(ask(1, 0, &v).c, 27));
}

static void ids_and_counts_are_the_partitions(void **state)
{
    (void)state;
    struct cpuid_view one = view;

    one.cpus = 1;
    assert_int_equal(ask(1, 0, &view).b, 5 << 24 | 2 << 16 | 0xff00);
    assert_true(has(ask(1, 0, &view).d, 28));
    assert_false(has(ask(1, 0, &one).d, 28));
    assert_true(has(ask(0x80000001, 0, &view).c, 1));
    assert_false(has(ask(0x80000001, 0, &one).c, 1));
    assert_int_equal(ask(0x80000008, 0, &view).c, 3 << 12 | 1);
    assert_int_equal(ask(0x80000008, 0, &view).a, 0xffff); /* no address size of guests of its own */

    struct cpuid c = ask(0xb, 0, &view);
    assert_int_equal(c.a, 0);
    assert_int_equal(c.b, 1);
    assert_int_equal(c.c, 0x100);
    assert_int_equal(c.d, 5);
    c = ask(0xb, 1, &view);
    assert_int_equal(c.a, 3);
    assert_int_equal(c.b, 2);
    assert_int_equal(c.c, 0x201);
    assert_int_equal(c.d, 5);
    c = ask(0xb, 2, &view);
    assert_int_equal(c.a | c.b, 0);
    assert_int_equal(c.c, 2);
    assert_int_equal(c.d, 5);
}

static void leaves_end(void **state)
{
    (void)state;
    assert_int_equal(ask(0, 0, &view).a, 0xd);
    assert_int_equal(ask(0, 0, &view).b, ALL); /* the vendor stays what it is */
    assert_int_equal(ask(0x80000000, 0, &view).a, 0x80000021);

    struct cpuid small = {7, 1, 2, 3};
    cpuid_filter(0, 0, &small, &view);
    assert_int_equal(small.a, 7);

    static const uint32_t absent[] = {2,          3,          4,          5,          9,          0xa,
                                      0xe,        0xf,        0x10,       0x12,       0x14,       0x1f,
                                      0x20,       0x3fffffff, 0x40000001, 0x400000ff, 0x40000102, 0x4000ffff,
                                      0x8000000a, 0x8000001b, 0x8000001c, 0x8000001d, 0x8000001e, 0x8000001f,
                                      0x80000020, 0x80000022, 0xc0000000, ALL};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        struct cpuid c = ask(absent[i], 0, &view);

        if (c.a | c.b | c.c | c.d)
            fail_msg("leaf 0x%x is not empty", absent[i]);
    }
    struct cpuid c = ask(7, 1, &view);
    assert_int_equal(c.a | c.b | c.c | c.d, 0);
}

static void xsave_is_what_xcr0_may_have(void **state)
{
    (void)state;
    struct cpuid_view none = view;
    struct cpuid c = {ALL, 576, ALL, ALL};

    cpuid_filter(0xd, 0, &c, &view);
    assert_int_equal(c.a, 7);
    assert_int_equal(c.b, 576); /* for XCR0 as it is */
    assert_int_equal(c.c, 832);
    assert_int_equal(c.d, 0);
    c = (struct cpuid){ALL, 600, ALL, ALL};
    cpuid_filter(0xd, 1, &c, &view);
    assert_int_equal(c.a, 7);
    assert_int_equal(c.b, 600);
    assert_int_equal(c.c | c.d, 0); /* no IA32_XSS */
    c = (struct cpuid){256, 576, 3, ALL};
    cpuid_filter(0xd, 2, &c, &view);
    assert_int_equal(c.a, 256);
    assert_int_equal(c.b, 576);
    assert_int_equal(c.c, 2);
    assert_int_equal(c.d, 0);
    static const uint32_t subs[] = {3, 9, 63, 64, 66, ALL};
    for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
        c = ask(0xd, subs[i], &view);
        assert_int_equal(c.a | c.b | c.c | c.d, 0);
    }
    none.xcr0 = 0;
    for (uint32_t sub = 0; sub < 3; sub++) {
        c = ask(0xd, sub, &none);
        assert_int_equal(c.a | c.b | c.c | c.d, 0);
    }
}

static void signatures(void **state)
{
    (void)state;
    struct cpuid c = ask(CPUID_HYPERVISOR, 0, &view);
    char text[13] = "";

    memcpy(text, &c.b, 12);
    assert_string_equal(text, "MullionMulli");
    assert_int_equal(c.a, 0x40000000);
    c = ask(CPUID_KVM, 0, &view);
    memcpy(text, &c.b, 12);
    assert_memory_equal(text, "KVMKVMKVM\0\0\0", 12);
    assert_int_equal(c.a, 0x40000101);
    c = ask(CPUID_KVM + 1, 0, &view);
    assert_int_equal(c.a | c.b | c.c, 0); /* no kvmclock, no PV EOI, nothing */
    assert_int_equal(c.d, 1);
}

static void xcr0_values(void **state)
{
    (void)state;
    assert_true(cpuid_xcr0_valid(1, 7));
    assert_true(cpuid_xcr0_valid(3, 7));
    assert_true(cpuid_xcr0_valid(7, 7));
    assert_true(cpuid_xcr0_valid(0xe7, 0xe7));
    assert_false(cpuid_xcr0_valid(0, 7));
    assert_false(cpuid_xcr0_valid(2, 7));
    assert_false(cpuid_xcr0_valid(5, 7));     /* AVX without SSE */
    assert_false(cpuid_xcr0_valid(0x207, 7)); /* protection keys */
    assert_false(cpuid_xcr0_valid(0xe7, 7));
    assert_false(cpuid_xcr0_valid(0x67, 0xe7)); /* part of AVX-512 */
    assert_false(cpuid_xcr0_valid(0xe3, 0xe7)); /* AVX-512 without AVX */
    assert_false(cpuid_xcr0_valid(UINT64_C(1) << 63 | 1, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_that_are_not_given),
        cmocka_unit_test(features_that_linux_needs),
        cmocka_unit_test(nothing_is_invented),
        cmocka_unit_test(osxsave_follows_cr4),
        cmocka_unit_test(ids_and_counts_are_the_partitions),
        cmocka_unit_test(leaves_end),
        cmocka_unit_test(xsave_is_what_xcr0_may_have),
        cmocka_unit_test(signatures),
        cmocka_unit_test(xcr0_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
