# SPDX-License-Identifier: Apache-2.0
# The hypervisor's binary and the test guests, for CMAKE_SYSTEM_PROCESSOR.
set(ARCH_DIR kernel/arch/${CMAKE_SYSTEM_PROCESSOR})
file(GLOB ARCH_SOURCES CONFIGURE_DEPENDS ${ARCH_DIR}/*.c ${ARCH_DIR}/*.S)
set(LINK_SCRIPT ${CMAKE_SOURCE_DIR}/${ARCH_DIR}/link.ld)
set(LINK_FLAGS --no-undefined -znoexecstack -zseparate-code -zmax-page-size=4096 --gc-sections --build-id=none
    --fatal-warnings --icf=all -mllvm=-inline-threshold=0 -T ${LINK_SCRIPT})

# Formats, readers, drivers of other machines are left out; the host's tests have them all. The image is small:
# most of it runs once, at boot, and link-time optimization shares code between files.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
    list(FILTER CORE_SOURCES EXCLUDE REGEX "kernel/((board_)?acpi|guest_(acpi|aml|pc)|plan_image_pc|dev/((ns|v)16550|pci_msi|vmsix))")
    # (The PV window has no caller yet: its hypercall comes with the run-time ABI.)
    list(FILTER CORE_SOURCES EXCLUDE REGEX "(iommu/pv|p2m/window)[.]c")
    list(FILTER CORE_SOURCES EXCLUDE REGEX "iommu/(kind_)?(amdvi|ipmmu|vtd)")
    list(FILTER CORE_SOURCES EXCLUDE REGEX
        "p2m/(kind_x86|(format|verify)_(amdvi|ept|iommu|ipmmu|long_mode|npt|shared|smmu_s1|vtd_[a-z]*|x86))")
    # The tiny code model reaches 1 MiB.
    set(IMAGE_FLAGS -fstack-protector-strong -Oz -fomit-frame-pointer -munaligned-access -mcmodel=tiny -flto)
    # Position independent: head.S applies the relative relocations where firmware put the image.
    list(APPEND LINK_FLAGS -pie --no-dynamic-linker -Bsymbolic -ztext -mllvm=-machine-outliner-reruns=2)
    set(IMAGE_LIBRARIES ${MULLION_LIBFDT})
    # Runs with the MMU off, where an unaligned access faults.
    set_source_files_properties(${ARCH_DIR}/mmu.c PROPERTIES COMPILE_OPTIONS "-mstrict-align")
    set(FAST exits trap_abort)
else()
    list(FILTER CORE_SOURCES EXCLUDE REGEX "(iommu/pv|p2m/window)[.]c")
    list(FILTER CORE_SOURCES EXCLUDE REGEX "kernel/(guest_dt|load_dtb|plan_image_arm64|dev/v?pl011)")
    list(FILTER CORE_SOURCES EXCLUDE REGEX "iommu/(kind_)?(ipmmu|smmuv3)")
    list(FILTER CORE_SOURCES EXCLUDE REGEX "p2m/(kind_arm|(format|verify)_(arm[a-z0-9_]*|ipmmu|smmu_s1|vtd_fl))")
    set(IMAGE_FLAGS -fstack-protector-strong -Oz -fomit-frame-pointer -flto)
    # No libfdt: Debian's uses SSE, and nothing here asks for it.
    list(APPEND LINK_FLAGS -static)
    set(FAST cpuid_filter exit_cpuid exit_npf exits guest_walk insn trap_device)
endif()

# What runs at every exit is compiled for speed.
foreach(name IN LISTS FAST)
    set_source_files_properties(${ARCH_DIR}/${name}.c PROPERTIES COMPILE_OPTIONS "-O2")
endforeach()

# An image: NAME.elf from the core, the architecture and further sources.
function(add_image name)
    add_executable(${name}.elf ${CORE_SOURCES} ${ARCH_SOURCES} ${ARGN})
    target_include_directories(${name}.elf PRIVATE ${MULLION_INCLUDES} ${CMAKE_SOURCE_DIR}/${ARCH_DIR})
    target_compile_options(${name}.elf PRIVATE
        ${MULLION_TARGET_FLAGS} "$<$<COMPILE_LANGUAGE:C>:${MULLION_WARNINGS};${IMAGE_FLAGS}>")
    target_link_options(${name}.elf PRIVATE ${LINK_FLAGS})
    target_link_libraries(${name}.elf PRIVATE ${IMAGE_LIBRARIES})
    set_target_properties(${name}.elf PROPERTIES LINK_DEPENDS ${LINK_SCRIPT})
endfunction()

# NAME.bin from it, which is what an arm64 boot loader wants.
function(add_binary name)
    add_custom_command(OUTPUT ${name}.bin
        COMMAND ${CMAKE_OBJCOPY} -O binary ${name}.elf ${name}.bin
        DEPENDS ${name}.elf VERBATIM)
    add_custom_target(${name}-bin ALL DEPENDS ${name}.bin)
endfunction()

add_image(mullion)

if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
    add_binary(mullion)
    # The same with a bit of its tables flipped before they are verified: tests/boards/flip.c.
    add_image(mullion-flip tests/boards/flip.c)
    target_link_options(mullion-flip.elf PRIVATE --wrap=compile_verify)
    add_binary(mullion-flip)
endif()
add_subdirectory(tests/guests)
