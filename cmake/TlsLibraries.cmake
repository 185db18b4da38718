# SPDX-License-Identifier: BSD-3-Clause
# tls::libraries: OpenSSL 3, linked statically like Xen's libraries, and for the same reason.
foreach(library IN ITEMS ssl crypto)
    find_library(TLS_${library} NAMES lib${library}.a REQUIRED)
    mark_as_advanced(TLS_${library})
    list(APPEND tls_archives ${TLS_${library}})
endforeach()
find_path(TLS_INCLUDE_DIR openssl/ssl.h REQUIRED)
mark_as_advanced(TLS_INCLUDE_DIR)

add_library(tls_libraries INTERFACE)
add_library(tls::libraries ALIAS tls_libraries)
target_include_directories(tls_libraries SYSTEM INTERFACE ${TLS_INCLUDE_DIR})
target_link_libraries(tls_libraries INTERFACE ${tls_archives})
