# SPDX-License-Identifier: Apache-2.0
# Compiler flags, in one place for both builds and for the checks that call the compiler themselves.
set(MULLION_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)
set(MULLION_INCLUDES ${CMAKE_SOURCE_DIR}/kernel ${CMAKE_SOURCE_DIR}/abi ${CMAKE_SOURCE_DIR}/boot)

# musl's headers and libfdt's; nothing of this machine's C library. General registers only: FP
# and SIMD state belongs to the guests.
function(mullion_target_flags arch debian musl)
    set(MULLION_FLAGS_${arch}
        -ffreestanding -nostdinc
        -isystem${MULLION_DEPS}/${debian}/root/usr/include/${musl}
        -isystem${MULLION_DEPS}/${debian}/root/usr/include
        -mgeneral-regs-only -mcmodel=small -ffunction-sections -fdata-sections ${ARGN} PARENT_SCOPE)
endfunction()
# No unaligned accesses: the first code runs with the MMU off.
mullion_target_flags(aarch64 arm64 aarch64-linux-musl
    -fpie -fvisibility=hidden -fdirect-access-external-data -mstrict-align -mno-outline-atomics)
# At a fixed place; the canary in memory, as no thread pointer is set up.
mullion_target_flags(x86_64 amd64 x86_64-linux-musl -fno-pic -mno-red-zone -mstack-protector-guard=global)
set(MULLION_TARGET_FLAGS ${MULLION_FLAGS_${CMAKE_SYSTEM_PROCESSOR}}) # of an image
set(MULLION_LIBFDT ${MULLION_DEPS}/arm64/root/usr/lib/aarch64-linux-gnu/libfdt.a)
