/* SPDX-License-Identifier: Apache-2.0 */
#include "p2m/kind.h"

#include <stddef.h>

const struct p2m_kind p2m_arm_s2 = {&pt_format_arm_s2, &verify_arm_s2, 39, NULL, 0, 0};
const struct p2m_kind own_arm_el2 = {&pt_format_arm_el2, &verify_arm_el2, 48, NULL, 0, 0};
