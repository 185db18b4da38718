// SPDX-License-Identifier: BSD-3-Clause
// Fuzzes the reader of guest configs: whatever the bytes, a config within its bounds or one clean
// line. The input is a text and, after each byte 0x1E, an override. The text is read as one vif,
// too.
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

// A name that is a node's value, a word in a command line, or part of a path.
void require_word(std::string_view word, std::size_t most) {
    require(word.size() <= most && xcl::config::is_plain_text(word));
}

void require_in_bounds(const xcl::VifConfig& vif) {
    using Kind = xcl::VifAddress::Kind;
    require(!vif.mac || (!vif.mac->is_multicast() && !vif.mac->is_zero()));
    require_word(vif.bridge, xcl::VifConfig::max_bridge);
    require(vif.bridge.find_first_of("/: \t") == std::string::npos);
    constexpr std::size_t longest_address = 15;
    require_word(vif.ip.text, longest_address);
    require(vif.ip.text.empty() == (vif.ip.kind != Kind::fixed));
    require(!vif.ip.prefix || (*vif.ip.prefix >= 1 && *vif.ip.prefix <= 32));
    require_word(vif.script, xcl::max_config_bytes);
    require(!vif.rate || (vif.rate->bytes >= 1 && vif.rate->interval_us >= 1));
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
    require(config.vifs.size() <= Bounds::max_vifs);
    for (const auto& vif : config.vifs)
        require_in_bounds(vif);
}

// The text of one vif, as a command line gives it.
void fuzz_vif(std::string_view text) {
    try {
        const auto [vif, warnings] = xcl::parse_vif(text);
        require_in_bounds(vif);
        for (const auto& warning : warnings)
            require_clean(warning);
    } catch (const xcl::Error& error) {
        require(error.kind() == xcl::ErrorKind::bad_config);
        require_clean(error.what());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view text = input.substr(0, input.find(separator));
    fuzz_vif(text);
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
