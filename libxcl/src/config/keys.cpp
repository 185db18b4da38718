// SPDX-License-Identifier: BSD-3-Clause
// The keys that are acted on. A new key is a reader here and a row in the table below.
#include "config/keys.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "config/cpu_list.hpp"
#include "config/name.hpp"
#include "config/values.hpp"
#include "config/vif.hpp"

namespace xcl::config {
namespace {

// What xl's monitor process would do with a guest that ended, and nobody here can.
struct MonitorAction {
    std::string_view name;
    std::string_view what;
};

constexpr std::array<MonitorAction, 5> monitor_actions{{
    {"restart", "restart a guest"},
    {"rename-restart", "restart a guest"},
    {"coredump-restart", "restart a guest"},
    {"coredump-destroy", "dump a guest's core"},
    {"soft-reset", "reset a guest"},
}};

EndAction read_end_action(const Value& value) {
    static constexpr std::array<std::string_view, 2> choices{"destroy", "preserve"};
    constexpr std::array actions{EndAction::destroy, EndAction::preserve};
    const std::size_t choice = find_choice(value, choices);
    if (choice < choices.size())
        return actions.at(choice);
    const auto* const monitored =
        std::find_if(monitor_actions.begin(), monitor_actions.end(),
                     [&value](const MonitorAction& action) { return action.name == value.text; });
    if (monitored == monitor_actions.end())
        fail_on_choice(value, choices);
    fail_on_choice(value, choices,
                   fmt::format("there is no resident monitor here that could {}", monitored->what));
}

void read_console(const Value& value, Draft& draft) {
    static constexpr std::array<std::string_view, 2> choices{"pty", "none"};
    constexpr std::array kinds{ConsoleKind::pty, ConsoleKind::none};
    draft.config.console = kinds.at(read_choice(value, choices));
}

void require_paravirtualised(const Value& value, std::span<const std::string_view> choices) {
    if (find_choice(value, choices) == choices.size())
        fail_on_choice(value, choices, "only paravirtualised guests run here");
}

void read_cpus(const Value& value, Draft& draft) {
    draft.config.cpus.clear();
    if (value.kind != Value::Kind::list) {
        draft.config.cpus = read_cpu_list(value);
        return;
    }
    if (value.items.size() > GuestConfig::max_vcpus) {
        fail(value.place, fmt::format("expected CPU lists for at most {} vCPUs, found {}",
                                      GuestConfig::max_vcpus, value.items.size()));
    }
    std::vector<CpuList> lists;
    lists.reserve(value.items.size());
    for (const Value& item : value.items)
        lists.push_back(read_cpu_list(item));
    draft.cpus_by_vcpu = {.value = std::move(lists), .place = value.place};
}

void read_vifs(const Value& value, Draft& draft) {
    constexpr std::string_view example =
        "write vif = ['bridge=xenbr0'], or vif = [''] for defaults";
    if (value.kind != Value::Kind::list)
        fail(value.place, fmt::format("expected a list of vifs, found {}", found(value)),
             std::string(example));
    if (value.items.size() > GuestConfig::max_vifs) {
        fail(value.place, fmt::format("expected at most {} vifs, found {}", GuestConfig::max_vifs,
                                      value.items.size()));
    }
    for (const Value& item : value.items) {
        const std::string text = read_string(item, "a vif");
        Place begin = item.place;
        if (item.kind == Value::Kind::string)
            ++begin.column;  // behind the quote
        draft.config.vifs.push_back(read_vif({.text = text, .place = begin}, draft.warnings));
    }
}

void read_click(const Value& value, Draft& /*draft*/) {
    if (!value.empty()) {
        fail(value.place, "this version pushes no Click configuration, yet 'click' names one",
             "remove the key 'click'");
    }
}

Given<std::string> given_string(const Value& value, std::string_view expected) {
    return {.value = read_string(value, expected), .place = value.place};
}

constexpr std::array table{
    Key{"builder",
        [](const Value& value, Draft&) {
            static constexpr std::array<std::string_view, 2> choices{"generic", "linux"};
            require_paravirtualised(value, choices);
        }},
    Key{"click", read_click},
    Key{"cmdline",
        [](const Value& value, Draft& draft) {
            draft.cmdline = given_string(value, "the kernel's command line");
        }},
    Key{"console", read_console},
    Key{"cpus", read_cpus},
    Key{"extra",
        [](const Value& value, Draft& draft) {
            draft.extra = given_string(value, "words for the kernel's command line");
        }},
    Key{"kernel",
        [](const Value& value, Draft& draft) {
            draft.config.kernel = read_filled_string(value, "the path of a kernel");
        }},
    Key{"maxmem",
        [](const Value& value, Draft& draft) {
            draft.maxmem = {.value = read_number(value, "MiB", 1, GuestConfig::max_memory_mib),
                            .place = value.place};
        }},
    Key{"maxvcpus",
        [](const Value& value, Draft& draft) {
            draft.maxvcpus = {.value = read_number(value, "vCPUs", 1, GuestConfig::max_vcpus),
                              .place = value.place};
        }},
    Key{"memory",
        [](const Value& value, Draft& draft) {
            draft.config.memory_mib = read_number(value, "MiB", 1, GuestConfig::max_memory_mib);
        }},
    Key{"name",
        [](const Value& value, Draft& draft) {
            draft.config.name = read_filled_string(value, "a name");
            if (const auto fault = fault_of_name(draft.config.name); !fault.empty())
                fail(value.place, fmt::format("expected a name {}, found {}", fault, found(value)));
        }},
    Key{"on_crash",
        [](const Value& value, Draft& draft) { draft.config.on_crash = read_end_action(value); }},
    Key{"on_poweroff", [](const Value& value,
                          Draft& draft) { draft.config.on_poweroff = read_end_action(value); }},
    Key{"ramdisk",
        [](const Value& value, Draft& draft) {
            draft.config.ramdisk = read_string(value, "the path of a ramdisk");
        }},
    Key{"root", [](const Value& value,
                   Draft& draft) { draft.root = given_string(value, "the kernel's root device"); }},
    Key{"type",
        [](const Value& value, Draft&) {
            static constexpr std::array<std::string_view, 1> choices{"pv"};
            require_paravirtualised(value, choices);
        }},
    Key{"vcpus",
        [](const Value& value, Draft& draft) {
            draft.config.vcpus =
                static_cast<std::uint16_t>(read_number(value, "vCPUs", 1, GuestConfig::max_vcpus));
        }},
    Key{"vif", read_vifs},
};

}  // namespace

std::span<const Key> keys() {
    return table;
}

}  // namespace xcl::config
