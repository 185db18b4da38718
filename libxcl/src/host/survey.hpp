// SPDX-License-Identifier: BSD-3-Clause
// Survey: looks at everything that limits how many guests a host carries, and knows how to set it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ports/hypervisor.hpp"
#include "ports/machine.hpp"
#include "ports/network.hpp"
#include "xcl/host.hpp"

namespace xcl::host {

// The parts of a host that are looked at.
struct Host {
    Machine& machine;
    Hypervisor& hypervisor;
    Network& network;
};

struct Finding {
    HostItem item;
    std::function<void()> set = {};  // nothing where no setting helps
};

// In the order in which they have to be set. Refers to `host` until its last `set` is called.
[[nodiscard]] std::vector<Finding> survey(Host& host, const HostDemand& demand);

// The steps of survey(): numbers and daemons of dom0's Linux; CPUs; memory and what Xen limits; the
// RAM disk and its files.
void survey_kernel(Host& host, const HostDemand& demand, std::vector<Finding>& findings);
void survey_cpus(Host& host, std::vector<Finding>& findings);
void survey_capacity(Host& host, const HostDemand& demand, std::vector<Finding>& findings);
void survey_ramdisk(Host& host, const HostDemand& demand, std::vector<Finding>& findings);

// The process of the store daemon: its name and pid.
struct StoreDaemon {
    std::string_view name;
    pid_t pid;
};
[[nodiscard]] std::optional<StoreDaemon> store_daemon(Machine& machine);

// Sets what falls short and can be set. Returns what falls short still.
std::vector<HostItem> prepare(Host& host, const HostDemand& demand, const PrepareOptions& options);

std::vector<HostItem> check(Host& host, const HostDemand& demand);

// xcl::cache_images on this machine.
std::vector<CachedImage> cache_images(Machine& machine, const std::string& file_or_directory);

}  // namespace xcl::host
