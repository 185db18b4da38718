// SPDX-License-Identifier: BSD-3-Clause
// Guests that no config could ask for, and headers of no image.
#include <algorithm>
#include <array>
#include <string>

#include "image_parts.hpp"

namespace xcl::test {
namespace {

using image::MemoryForm;
using image::no_page;

GuestConfig& config(ImageParts& parts) {
    return parts.guest.config;
}

VifConfig& vif(ImageParts& parts) {
    return config(parts).vifs.front();
}

void add_node(ImageParts& parts, std::string path, std::string value = "x") {
    parts.guest.store.push_back({.path = std::move(path), .value = std::move(value)});
}

// All of it is zero, but for what the image has already.
void grow(ImageParts& parts, std::uint64_t pages) {
    for (std::uint64_t pfn = parts.guest.pfn_end; pfn < 4 * parts.guest.pfn_end; ++pfn)
        parts.pages.push_back({.pfn = pfn});
    image::PageList list = image::to_list(parts.pages);
    list.runs.back().count += pages - list.count;
    list.count = pages;
    parts.list = std::move(list);
    parts.guest.memory_pages = parts.state.memory_pages = pages;
    parts.guest.pfn_end = parts.state.pfn_end = pages;
    parts.state.p2m_pages.resize((pages - 1) / image::p2m_entries + 1, no_page);
}

constexpr std::array faults{
    Fault{"version-of-tomorrow", [](ImageParts& parts) { ++parts.version; }},
    Fault{"another-architecture", [](ImageParts& parts) { parts.architecture = 2; }},
    Fault{"memory-of-libxenguest", [](ImageParts& parts) { parts.form = MemoryForm::libxenguest; }},
    Fault{"memory-of-unknown-form", [](ImageParts& parts) { parts.form = MemoryForm{9}; }},
    Fault{"end-mark-that-counts-less", [](ImageParts& parts) { parts.uncounted_pages = 1; }},
    Fault{"memory-of-more-pages-than-listed",
          [](ImageParts& parts) { ++parts.guest.memory_pages; }},
    Fault{"memory-of-fewer-pages-than-listed",
          [](ImageParts& parts) { --parts.guest.memory_pages; }},
    Fault{"memory-of-none", [](ImageParts& parts) { parts.guest.memory_pages = 0; }},
    Fault{"memory-beyond-any-host",
          [](ImageParts& parts) { parts.guest.memory_pages = ~std::uint64_t{0}; }},
    Fault{"memory-larger-than-the-host",
          [](ImageParts& parts) { grow(parts, std::uint64_t{1} << 28); }},  // 1 TiB
    Fault{"frames-fewer-than-pages", [](ImageParts& parts) { --parts.guest.pfn_end; }},
    Fault{"frames-beyond-any-host",
          [](ImageParts& parts) { parts.guest.pfn_end = ~std::uint64_t{0}; }},
    Fault{"frames-that-no-p2m-of-its-own-can-hold",
          [](ImageParts& parts) {
              parts.guest.pfn_end = parts.guest.memory_pages * image::p2m_entries + 1;
          }},
    Fault{"page-listed-twice", [](ImageParts& parts) { parts.pages[5] = parts.pages[4]; }},
    Fault{"pages-out-of-order",
          [](ImageParts& parts) { std::swap(parts.pages[5], parts.pages[4]); }},
    Fault{"page-listed-outside",
          [](ImageParts& parts) { parts.pages.back().pfn = parts.guest.pfn_end; }},
    Fault{"run-that-overflows",
          [](ImageParts& parts) { parts.pages.back().pfn = ~std::uint64_t{0}; }},
    Fault{"contents-of-page-not-listed",
          [](ImageParts& parts) {
              const std::uint64_t pfn = parts.guest.pfn_end;
              static_cast<void>(contents_at(parts, pfn));
              parts.written_as[pfn] = {.pfn = pfn};
          }},
    Fault{"name-with-a-path", [](ImageParts& parts) { config(parts).name = "../../2/name"; }},
    Fault{"name-with-a-line-break", [](ImageParts& parts) { config(parts).name = "a\nb\x1b[2J"; }},
    Fault{"name-too-long", [](ImageParts& parts) { config(parts).name.assign(60'000, 'x'); }},
    Fault{"name-empty", [](ImageParts& parts) { config(parts).name.clear(); }},
    Fault{"vcpus-none",
          [](ImageParts& parts) {
              config(parts).vcpus = 0;
              parts.state.vcpus.clear();
          }},
    Fault{"vcpus-beyond-any-host", [](ImageParts& parts) { config(parts).vcpus = 513; }},
    Fault{"vcpus-of-another-number", [](ImageParts& parts) { config(parts).vcpus = 5; }},
    Fault{"cpus-twice",
          [](ImageParts& parts) {
              config(parts).cpus = CpuList{0, 0};
          }},
    Fault{"cpus-beyond-any-host", [](ImageParts& parts) { config(parts).cpus = CpuList{65'535}; }},
    Fault{"cpus-that-the-host-lacks",
          [](ImageParts& parts) { config(parts).cpus = CpuList{4'000}; }},
    Fault{"vif-number-twice",
          [](ImageParts& parts) { parts.guest.vif_numbers[1] = parts.guest.vif_numbers[0]; }},
    Fault{"vif-numbers-descending",
          [](ImageParts& parts) {
              std::swap(parts.guest.vif_numbers[1], parts.guest.vif_numbers[0]);
          }},
    Fault{"vif-number-of-no-interface-name",
          [](ImageParts& parts) { parts.guest.vif_numbers[1] = 65'535; }},
    Fault{"vif-mac-of-a-group",
          [](ImageParts& parts) {
              vif(parts).mac = MacAddress{{1, 0, 0x5e, 0, 0, 1}};
          }},
    Fault{"vif-mac-of-zeroes", [](ImageParts& parts) { vif(parts).mac = MacAddress{}; }},
    Fault{"vif-mac-twice", [](ImageParts& parts) { config(parts).vifs[1].mac = vif(parts).mac; }},
    Fault{"vif-bridge-that-is-a-path", [](ImageParts& parts) { vif(parts).bridge = "../eth0"; }},
    Fault{"vif-bridge-too-long", [](ImageParts& parts) { vif(parts).bridge.assign(16, 'b'); }},
    Fault{"vif-bridge-that-the-host-lacks",
          [](ImageParts& parts) { vif(parts).bridge = "nosuch"; }},
    Fault{"vif-bridge-that-is-none", [](ImageParts& parts) { vif(parts).bridge = "lo"; }},
    Fault{"vif-script-elsewhere", [](ImageParts& parts) { vif(parts).script = "../../../bin/sh"; }},
    Fault{"vif-script-of-two-lines", [](ImageParts& parts) { vif(parts).script = "/x\n/y"; }},
    Fault{"vif-script-that-the-host-lacks",
          [](ImageParts& parts) { vif(parts).script = "/nonexistent/vif"; }},
    Fault{"vif-ip-that-is-none",
          [](ImageParts& parts) {
              vif(parts).ip.kind = VifAddress::Kind::fixed;
              vif(parts).ip.text = "1.2.3.4;reboot";
          }},
    Fault{"vif-rate-of-no-time",
          [](ImageParts& parts) { vif(parts).rate = VifRate{.bytes = 1, .interval_us = 0}; }},
    Fault{"vifs-too-many",
          [](ImageParts& parts) {
              while (config(parts).vifs.size() <= GuestConfig::max_vifs) {
                  parts.guest.vif_numbers.push_back(
                      static_cast<std::uint16_t>(config(parts).vifs.size()));
                  config(parts).vifs.push_back(vif(parts));
              }
          }},
    Fault{"store-path-of-the-toolstack", [](ImageParts& parts) { add_node(parts, "name"); }},
    Fault{"store-path-of-a-device",
          [](ImageParts& parts) { add_node(parts, "device/vif/0/backend"); }},
    Fault{"store-path-absolute",
          [](ImageParts& parts) { add_node(parts, "/local/domain/0/data/x"); }},
    Fault{"store-path-upwards", [](ImageParts& parts) { add_node(parts, "data/../../0/data/x"); }},
    Fault{"store-path-with-a-gap", [](ImageParts& parts) { add_node(parts, "data//x"); }},
    Fault{"store-path-of-control-characters",
          [](ImageParts& parts) { add_node(parts, "data/\x1b[2J"); }},
    Fault{"store-path-with-nul",
          [](ImageParts& parts) { add_node(parts, std::string("data/a\0b", 8)); }},
    Fault{"store-path-empty", [](ImageParts& parts) { add_node(parts, ""); }},
    Fault{"store-path-too-long",
          [](ImageParts& parts) { add_node(parts, "data/" + std::string(2'048, 'x')); }},
    Fault{"store-value-too-long",
          [](ImageParts& parts) { add_node(parts, "data/x", std::string(4'090, 'x')); }},
    Fault{"store-node-twice",
          [](ImageParts& parts) {
              add_node(parts, "data/x");
              add_node(parts, "data/x");
          }},
    Fault{"store-nodes-too-many",
          [](ImageParts& parts) {
              for (unsigned i = 0; i <= image::max_store_entries; ++i)
                  add_node(parts, "data/" + std::to_string(i));
          }},
    Fault{"store-node-that-asks-for-an-end",
          [](ImageParts& parts) { add_node(parts, "control/shutdown", "poweroff"); }},
    Fault{"store-node-that-is-a-control-node",
          [](ImageParts& parts) { add_node(parts, "control"); }},
};

}  // namespace

std::span<const Fault> description_faults() {
    return faults;
}

}  // namespace xcl::test
