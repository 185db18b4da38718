// SPDX-License-Identifier: BSD-3-Clause
// What a host needs to carry many guests, and the RAM disk that keeps their files at hand. The
// members check_host and prepare_host of Toolstack look and set.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace xcl {

// What the host is to carry: guests in all, those that run already among them, each with one
// console and one vif.
struct HostDemand {
    unsigned guests = 1000;
    unsigned memory_mib = 4;       // of each guest
    unsigned ramdisk_mib = 64;     // the most that the RAM disk may take; it takes what it holds
    std::string data_directory{};  // the installed share/cosmos, whose files go to the RAM disk;
                                   // empty: none do
};

// One thing that limits how many guests a host carries.
struct HostItem {
    std::string name;  // "kernel.pty.max"
    std::string have;
    std::string need;
    std::string reason;  // why so much, and where it is no setting, what to do
    bool enough = false;
};

struct PrepareOptions {
    bool dry_run = false;
    // Called after each change that was made, or with dry_run, would be: from `have` to `need`.
    std::function<void(const HostItem&)> on_change{};
};

// The RAM disk: tmpfs with hotplug/, configs/ and images/.
constexpr std::string_view ramdisk_path = "/run/cosmos";

struct CachedImage {
    std::string path;       // what a guest config names
    bool replaced = false;  // a different file of that name was there
};

// Copies an image, or all regular files of a directory (not of those below it; names that begin
// with a dot are left out), into the RAM disk's images/. Each copy appears whole or not at all, in
// place of an older one of its name. Throws Error when the RAM disk is not prepared or has no room,
// or when there is nothing to copy; what was copied before stays.
std::vector<CachedImage> cache_images(const std::string& file_or_directory);

}  // namespace xcl
