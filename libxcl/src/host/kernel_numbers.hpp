// SPDX-License-Identifier: BSD-3-Clause
// The numbers of dom0's kernel that limit how many guests a host carries: one table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "xcl/host.hpp"

namespace xcl::host {

enum class Bound { at_least, at_most };

struct KernelNumber {
    std::string_view name;
    std::string_view path;
    Bound bound;
    std::uint64_t (*needed)(const HostDemand& demand);
    std::string_view reason;
    std::string_view when_missing = {};  // what to do where the file does not exist
};

[[nodiscard]] std::span<const KernelNumber> kernel_numbers();

// How many files xenconsoled and the store daemon open, at most.
[[nodiscard]] std::uint64_t console_files(const HostDemand& demand);
[[nodiscard]] std::uint64_t store_files(const HostDemand& demand);

}  // namespace xcl::host
