// SPDX-License-Identifier: BSD-3-Clause
// Fuzzes the reader of guest configs: whatever the bytes, a config within its bounds or one clean
// line. The input is a text and, after each byte 0x1E, an override.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/utf8.hpp"
#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"

namespace {

constexpr char separator = '\x1E';
constexpr std::size_t longest_line = 500;

void require(bool condition) {
    if (!condition)
        std::abort();
}

void require_clean(std::string_view line) {
    require(!line.empty() && line.size() <= longest_line && xcl::config::is_plain_text(line));
}

void require_ascending(const xcl::CpuList& cpus) {
    for (std::size_t i = 0; i < cpus.size(); ++i)
        require(cpus[i] <= xcl::GuestConfig::max_cpu && (i == 0 || cpus[i - 1] < cpus[i]));
}

void require_in_bounds(const xcl::GuestConfig& config) {
    using Bounds = xcl::GuestConfig;
    require(!config.kernel.empty() && config.kernel.find('\0') == std::string::npos);
    require(config.ramdisk.find('\0') == std::string::npos);
    require(config.name.size() <= Bounds::max_name && xcl::config::is_plain_text(config.name));
    require(config.cmdline.size() <= Bounds::max_cmdline);
    require(config.cmdline.find('\0') == std::string::npos);
    require(config.memory_mib >= 1 && config.memory_mib <= Bounds::max_memory_mib);
    require(config.vcpus >= 1 && config.vcpus <= Bounds::max_vcpus);
    require(config.cpus.empty() || config.cpus_by_vcpu.empty());
    require(config.cpus_by_vcpu.size() <= config.vcpus);
    require_ascending(config.cpus);
    for (const auto& cpus : config.cpus_by_vcpu)
        require_ascending(cpus);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view text = input.substr(0, input.find(separator));
    std::vector<std::string> overrides;
    for (auto at = input.find(separator); at != std::string_view::npos;
         at = input.find(separator)) {
        input.remove_prefix(at + 1);
        overrides.emplace_back(input.substr(0, input.find(separator)));
    }
    try {
        const auto [config, warnings] = xcl::parse_config(text, "guest.cfg", overrides);
        require_in_bounds(config);
        for (const auto& warning : warnings)
            require_clean(warning);
    } catch (const xcl::Error& error) {
        require(error.kind() == xcl::ErrorKind::bad_config);
        require_clean(error.what());
    }
    return 0;
}
