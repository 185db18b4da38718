// SPDX-License-Identifier: BSD-3-Clause
// Label: what libxcl remembers of a guest in the 16 bytes that Xen keeps with each domain. So there
// is no state on disk, and a process that is killed half way leaves a domain that says so.
//
// The bytes are a UUID of version 8 (RFC 9562, section 5.8: free for the maker to define):
//   0-2   "xcl"
//   3     version of this layout (high nibble), flags (low nibble: unfinished, preserve after
//         poweroff, preserve after crash, has vifs)
//   4     of a whole guest: further flags (from the lowest bit: a hotplug script attached one of
//   its
//         vifs; in doubt; another toolstack's, which has this label while it is in doubt)
//   6, 8  high bits: the RFC's version and variant
//   rest  of a whole guest: random. Of an unfinished one: the process that is creating it, its pid
//         in bytes 4, 5, 10, 11, its start time in 12-15, its pid namespace in 7 and 9.
#pragma once

#include <optional>

#include "core/process.hpp"
#include "xcl/domain_info.hpp"
#include "xcl/guest_config.hpp"

namespace xcl {

struct Label {
    std::optional<ProcessStamp> maker;  // set while the guest is unfinished
    EndAction on_poweroff = EndAction::destroy;
    EndAction on_crash = EndAction::destroy;
    bool has_vifs = false;     // backends are recorded for it; of an unfinished one: may be
    bool has_scripts = false;  // some of them by a hotplug script, which must hear of their end
    bool in_doubt = false;     // suspended here, and perhaps taken over by the host it was sent to
    bool foreign = false;      // another toolstack's; only while in doubt
};

// The label of a guest that `maker` is creating.
[[nodiscard]] Uuid unfinished_label(const ProcessStamp& maker);

// The label of a whole guest. `random` makes it unique.
[[nodiscard]] Uuid whole_label(const GuestConfig& config, const Uuid& random);

// The label of a whole guest that has been given a vif since.
[[nodiscard]] Uuid label_with_vif(Uuid uuid, bool by_script);

// The label of a guest that was sent to another host, of which it is not known whether it runs
// there, and what becomes of it if it does not. Of a guest of another toolstack the label goes as
// it came: its own UUID is in XenStore, too.
[[nodiscard]] Uuid label_in_doubt(const Uuid& uuid);
[[nodiscard]] Uuid label_settled(Uuid uuid);

// What stays of a guest's UUID wherever it migrates: everything but the flags.
[[nodiscard]] Uuid token_of(Uuid uuid);

// Nothing when the domain was not labelled by libxcl.
[[nodiscard]] std::optional<Label> read_label(const Uuid& uuid);

// What its config wants to become of a guest that ended for this reason.
[[nodiscard]] EndAction action_after(const Label& label, ShutdownReason reason);

}  // namespace xcl
