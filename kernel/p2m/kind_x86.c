/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/kind.h"

const struct p2m_kind p2m_npt = {&pt_format_npt, &verify_npt, 48};
const struct p2m_kind p2m_npt_shared = {&pt_format_npt_shared, &verify_npt_shared, 48};
const struct p2m_kind p2m_ept = {&pt_format_ept, &verify_ept, 48};
const struct p2m_kind p2m_ept_shared = {&pt_format_ept, &verify_ept_shared, 48};
