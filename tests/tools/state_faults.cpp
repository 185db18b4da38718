// SPDX-License-Identifier: BSD-3-Clause
// What a guest leaves when it suspends: its rings, its p2m, its shared_info, its clock.
#include <algorithm>
#include <array>

#include "guest_context.hpp"
#include "image_parts.hpp"

namespace xcl::test {
namespace {

using image::MachineState;
using image::no_page;

using Place = std::uint64_t MachineState::*;

template <Place place>
void put_outside(ImageParts& parts) {
    parts.state.*place = parts.guest.pfn_end;
}

template <Place place>
void put_into_table(ImageParts& parts) {
    parts.state.*place = top_table(parts);
}

// It is the guest's own, so nobody but the guest is harmed; daemons have to bear what is in it.
template <Place place>
void put_into_garbage(ImageParts& parts) {
    parts.state.*place = spare_page(parts);
    std::ranges::fill(contents_at(parts, parts.state.*place), std::byte{0xff});
}

template <Place place>
void put_into_kernel(ImageParts& parts) {
    parts.state.*place = filled_page(parts);
}

constexpr std::array faults{
    Fault{"start-info-outside", put_outside<&MachineState::start_info>},
    Fault{"start-info-in-table", put_into_table<&MachineState::start_info>},
    Fault{"start-info-in-kernel", put_into_kernel<&MachineState::start_info>},
    Fault{"xenstore-ring-outside", put_outside<&MachineState::xenstore>},
    Fault{"xenstore-ring-in-table", put_into_table<&MachineState::xenstore>},
    Fault{"xenstore-ring-of-garbage", put_into_garbage<&MachineState::xenstore>},
    Fault{"xenstore-ring-in-kernel", put_into_kernel<&MachineState::xenstore>},
    Fault{"console-ring-outside", put_outside<&MachineState::console>},
    Fault{"console-ring-in-table", put_into_table<&MachineState::console>},
    Fault{"console-ring-of-garbage", put_into_garbage<&MachineState::console>},
    Fault{"console-ring-in-kernel", put_into_kernel<&MachineState::console>},
    Fault{"no-console-ring", [](ImageParts& parts) { parts.state.console = 0; }},
    Fault{"one-page-for-both-rings",
          [](ImageParts& parts) { parts.state.console = parts.state.xenstore; }},
    Fault{"p2m-page-outside",
          [](ImageParts& parts) { parts.state.p2m_pages.back() = parts.guest.pfn_end; }},
    Fault{"p2m-page-is-a-table",
          [](ImageParts& parts) { parts.state.p2m_pages.back() = top_table(parts); }},
    Fault{"p2m-page-twice",
          [](ImageParts& parts) { parts.state.p2m_pages.back() = parts.state.p2m_pages.front(); }},
    Fault{"p2m-page-is-start-info",
          [](ImageParts& parts) { parts.state.p2m_pages.back() = parts.state.start_info; }},
    Fault{"p2m-page-in-kernel",
          [](ImageParts& parts) { parts.state.p2m_pages.back() = filled_page(parts); }},
    Fault{"p2m-page-missing", [](ImageParts& parts) { parts.state.p2m_pages.pop_back(); }},
    Fault{"p2m-page-too-many",
          [](ImageParts& parts) { parts.state.p2m_pages.push_back(spare_page(parts)); }},
    Fault{"p2m-of-no-pages",
          [](ImageParts& parts) { std::ranges::fill(parts.state.p2m_pages, no_page); }},
    Fault{"p2m-of-half-a-million-holes",
          [](ImageParts& parts) {
              const std::uint64_t pages = parts.guest.memory_pages * image::p2m_entries;
              parts.guest.pfn_end = parts.state.pfn_end = pages;
              parts.state.p2m_pages.resize(pages / image::p2m_entries, no_page);
          }},
    Fault{"shared-info-of-garbage",
          [](ImageParts& parts) { std::ranges::fill(parts.state.shared_info, std::byte{0xff}); }},
    Fault{"shared-info-too-short", [](ImageParts& parts) { parts.state.shared_info.resize(8); }},
    Fault{"state-of-more-memory", [](ImageParts& parts) { ++parts.state.memory_pages; }},
    Fault{"state-of-more-frames", [](ImageParts& parts) { ++parts.state.pfn_end; }},
    Fault{"tsc-of-unknown-mode", [](ImageParts& parts) { parts.state.tsc.mode = 7; }},
    Fault{"tsc-of-tsc-aux-mode", [](ImageParts& parts) { parts.state.tsc.mode = 3; }},
    Fault{"tsc-of-1-khz", [](ImageParts& parts) { parts.state.tsc.khz = 1; }},
    Fault{"tsc-of-4-thz",
          [](ImageParts& parts) {
              parts.state.tsc.mode = 1;
              parts.state.tsc.khz = ~std::uint32_t{0};
          }},
    // Multiplied by 1000 in 32 bits, it is 0.
    Fault{"tsc-of-khz-that-overflow",
          [](ImageParts& parts) {
              parts.state.tsc.mode = 1;
              parts.state.tsc.khz = 1U << 29;
          }},
    Fault{"tsc-that-ran-for-ever",
          [](ImageParts& parts) { parts.state.tsc.elapsed_ns = ~std::uint64_t{0}; }},
};

}  // namespace

std::span<const Fault> state_faults() {
    return faults;
}

}  // namespace xcl::test
