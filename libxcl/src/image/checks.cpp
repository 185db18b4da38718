// SPDX-License-Identifier: BSD-3-Clause
// What makes sense of a guest: the writer's and the reader's rules, which are the same.
#include <algorithm>
#include <functional>
#include <string_view>

#include <fmt/format.h>

#include "config/diagnostics.hpp"
#include "config/name.hpp"
#include "config/vif_values.hpp"
#include "image/encoding.hpp"
#include "image/guest_image.hpp"
#include "image/page_list.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

bool is_ascending(std::span<const std::uint16_t> numbers) {
    return std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) ==
           numbers.end();
}

std::string fault_of_size(const GuestDescription& guest) {
    if (guest.memory_pages == 0)
        return "it has no memory";
    if (guest.memory_pages > max_pages || guest.pfn_end > max_pages)
        return fmt::format("it has more than {} pages", max_pages);
    if (guest.config.memory_mib != (guest.memory_pages + pages_per_mib - 1) / pages_per_mib)
        return "its memory in MiB is not that of its pages";
    if (guest.pfn_end < guest.memory_pages)
        return fmt::format("it has {} pages, yet frame numbers for {} only", guest.memory_pages,
                           guest.pfn_end);
    // Its p2m is in its own memory.
    if ((guest.pfn_end - 1) / p2m_entries >= guest.memory_pages)
        return fmt::format("its {} pages cannot hold a p2m of {} frames", guest.memory_pages,
                           guest.pfn_end);
    return {};
}

std::string fault_of_cpus(const GuestConfig& config) {
    if (config.vcpus == 0 || config.vcpus > GuestConfig::max_vcpus)
        return fmt::format("it has {} vCPUs, not 1 to {}", config.vcpus, GuestConfig::max_vcpus);
    if (config.cpus_by_vcpu.size() > config.vcpus)
        return "it has more lists of CPUs than vCPUs";
    if (config.cpus && !config.cpus_by_vcpu.empty())
        return "its CPUs are given for all vCPUs and for each";
    const auto is_good = [](const CpuList& cpus) {
        return is_ascending(cpus) && (cpus.empty() || cpus.back() <= GuestConfig::max_cpu);
    };
    const auto& lists = config.cpus_by_vcpu;
    if ((config.cpus && !is_good(*config.cpus)) ||
        !std::all_of(lists.begin(), lists.end(), is_good))
        return fmt::format("its CPUs are not ascending numbers up to {}", GuestConfig::max_cpu);
    return {};
}

// The rules of a vif in a guest config. Texts are as they would be read from there.
std::string fault_of_vif(const VifConfig& vif) {
    const auto text = [](std::string_view value) {
        return config::Text{.text = value, .place = {}};
    };
    const auto broken = [](std::string_view what, std::string_view value) {
        return fmt::format("its {} is {}", what, config::quoted(value));
    };
    if (!vif.mac || vif.mac->is_multicast() || vif.mac->is_zero())
        return "it has no MAC address of one interface";
    if (vif.rate && (vif.rate->bytes == 0 || vif.rate->interval_us == 0))
        return "its rate is none";
    const std::string address = address_text(vif.ip);
    try {
        if (!vif.bridge.empty() && config::read_bridge(text(vif.bridge)) != vif.bridge)
            return broken("bridge", vif.bridge);
        if (!vif.script.empty())
            static_cast<void>(config::read_script(text(vif.script)));
        if (!address.empty() && config::read_address(text(address)) != vif.ip)
            return broken("IP address", address);
    } catch (const Error& error) {
        // Without the place in a text, which there is not: ":1:1: expected …".
        const std::string_view line = error.what();
        return std::string(line.substr(std::min(line.size(), line.find("expected"))));
    }
    return {};
}

std::string fault_of_vifs(const GuestDescription& guest) {
    const auto& vifs = guest.config.vifs;
    if (vifs.size() > GuestConfig::max_vifs)
        return fmt::format("it has {} vifs, more than {}", vifs.size(), GuestConfig::max_vifs);
    if (guest.vif_numbers.size() != vifs.size() || !is_ascending(guest.vif_numbers))
        return "its vifs are not numbered one by one, ascending";
    for (std::size_t i = 0; i < vifs.size(); ++i) {
        if (const std::string fault = fault_of_vif(vifs[i]); !fault.empty())
            return fmt::format("its vif {}: {}", guest.vif_numbers[i], fault);
    }
    return {};
}

// As the store's daemons have it (docs/misc/xenstore.txt), and below one of the roots.
std::string fault_of_path(std::string_view path) {
    if (path.empty() || path.size() > max_store_path)
        return fmt::format("has {} bytes, not 1 to {}", path.size(), max_store_path);
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-/_@.:").find(c) != std::string_view::npos;
    };
    if (!std::all_of(path.begin(), path.end(), is_allowed))
        return "holds characters that no path there has";
    const std::string whole = fmt::format("/{}/", path);
    if (whole.find("//") != std::string::npos || whole.find("/../") != std::string::npos ||
        whole.find("/./") != std::string::npos)
        return "is not a plain path below the guest's directory";
    const std::string_view root = path.substr(0, path.find('/'));
    if (std::find(store_roots.begin(), store_roots.end(), root) == store_roots.end())
        return "is none of the guest's own";
    return {};
}

std::string fault_of_store(std::span<const StoreEntry> entries) {
    if (entries.size() > max_store_entries)
        return fmt::format("it has {} XenStore nodes, more than {}", entries.size(),
                           max_store_entries);
    std::vector<std::string_view> paths;
    paths.reserve(entries.size());
    for (const auto& [path, value] : entries) {
        if (const std::string fault = fault_of_path(path); !fault.empty())
            return fmt::format("its XenStore path {} {}", config::quoted(path), fault);
        if (path.size() + 1 + value.size() > max_store_write)
            return fmt::format("its XenStore node {} has {} bytes, more than a message holds",
                               config::quoted(path), value.size());
        paths.emplace_back(path);
    }
    std::sort(paths.begin(), paths.end());
    const auto twice = std::adjacent_find(paths.begin(), paths.end());
    if (twice != paths.end())
        return fmt::format("its XenStore node {} is there twice", config::quoted(*twice));
    return {};
}

std::string fault_of_vcpus(const MachineState& state) {
    for (std::size_t i = 0; i < state.vcpus.size(); ++i) {
        const VcpuState& vcpu = state.vcpus[i];
        if (vcpu.context.size() > max_context || vcpu.extended.size() > max_extended ||
            vcpu.xsave.size() > max_xsave || vcpu.msrs.size() > max_msrs)
            return fmt::format("the state of its vCPU {} is too large", i);
    }
    if (state.vcpus.front().context.empty())
        return "its first vCPU was never brought up";
    return {};
}

// The pages that are made anew, or found again, where it is restored.
std::string fault_of_frames(const MachineState& state, const PageList& list) {
    std::vector<std::uint64_t> frames = state.p2m_pages;
    frames.erase(std::remove(frames.begin(), frames.end(), no_page), frames.end());
    frames.push_back(state.start_info);
    frames.push_back(state.xenstore);
    if (state.console != 0)
        frames.push_back(state.console);
    for (const std::uint64_t pfn : frames) {
        const PageRun* const run = run_of(list, pfn);
        if (run == nullptr)
            return fmt::format("its page {:#x} is used, yet it does not own it", pfn);
        if (run->first.type != PageType::data)
            return fmt::format("its page {:#x} is used, yet it is a page table", pfn);
    }
    std::sort(frames.begin(), frames.end());
    const auto twice = std::adjacent_find(frames.begin(), frames.end());
    if (twice != frames.end())
        return fmt::format("its page {:#x} is used twice", *twice);
    return {};
}

std::string first_of(std::initializer_list<std::string> faults) {
    const auto* const found = std::find_if(faults.begin(), faults.end(),
                                           [](const std::string& fault) { return !fault.empty(); });
    return found == faults.end() ? std::string() : *found;
}

}  // namespace

std::string fault_of(const GuestDescription& guest) {
    const GuestConfig& config = guest.config;
    if (const std::string fault = config::fault_of_name(config.name); !fault.empty())
        return fmt::format("its name is {}, expected a name {}", config::quoted(config.name),
                           fault);
    if (!config.kernel.empty() || !config.ramdisk.empty() || !config.cmdline.empty())
        return "it names a kernel, which an image does not hold";
    return first_of({fault_of_size(guest), fault_of_cpus(config), fault_of_vifs(guest),
                     fault_of_store(guest.store)});
}

std::string fault_for_libxenguest(const GuestDescription& guest) {
    if (std::string fault = fault_of(guest); !fault.empty())
        return fault;
    // It takes the 0 in the place of a console's ring for page 0, and changes that.
    if (guest.config.console == ConsoleKind::none)
        return "it has no console, without which libxenguest restores no guest";
    return {};
}

std::string fault_of(const PageList& list, const GuestDescription& guest) {
    std::uint64_t next = 0;
    std::uint64_t count = 0;
    for (const PageRun& run : list.runs) {
        if (run.first.pfn < next)
            return fmt::format("its page {:#x} is out of order or there twice", run.first.pfn);
        if (run.count == 0 || run.first.pfn >= guest.pfn_end ||
            run.count > guest.pfn_end - run.first.pfn)
            return fmt::format("its {} pages at {:#x} are not below {:#x}, where it ends",
                               run.count, run.first.pfn, guest.pfn_end);
        if (run.first.pinned && run.first.type == PageType::data)
            return fmt::format("its page {:#x} is pinned, yet no page table", run.first.pfn);
        next = run.end();
        count += run.count;
    }
    if (count != guest.memory_pages || count != list.count)
        return fmt::format("it lists {} pages, and the guest has {}", count, guest.memory_pages);
    return {};
}

std::string fault_of(const MachineState& state, const PageList& list,
                     const GuestDescription& guest) {
    if (state.pfn_end != guest.pfn_end || state.memory_pages != guest.memory_pages)
        return fmt::format("it is of {} pages below {:#x}, and the guest has {} below {:#x}",
                           state.memory_pages, state.pfn_end, guest.memory_pages, guest.pfn_end);
    if (state.vcpus.size() != guest.config.vcpus)
        return fmt::format("it is of {} vCPUs, and the guest has {}", state.vcpus.size(),
                           guest.config.vcpus);
    if (state.shared_info.size() != page_size)
        return fmt::format("its shared_info has {} bytes, not {}", state.shared_info.size(),
                           page_size);
    const std::uint64_t wanted = (guest.pfn_end - 1) / p2m_entries + 1;
    if (state.p2m_pages.size() != wanted)
        return fmt::format("its p2m is in {} pages, and {} frames need {}", state.p2m_pages.size(),
                           guest.pfn_end, wanted);
    return first_of({fault_of_vcpus(state), fault_of_frames(state, list)});
}

}  // namespace xcl::image
