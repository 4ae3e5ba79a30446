# SPDX-License-Identifier: Apache-2.0
# The tool and the tests, for the machine that builds.
set(MULLION_IMAGE_DIR ${CMAKE_SOURCE_DIR}/build/aarch64 CACHE PATH "the aarch64 build, for the board tests")
set(MULLION_X86_64_DIR ${CMAKE_SOURCE_DIR}/build/x86_64 CACHE PATH "the x86_64 build, likewise")
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
add_link_options(-fsanitize=address,undefined)

# tests/host gives the device accesses of a host: it comes before the architecture's folder.
set(HOST_INCLUDES ${CMAKE_SOURCE_DIR}/tests/host ${MULLION_INCLUDES} ${CMAKE_SOURCE_DIR}/tests/models
    ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64)

list(REMOVE_ITEM CORE_SOURCES ${CMAKE_SOURCE_DIR}/kernel/libc.c) # this machine has a C library
add_library(core STATIC ${CORE_SOURCES})
target_include_directories(core PUBLIC ${HOST_INCLUDES})
target_compile_options(core PRIVATE ${MULLION_WARNINGS})
target_link_libraries(core PUBLIC fdt)

# Stand-ins for the architecture, and register models.
file(GLOB HOST_SOURCES CONFIGURE_DEPENDS tests/host/*.c tests/models/*.c)
add_library(host_arch STATIC ${HOST_SOURCES})
target_include_directories(host_arch PUBLIC ${HOST_INCLUDES})
target_compile_options(host_arch PRIVATE ${MULLION_WARNINGS})

file(GLOB TOOL_SOURCES CONFIGURE_DEPENDS tools/*.c)
add_executable(mullion ${TOOL_SOURCES} $<TARGET_OBJECTS:boot_objects>)
target_compile_options(mullion PRIVATE ${MULLION_WARNINGS})
target_link_libraries(mullion PRIVATE core host_arch)

# How large the hypervisor's own objects are: with its mmio_t, not the models'.
add_library(boot_objects OBJECT kernel/arch/aarch64/boot_objects.c)
target_include_directories(boot_objects PRIVATE ${CMAKE_SOURCE_DIR}/kernel/arch/aarch64 ${MULLION_INCLUDES})
target_compile_options(boot_objects PRIVATE ${MULLION_WARNINGS})

enable_testing()
add_subdirectory(tests)
