// SPDX-License-Identifier: BSD-3-Clause
// Where vCPUs may run: one operation to say it, and one for each vCPU to ask, many in one call.
#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "xcl/error.hpp"
#include "xen/hypervisor.hpp"

namespace xcl::xen {
namespace {

void fill(xen_domctl_vcpuaffinity& affinity, std::uint16_t vcpu, std::span<std::uint8_t> map) {
    affinity.vcpu = vcpu;
    affinity.flags = XEN_VCPUAFFINITY_HARD;
    set_xen_guest_handle_raw(affinity.cpumap_hard.bitmap, map.data());
    affinity.cpumap_hard.nr_bits = static_cast<std::uint32_t>(map.size() * 8);
}

// The CPUs of a map that has a bit for each number below `cpu_numbers`.
CpuList cpus_in(std::span<const std::uint8_t> map, std::uint16_t cpu_numbers) {
    CpuList cpus;
    for (std::uint16_t cpu = 0; cpu < cpu_numbers; ++cpu)
        if ((map[cpu / 8U] >> cpu % 8U & 1U) != 0)
            cpus.push_back(cpu);
    if (cpus.size() == cpu_numbers)
        cpus.clear();
    return cpus;
}

// The arguments of many operations in one payload.
struct Questions {
    std::span<multicall_entry> calls;
    std::span<xen_domctl> operations;
    std::span<std::uint8_t> maps;

    static constexpr std::size_t bytes_without_map = sizeof(multicall_entry) + sizeof(xen_domctl);
};

template <typename T>
std::span<T> take(std::span<std::byte>& bytes, std::size_t count) {
    T* const first = reinterpret_cast<T*>(bytes.data());
    std::uninitialized_value_construct_n(first, count);
    bytes = bytes.subspan(count * sizeof(T));
    return {first, count};
}

Questions questions(Hypercalls& hypercalls, std::size_t count, std::size_t map_bytes) {
    auto bytes = hypercalls.payload<std::byte>(count * (Questions::bytes_without_map + map_bytes));
    Questions questions;
    questions.calls = take<multicall_entry>(bytes, count);
    questions.operations = take<xen_domctl>(bytes, count);
    questions.maps = take<std::uint8_t>(bytes, count * map_bytes);
    return questions;
}

}  // namespace

void XenHypervisor::set_affinity(DomainId id, std::uint16_t vcpu, const CpuList& cpus) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    constexpr std::size_t map_bytes = (GuestConfig::max_cpu + 8) / 8;
    const std::span<std::uint8_t> map = hypercalls.payload<std::uint8_t>(map_bytes);
    if (cpus.empty())
        std::ranges::fill(map, std::uint8_t{0xFF});
    for (const std::uint16_t cpu : cpus)
        map[cpu / 8U] = static_cast<std::uint8_t>(map[cpu / 8U] | 1U << cpu % 8U);

    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_setvcpuaffinity, id);
    // Xen ignores the bits of CPUs that the host does not have, and refuses an empty rest.
    fill(operation.u.vcpuaffinity, vcpu, map);
    if (hypercalls.try_domctl(operation) == 0)
        return;
    const int error = errno;
    throw Error({.domain = id,
                 .doing = fmt::format("pin its vCPU {}", vcpu),
                 .call = "XEN_DOMCTL_setvcpuaffinity",
                 .error = error,
                 .hint = error == EINVAL ? "does the host have these CPUs?" : ""});
}

std::vector<std::optional<CpuList>> XenHypervisor::affinities(std::span<const VcpuId> vcpus) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    std::vector<std::optional<CpuList>> answers;
    if (vcpus.empty())
        return answers;
    answers.reserve(vcpus.size());
    const std::uint16_t cpu_numbers = ask_host().cpu_numbers;
    const std::size_t map_bytes =
        (cpu_numbers + std::size_t{63}) / 64 * 8;  // Xen copies whole words
    const std::size_t most = Hypercalls::payload_bytes / (Questions::bytes_without_map + map_bytes);
    while (!vcpus.empty()) {
        const auto some = vcpus.first(std::min(most, vcpus.size()));
        vcpus = vcpus.subspan(some.size());
        const Questions batch = questions(handles_.hypercalls, some.size(), map_bytes);
        for (std::size_t i = 0; i < some.size(); ++i) {
            Hypercalls::begin(batch.operations[i], XEN_DOMCTL_getvcpuaffinity, some[i].domain);
            fill(batch.operations[i].u.vcpuaffinity, some[i].vcpu,
                 batch.maps.subspan(i * map_bytes, map_bytes));
        }
        handles_.hypercalls.perform(batch.operations, batch.calls, "ask where vCPUs may run");
        for (std::size_t i = 0; i < some.size(); ++i) {
            const bool answered = batch.calls[i].result == 0;
            answers.push_back(answered
                                  ? std::optional(cpus_in(
                                        batch.maps.subspan(i * map_bytes, map_bytes), cpu_numbers))
                                  : std::nullopt);
        }
    }
    return answers;
}

}  // namespace xcl::xen
