// SPDX-License-Identifier: BSD-3-Clause
// info: all that is known of one guest.
#include <fmt/format.h>

#include "commands.hpp"
#include "guests.hpp"
#include "output.hpp"
#include "xcl/uuid.hpp"

namespace cosmos {
namespace {

int info(Context& context, const GuestArguments& arguments) {
    const xcl::DomainId id = resolve_one(context, arguments);
    const xcl::GuestDetails details = context.toolstack().info(id);
    const xcl::DomainInfo& domain = details.domain;
    if (context.json()) {
        nlohmann::json object = to_json(domain);
        object["name"] = details.name;
        object["console"] = details.console;
        object["vifs"] = nlohmann::json::array();
        for (const xcl::VifInfo& vif : details.vifs)
            object["vifs"].push_back(to_json(vif));
        print_json(object);
        return code(Status::done);
    }
    const auto line = [](std::string_view key, std::string_view value) {
        fmt::print("{:<12} {}\n", key, value);
    };
    line("id", fmt::format("{}", domain.id.value()));
    line("name", details.name);
    line("state", fmt::format("{}{}", state_word(domain),
                              domain.unfinished ? ", its creation has not ended" : ""));
    line("vcpus", fmt::format("{}", domain.vcpus));
    line("memory",
         fmt::format("{} KiB of at most {} KiB", domain.memory_kib, domain.max_memory_kib));
    line("cpu time",
         fmt::format("{:.6f} s", std::chrono::duration<double>(domain.cpu_time).count()));
    line("console", details.console.empty() ? "none" : details.console);
    for (const xcl::VifInfo& vif : details.vifs)
        line(fmt::format("vif {}", vif.id.number),
             fmt::format("{}, ip {}, on {} as {}, {}; received {} packets ({} bytes), sent {} ({} "
                         "bytes), dropped {}",
                         vif.mac, vif.ip.empty() ? "none" : vif.ip,
                         vif.switch_name.empty() ? "no bridge" : vif.switch_name,
                         vif.interface.empty() ? "no interface" : vif.interface, vif.state,
                         vif.counters.received_packets, vif.counters.received_bytes,
                         vif.counters.sent_packets, vif.counters.sent_bytes,
                         vif.counters.dropped_packets));
    line("uuid", xcl::uuid_text(domain.uuid));
    line("created by", domain.ours ? "cosmos" : "another toolstack");
    return code(Status::done);
}

}  // namespace

Action declare_info(CommandLine& line) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guest(line, *arguments);
    return [arguments](Context& context) { return info(context, *arguments); };
}

}  // namespace cosmos
