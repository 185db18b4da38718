# SPDX-License-Identifier: BSD-3-Clause
# xen::libraries: Xen's libraries, linked statically so that a process starts without dynamic
# relocations. They have no CMake package files and their pkg-config files name no archive.
foreach(library IN ITEMS xenforeignmemory xencall xentoollog xentoolcore)
    find_library(XEN_${library} NAMES lib${library}.a REQUIRED)
    mark_as_advanced(XEN_${library})
    list(APPEND xen_archives ${XEN_${library}})
endforeach()
find_path(XEN_INCLUDE_DIR xencall.h REQUIRED)
mark_as_advanced(XEN_INCLUDE_DIR)

add_library(xen_libraries INTERFACE)
add_library(xen::libraries ALIAS xen_libraries)
target_include_directories(xen_libraries SYSTEM INTERFACE ${XEN_INCLUDE_DIR})
target_link_libraries(xen_libraries INTERFACE ${xen_archives})
