# SPDX-License-Identifier: BSD-3-Clause
# netlink::libraries: libnl, linked statically like Xen's libraries, and for the same reason.
foreach(library IN ITEMS nl-route-3 nl-3)
    find_library(NETLINK_${library} NAMES lib${library}.a REQUIRED)
    mark_as_advanced(NETLINK_${library})
    list(APPEND netlink_archives ${NETLINK_${library}})
endforeach()
find_path(NETLINK_INCLUDE_DIR netlink/netlink.h PATH_SUFFIXES libnl3 REQUIRED)
mark_as_advanced(NETLINK_INCLUDE_DIR)

add_library(netlink_libraries INTERFACE)
add_library(netlink::libraries ALIAS netlink_libraries)
target_include_directories(netlink_libraries SYSTEM INTERFACE ${NETLINK_INCLUDE_DIR})
target_link_libraries(netlink_libraries INTERFACE ${netlink_archives})
