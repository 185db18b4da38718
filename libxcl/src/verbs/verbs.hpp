// SPDX-License-Identifier: BSD-3-Clause
// The verbs: what the Toolstack can do, each in a file of its name, on ports that it is handed.
// What they do and throw stands in xcl/toolstack.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/process.hpp"
#include "kernel/image.hpp"
#include "ports/hypervisor.hpp"
#include "ports/store.hpp"
#include "xcl/toolstack.hpp"

namespace xcl::verbs {

// The parts that all guests of a batch share, read once.
struct Blueprint {
    GuestConfig config;
    kernel::KernelImage kernel;
    std::vector<std::byte> ramdisk;
    kernel::BootLayout layout;
};

[[nodiscard]] Blueprint read_blueprint(const GuestConfig& config);

// One line for people: what was read, and how it will lie in a guest's memory.
[[nodiscard]] std::string describe(const Blueprint& blueprint);

std::vector<CreatedGuest> create(Hypervisor& hypervisor, Store& store, const Blueprint& blueprint,
                                 const CreateOptions& options);

void destroy(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids);
// The same for guests that were just seen. One that is gone by now is no error: somebody else may
// destroy or reap at the same time.
void destroy_found(Hypervisor& hypervisor, Store& store, std::span<const DomainInfo> guests);

void pause(Hypervisor& hypervisor, std::span<const DomainId> ids);
void unpause(Hypervisor& hypervisor, std::span<const DomainId> ids);

void request_end(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids,
                 EndRequest request);
std::vector<EndedGuest> end_and_wait(Hypervisor& hypervisor, Store& store,
                                     std::span<const DomainId> ids, EndRequest request,
                                     std::chrono::milliseconds timeout);

std::vector<std::string> names(Store& store, std::span<const DomainId> ids);
GuestDetails info(Hypervisor& hypervisor, Store& store, DomainId id);
DomainId find(Hypervisor& hypervisor, Store& store, const std::string& name);

std::string console_path(Hypervisor& hypervisor, Store& store, DomainId id,
                         std::chrono::milliseconds timeout);

using IsRunning = std::function<bool(const ProcessStamp&)>;
std::vector<Reaped> reap(Hypervisor& hypervisor, Store& store, const IsRunning& is_running);

}  // namespace xcl::verbs
