# SPDX-License-Identifier: Apache-2.0
# Compiler flags, in one place for both builds and for the checks that call the compiler themselves.
set(MULLION_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)
set(MULLION_INCLUDES ${CMAKE_SOURCE_DIR}/kernel ${CMAKE_SOURCE_DIR}/abi ${CMAKE_SOURCE_DIR}/boot)

# musl's headers and libfdt's; nothing of this machine's C library. General registers only: FP
# and SIMD state belongs to the guests. No unaligned accesses: the first code runs with the MMU off.
set(MULLION_TARGET_FLAGS
    -ffreestanding -nostdinc
    -isystem${MULLION_DEPS}/arm64/root/usr/include/aarch64-linux-musl
    -isystem${MULLION_DEPS}/arm64/root/usr/include
    -fpie -fvisibility=hidden -fdirect-access-external-data -mcmodel=small -mgeneral-regs-only -mstrict-align -mno-outline-atomics
    -ffunction-sections -fdata-sections)
set(MULLION_LIBFDT ${MULLION_DEPS}/arm64/root/usr/lib/aarch64-linux-gnu/libfdt.a)
