// SPDX-License-Identifier: BSD-3-Clause
// Writes and reads the label of a guest.
#include "record/label.hpp"

#include <algorithm>

namespace xcl {
namespace {

constexpr std::array<std::uint8_t, 3> magic{'x', 'c', 'l'};
constexpr std::uint8_t layout_version = 2;

constexpr std::uint8_t unfinished = 1;
constexpr std::uint8_t preserve_after_poweroff = 2;
constexpr std::uint8_t preserve_after_crash = 4;
constexpr std::uint8_t with_vifs = 8;

constexpr std::size_t further_flags = 4;  // the byte
constexpr std::uint8_t with_scripts = 1;
constexpr std::uint8_t in_doubt = 2;
constexpr std::uint8_t foreign = 4;

constexpr std::uint8_t rfc_version = 0x80;  // in byte 6: version 8
constexpr std::uint8_t rfc_variant = 0x80;  // in byte 8: the variant of RFC 9562

Uuid stamped(Uuid uuid, std::uint8_t flags) {
    std::copy(magic.begin(), magic.end(), uuid.begin());
    uuid[3] = static_cast<std::uint8_t>(layout_version << 4 | flags);
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | rfc_version);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | rfc_variant);
    return uuid;
}

constexpr std::uint8_t byte_of(std::uint32_t value, std::size_t index) {
    return static_cast<std::uint8_t>(value >> (8 * index));
}

ProcessStamp maker_of(const Uuid& uuid) {
    const auto join = [](auto... bytes) {
        std::uint32_t value = 0;
        ((value = value << 8 | bytes), ...);
        return value;
    };
    return {.pid = join(uuid[4], uuid[5], uuid[10], uuid[11]),
            .start_ticks = join(uuid[12], uuid[13], uuid[14], uuid[15]),
            .pid_namespace = static_cast<std::uint16_t>(join(uuid[7], uuid[9]))};
}

}  // namespace

Uuid unfinished_label(const ProcessStamp& maker) {
    Uuid uuid{};
    uuid[4] = byte_of(maker.pid, 3);
    uuid[5] = byte_of(maker.pid, 2);
    uuid[10] = byte_of(maker.pid, 1);
    uuid[11] = byte_of(maker.pid, 0);
    for (std::size_t i = 0; i < 4; ++i)
        uuid[12 + i] = byte_of(maker.start_ticks, 3 - i);
    uuid[7] = byte_of(maker.pid_namespace, 1);
    uuid[9] = byte_of(maker.pid_namespace, 0);
    return stamped(uuid, unfinished);
}

Uuid whole_label(const GuestConfig& config, const Uuid& random) {
    std::uint8_t flags = 0;
    if (config.on_poweroff == EndAction::preserve)
        flags |= preserve_after_poweroff;
    if (config.on_crash == EndAction::preserve)
        flags |= preserve_after_crash;
    Uuid uuid = stamped(random, flags);
    uuid[further_flags] = 0;
    for (const VifConfig& vif : config.vifs)
        uuid = label_with_vif(uuid, !vif.script.empty());
    return uuid;
}

Uuid label_with_vif(Uuid uuid, bool by_script) {
    uuid[3] |= with_vifs;
    if (by_script)
        uuid[further_flags] |= with_scripts;
    return uuid;
}

Uuid label_in_doubt(const Uuid& uuid) {
    Uuid marked = uuid;
    if (!read_label(uuid)) {
        marked = stamped(uuid, 0);
        marked[further_flags] = foreign;
    }
    marked[further_flags] |= in_doubt;
    return marked;
}

Uuid label_settled(Uuid uuid) {
    uuid[further_flags] &= static_cast<std::uint8_t>(~in_doubt);
    return uuid;
}

Uuid token_of(Uuid uuid) {
    uuid = stamped(uuid, 0);
    uuid[further_flags] = 0;
    return uuid;
}

std::optional<Label> read_label(const Uuid& uuid) {
    if (!std::equal(magic.begin(), magic.end(), uuid.begin()) || uuid[3] >> 4 != layout_version ||
        (uuid[6] & 0xF0) != rfc_version || (uuid[8] & 0xC0) != rfc_variant)
        return std::nullopt;
    const auto action = [&](std::uint8_t flag) {
        return (uuid[3] & flag) != 0 ? EndAction::preserve : EndAction::destroy;
    };
    Label label{.maker = std::nullopt,
                .on_poweroff = action(preserve_after_poweroff),
                .on_crash = action(preserve_after_crash),
                .has_vifs = false,
                .has_scripts = false,
                .in_doubt = false,
                .foreign = false};
    if ((uuid[3] & unfinished) != 0) {
        label.maker = maker_of(uuid);
        label.has_vifs = label.has_scripts = true;
    } else {
        label.has_vifs = (uuid[3] & with_vifs) != 0;
        label.has_scripts = (uuid[further_flags] & with_scripts) != 0;
        label.in_doubt = (uuid[further_flags] & in_doubt) != 0;
        label.foreign = (uuid[further_flags] & foreign) != 0;
    }
    return label;
}

EndAction action_after(const Label& label, ShutdownReason reason) {
    switch (reason) {
        case ShutdownReason::crash:
        case ShutdownReason::watchdog:
            return label.on_crash;
        case ShutdownReason::suspend:
            return EndAction::preserve;  // it is whole, and somebody means to resume it
        case ShutdownReason::poweroff:
        case ShutdownReason::reboot:
        case ShutdownReason::soft_reset:
            break;
    }
    return label.on_poweroff;
}

}  // namespace xcl
