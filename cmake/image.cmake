# SPDX-License-Identifier: Apache-2.0
# The hypervisor's binary and the test guests.
file(GLOB ARCH_SOURCES CONFIGURE_DEPENDS kernel/arch/aarch64/*.c kernel/arch/aarch64/*.S)
set(LINK_SCRIPT ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64/link.ld)

add_executable(mullion.elf ${CORE_SOURCES} ${ARCH_SOURCES})
target_include_directories(mullion.elf PRIVATE ${MULLION_INCLUDES} ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64)
# Small: most of it runs once, at boot. The tiny code model reaches 1 MiB, and link-time
# optimization shares code between files. What runs at every exit is compiled for speed.
target_compile_options(mullion.elf PRIVATE
    ${MULLION_TARGET_FLAGS} "$<$<COMPILE_LANGUAGE:C>:${MULLION_WARNINGS};-fstack-protector-strong;-Oz;-mcmodel=tiny;-flto>")
set_source_files_properties(
    kernel/arch/aarch64/exits.c kernel/arch/aarch64/call.c
    kernel/arch/aarch64/trap_abort.c
    PROPERTIES COMPILE_OPTIONS "-O2")
# Position independent: head.S applies the relative relocations where firmware put the image.
target_link_options(mullion.elf PRIVATE
    -pie --no-dynamic-linker --no-undefined -Bsymbolic -ztext -znoexecstack -zseparate-code -zmax-page-size=4096
    --gc-sections --build-id=none --fatal-warnings -T ${LINK_SCRIPT})
target_link_libraries(mullion.elf PRIVATE ${MULLION_LIBFDT})
set_target_properties(mullion.elf PROPERTIES LINK_DEPENDS ${LINK_SCRIPT})

add_custom_command(OUTPUT mullion.bin
    COMMAND ${CMAKE_OBJCOPY} -O binary mullion.elf mullion.bin
    DEPENDS mullion.elf VERBATIM)
add_custom_target(mullion-bin ALL DEPENDS mullion.bin)

if(EXISTS ${CMAKE_SOURCE_DIR}/tests/guests/CMakeLists.txt)
    add_subdirectory(tests/guests)
endif()
