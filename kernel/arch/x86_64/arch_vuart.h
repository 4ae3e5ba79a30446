/* SPDX-License-Identifier: Apache-2.0 */
/* The UART that a partition is given. */
#ifndef ARCH_X86_64_VUART_H
#define ARCH_X86_64_VUART_H

#include "dev/v16550.h"

typedef struct v16550 arch_vuart_t;

#endif
