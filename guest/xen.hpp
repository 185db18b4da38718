// SPDX-License-Identifier: BSD-3-Clause
// Xen's public interface, as far as this guest speaks it. The version is set by the build.
#pragma once

#include <cstddef>
#include <cstdint>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/xen.h>
