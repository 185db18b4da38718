// SPDX-License-Identifier: BSD-3-Clause
// The verbs: what the Toolstack can do, each in a file of its name, on ports that it is handed.
// What they do and throw stands in xcl/toolstack.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/descriptor.hpp"
#include "core/process.hpp"
#include "image/reader.hpp"
#include "kernel/image.hpp"
#include "placement/placement.hpp"
#include "ports/hypervisor.hpp"
#include "ports/network.hpp"
#include "ports/store.hpp"
#include "wire/contents.hpp"
#include "xcl/toolstack.hpp"

namespace xcl::verbs {

// The ports to the host, for verbs that need all of them.
struct Host {
    Hypervisor& hypervisor;
    Store& store;
    Network& network;
};

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

std::vector<CreatedGuest> create(const Host& host, const Blueprint& blueprint,
                                 const CreateOptions& options);

void destroy(const Host& host, std::span<const DomainId> ids);
// The same for guests that were just seen. One that is gone by now is no error: somebody else may
// destroy or reap at the same time. `terminals_met`: of all of them it is known that xenconsoled
// writes no more of theirs.
void destroy_found(const Host& host, std::span<const DomainInfo> guests,
                   bool terminals_met = false);

void pause(Hypervisor& hypervisor, std::span<const DomainId> ids);
void unpause(Hypervisor& hypervisor, std::span<const DomainId> ids);

// For create: whose the host's CPUs are. Asks nobody where `config` chooses a guest's CPUs.
[[nodiscard]] CpuPlan plan_for(Hypervisor& hypervisor, const HostInfo& host,
                               const GuestConfig& config);
// For create: lets each vCPU of a new guest run where `config` says, or where `plan` has it.
void place_vcpus(Hypervisor& hypervisor, DomainId id, const GuestConfig& config,
                 const CpuPlan& plan);

void pin(Hypervisor& hypervisor, std::span<const DomainId> ids, const CpuList& cpus);
std::vector<std::vector<CpuList>> cpus(Hypervisor& hypervisor, std::span<const DomainInfo> domains);

void request_end(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids,
                 EndRequest request);
std::vector<EndedGuest> end_and_wait(const Host& host, std::span<const DomainId> ids,
                                     EndRequest request, std::chrono::milliseconds timeout);

// One vif more for a running guest; returns its number.
std::uint16_t attach(const Host& host, DomainId id, const VifConfig& vif,
                     const AttachOptions& options);
void detach(const Host& host, const VifId& vif, const DetachOptions& options);
// The vifs of these guests, in their order.
std::vector<VifInfo> vifs(const Host& host, std::span<const DomainId> ids);

std::vector<std::string> names(Store& store, std::span<const DomainId> ids);
GuestDetails info(const Host& host, DomainId id);
DomainId find(Hypervisor& hypervisor, Store& store, const std::string& name);

std::string console_path(Hypervisor& hypervisor, Store& store, DomainId id,
                         std::chrono::milliseconds timeout);

// Takes a name that one process has at a time, until the Descriptor is closed.
using TakeName = std::function<std::optional<Descriptor>(const std::string&)>;
SuspendedGuest suspend(const Host& host, DomainId id, const std::string& path,
                       const SuspendOptions& options, const TakeName& take_name);
// Lets guests that stand suspended run on.
void wake(const Host& host, std::span<const DomainId> ids, const TakeName& take_name);
std::vector<CreatedGuest> resume(const Host& host, const image::WholeImage& image,
                                 const ResumeOptions& options);

MigratedGuest migrate(const Host& host, DomainId id, Link& link, const MigrateOptions& options,
                      const TakeName& take_name);
std::optional<ReceivedGuest> receive(const Host& host, Link& link, const ReceiveOptions& options,
                                     const wire::KernelPages& kernels, const TakeName& take_name);
std::optional<DomainId> settle(const Host& host, DomainId id, Link& link,
                               std::chrono::milliseconds patience, const TakeName& take_name);
void settle_here(const Host& host, DomainId id, const TakeName& take_name);

using IsRunning = std::function<bool(const ProcessStamp&)>;
std::vector<Reaped> reap(const Host& host, const IsRunning& is_running);

}  // namespace xcl::verbs
