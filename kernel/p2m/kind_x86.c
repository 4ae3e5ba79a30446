/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/kind.h"

#include <stddef.h>

/* SVM (APM vol. 2, 15): the host's save area, its own VMCB, the guest's; MSR bitmap of 8 KiB, I/O bitmap of 12. */
#define SVM_FRAMES 3, 5

const struct p2m_kind p2m_npt = {&pt_format_npt, &verify_npt, 48, NULL, SVM_FRAMES};
const struct p2m_kind p2m_npt_shared = {&pt_format_npt_shared, &verify_npt_shared, 48, &p2m_npt, SVM_FRAMES};
const struct p2m_kind p2m_ept = {&pt_format_ept, &verify_ept, 48, NULL, 0, 0};
const struct p2m_kind p2m_ept_shared = {&pt_format_ept, &verify_ept_shared, 48, &p2m_ept, 0, 0};
const struct p2m_kind own_x86_64 = {&pt_format_long_mode, &verify_long_mode, 48, NULL, 0, 0};
