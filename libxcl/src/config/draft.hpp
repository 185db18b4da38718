// SPDX-License-Identifier: BSD-3-Clause
// Draft: a guest config while its keys are being read, before they are put together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::config {

// What a key gave and where, for keys that only count together with others.
template <typename T>
struct Given {
    T value;
    Place place;
};

struct Draft {
    GuestConfig config;
    std::optional<Given<std::string>> cmdline;
    std::optional<Given<std::string>> root;
    std::optional<Given<std::string>> extra;
    std::optional<Given<std::uint64_t>> maxmem;
    std::optional<Given<std::uint64_t>> maxvcpus;
    std::optional<Given<std::vector<CpuList>>> cpus_by_vcpu;
    std::vector<std::string> warnings;
};

// Puts together what several keys say about one thing, and throws Error for what is missing.
// `origin` names the config.
void complete(Draft& draft, std::string_view origin);

}  // namespace xcl::config
