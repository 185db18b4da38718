# SPDX-License-Identifier: BSD-3-Clause
# xen::libraries: Xen's stable libraries. xen::libxenguest: that one, with all it stands on. Linked
# statically, so that a process starts without dynamic relocations. They have no CMake package files
# and their pkg-config files name no archive.
function(find_xen_archives result)
    set(archives "")
    foreach(library IN LISTS ARGN)
        find_library(XEN_${library} NAMES lib${library}.a REQUIRED)
        mark_as_advanced(XEN_${library})
        list(APPEND archives ${XEN_${library}})
    endforeach()
    set(${result} ${archives} PARENT_SCOPE)
endfunction()
find_path(XEN_INCLUDE_DIR xencall.h REQUIRED)
mark_as_advanced(XEN_INCLUDE_DIR)

find_xen_archives(xen_archives xenforeignmemory xencall xentoollog xentoolcore)
add_library(xen_libraries INTERFACE)
add_library(xen::libraries ALIAS xen_libraries)
target_include_directories(xen_libraries SYSTEM INTERFACE ${XEN_INCLUDE_DIR})
target_link_libraries(xen_libraries INTERFACE ${xen_archives})

find_xen_archives(xenguest_archives xenguest xenctrl xendevicemodel xengnttab xenevtchn)
add_library(xen_libxenguest INTERFACE)
add_library(xen::libxenguest ALIAS xen_libxenguest)
target_link_libraries(xen_libxenguest INTERFACE ${xenguest_archives} xen::libraries z)
