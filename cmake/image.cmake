# SPDX-License-Identifier: Apache-2.0
# The hypervisor's binary and the test guests.
file(GLOB ARCH_SOURCES CONFIGURE_DEPENDS kernel/arch/aarch64/*.c kernel/arch/aarch64/*.S)
# Formats and drivers of other machines are left out; the host's tests have them all.
list(FILTER CORE_SOURCES EXCLUDE REGEX "iommu/(kind_)?(amdvi|ipmmu|vtd)")
list(FILTER CORE_SOURCES EXCLUDE REGEX "p2m/(kind_x86|(format|verify)_(amdvi|ept|iommu|ipmmu|npt|shared|smmu_s1|vtd_[a-z]*|x86))")
set(LINK_SCRIPT ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64/link.ld)

# Small: most of it runs once, at boot. The tiny code model reaches 1 MiB, and link-time
# optimization shares code between files. What runs at every exit is compiled for speed.
set(IMAGE_FLAGS -fstack-protector-strong -Oz -fomit-frame-pointer -munaligned-access -mcmodel=tiny -flto)
set_source_files_properties(
    kernel/arch/aarch64/exits.c kernel/arch/aarch64/trap_abort.c
    PROPERTIES COMPILE_OPTIONS "-O2")
# Runs with the MMU off, where an unaligned access faults.
set_source_files_properties(kernel/arch/aarch64/mmu.c PROPERTIES COMPILE_OPTIONS "-mstrict-align")

# An image: NAME.elf from the core, the architecture and further sources, and NAME.bin from it.
# Position independent: head.S applies the relative relocations where firmware put the image.
function(add_image name)
    add_executable(${name}.elf ${CORE_SOURCES} ${ARCH_SOURCES} ${ARGN})
    target_include_directories(${name}.elf PRIVATE ${MULLION_INCLUDES} ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64)
    target_compile_options(${name}.elf PRIVATE
        ${MULLION_TARGET_FLAGS} "$<$<COMPILE_LANGUAGE:C>:${MULLION_WARNINGS};${IMAGE_FLAGS}>")
    target_link_options(${name}.elf PRIVATE
        -pie --no-dynamic-linker --no-undefined -Bsymbolic -ztext -znoexecstack -zseparate-code -zmax-page-size=4096
        --gc-sections --build-id=none --fatal-warnings --icf=all -mllvm=-machine-outliner-reruns=2 -mllvm=-inline-threshold=0 -T ${LINK_SCRIPT})
    target_link_libraries(${name}.elf PRIVATE ${MULLION_LIBFDT})
    set_target_properties(${name}.elf PROPERTIES LINK_DEPENDS ${LINK_SCRIPT})
    add_custom_command(OUTPUT ${name}.bin
        COMMAND ${CMAKE_OBJCOPY} -O binary ${name}.elf ${name}.bin
        DEPENDS ${name}.elf VERBATIM)
    add_custom_target(${name}-bin ALL DEPENDS ${name}.bin)
endfunction()

add_image(mullion)

# The same with a bit of its tables flipped before they are verified: tests/boards/flip.c.
add_image(mullion-flip tests/boards/flip.c)
target_link_options(mullion-flip.elf PRIVATE --wrap=compile_verify)

if(EXISTS ${CMAKE_SOURCE_DIR}/tests/guests/CMakeLists.txt)
    add_subdirectory(tests/guests)
endif()
