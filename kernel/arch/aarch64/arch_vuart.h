/* SPDX-License-Identifier: Apache-2.0 */
/* The UART that a partition is given. */
#ifndef ARCH_AARCH64_VUART_H
#define ARCH_AARCH64_VUART_H

#include "dev/vpl011.h"

typedef struct vpl011 arch_vuart_t;

#endif
