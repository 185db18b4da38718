# SPDX-License-Identifier: BSD-3-Clause
# Fails when the kernel KERNEL has outgrown its promise.
set(limit 262144)
file(SIZE "${KERNEL}" bytes)
if(bytes GREATER_EQUAL limit)
    message(FATAL_ERROR "${KERNEL} has ${bytes} bytes; the guest promises less than ${limit}")
endif()
