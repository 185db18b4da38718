// SPDX-License-Identifier: BSD-3-Clause
// GuestConfig: what a guest should be, and the reader of its text form (xl.cfg assignments).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "xcl/vif_config.hpp"

namespace xcl {

// Physical CPU numbers, ascending and without duplicates, at most GuestConfig::max_cpu. Empty
// means: wherever Xen likes.
using CpuList = std::vector<std::uint16_t>;

enum class ConsoleKind {
    pty,   // xenconsoled offers the guest's console as a pseudo-terminal
    none,  // no ring, no event channel, no store node: xenconsoled never sees the guest
};

// What becomes of a guest that ended by itself.
enum class EndAction {
    destroy,   // the next `reap` collects it
    preserve,  // it stays for inspection until somebody destroys it
};

struct GuestConfig {
    std::string name;     // a label for people, without '/' and controls; need not be unique
    std::string kernel;   // path of the image
    std::string ramdisk;  // path, empty for none
    std::string cmdline;  // what the kernel is told, at most max_cmdline bytes, without NUL
    std::uint64_t memory_mib = 0;
    std::uint16_t vcpus = 1;
    CpuList cpus;  // where every vCPU may run, unless cpus_by_vcpu says otherwise
    // Where each vCPU may run, from vCPU 0 on, if they differ; then `cpus` is empty, and so is
    // the list of a vCPU that may run anywhere. Never longer than `vcpus`.
    std::vector<CpuList> cpus_by_vcpu;
    std::vector<VifConfig> vifs;  // device 0 first, at most max_vifs
    ConsoleKind console = ConsoleKind::pty;
    EndAction on_poweroff = EndAction::destroy;
    EndAction on_crash = EndAction::destroy;

    // Where vCPU number `vcpu` may run; empty: wherever Xen likes.
    [[nodiscard]] const CpuList& cpus_of(std::size_t vcpu) const {
        return vcpu < cpus_by_vcpu.size() ? cpus_by_vcpu[vcpu] : cpus;
    }

    // start_info.cmd_line holds MAX_GUEST_CMDLINE (1024, xen/xen.h) bytes with the final NUL.
    static constexpr std::size_t max_cmdline = 1023;
    // A PV guest on x86 has at most 512 vCPUs (MAX_VIRT_CPUS); beyond 32 it must register
    // vcpu_info pages itself (XEN_LEGACY_MAX_VCPUS), which every Linux guest does.
    static constexpr std::uint16_t max_vcpus = 512;
    // Xen counts a domain's pages in 32 bits: 2^32 pages of 4 KiB are 2^24 MiB.
    static constexpr std::uint64_t max_memory_mib = (std::uint64_t{1} << 24) - 1;
    // The highest number of a physical CPU: Xen is built for at most 4095 (CONFIG_NR_CPUS). A list
    // may name CPUs that the host lacks ("all,^2" names all others up to this one).
    static constexpr std::uint16_t max_cpu = 4094;
    // A vif takes up to 3 of a guest's 1023 event channels, and 514 grants, 512 to a frame: one for
    // each request of its two rings of 256, and the rings themselves. So 8 need 24 channels, and 9
    // of the 64 grant frames that Xen lets a guest have by default (gnttab_max_frames).
    static constexpr std::size_t max_vifs = 8;
    // A name or console entry travels through XenStore; this bound keeps it readable.
    static constexpr std::size_t max_name = 128;
};

struct ParsedConfig {
    GuestConfig config;
    std::vector<std::string> warnings;  // whole lines: "guest.cfg:7:1: 'uuid' has no effect here"
};

// A config longer than this is refused unread (a real one is a few hundred bytes).
inline constexpr std::size_t max_config_bytes = std::size_t{64} * 1024;

// Reads the text of a guest config. `origin` names it in errors and warnings (a path).
// `overrides` are further assignments (`key=value`, from a command line) that come after the text
// and win over it; a value that begins with neither a quote nor '[' is a string as it stands. Their
// origin is "command line", their line the number of the override, counted from 1.
// `kernel` and `memory` must be given; the name is empty if `name` is not.
// Throws Error (bad_config) with origin, line, column, what was expected and the nearest key, in
// one line free of control characters whatever the text holds.
[[nodiscard]] ParsedConfig parse_config(std::string_view text, std::string_view origin,
                                        const std::vector<std::string>& overrides = {});

// The same for the file at `path`; its name without directory and ".cfg" is the guest's name if
// the config gives none. A file that cannot be opened or read is an Error of kind failed.
[[nodiscard]] ParsedConfig read_config(const std::string& path,
                                       const std::vector<std::string>& overrides = {});

}  // namespace xcl
