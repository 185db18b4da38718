// SPDX-License-Identifier: BSD-3-Clause
// list: the guests of this host.
#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

std::vector<xcl::DomainInfo> guests_of(xcl::Toolstack& toolstack) {
    std::vector<xcl::DomainInfo> guests = toolstack.list();
    std::erase_if(guests,
                  [](const xcl::DomainInfo& domain) { return domain.id == xcl::control_domain; });
    return guests;
}

std::vector<xcl::DomainId> ids_of(const std::vector<xcl::DomainInfo>& guests) {
    std::vector<xcl::DomainId> ids;
    ids.reserve(guests.size());
    for (const xcl::DomainInfo& guest : guests)
        ids.push_back(guest.id);
    return ids;
}

// One row a vif.
int list_vifs(Context& context) {
    const std::vector<xcl::VifInfo> vifs =
        context.toolstack().vifs(ids_of(guests_of(context.toolstack())));
    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (const xcl::VifInfo& vif : vifs) {
            all.push_back(to_json(vif));
            all.back()["id"] = vif.id.guest.value();
        }
        print_json(all);
        return code(Status::done);
    }
    const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
    std::vector<std::vector<std::string>> rows{
        {"ID", "VIF", "STATE", "MAC", "IP", "SWITCH", "INTERFACE", "RECEIVED", "SENT", "DROPPED"}};
    for (const xcl::VifInfo& vif : vifs)
        rows.push_back({fmt::format("{}", vif.id.guest.value()), fmt::format("{}", vif.id.number),
                        vif.state, shown(vif.mac), shown(vif.ip), shown(vif.switch_name),
                        shown(vif.interface), fmt::format("{}", vif.counters.received_packets),
                        fmt::format("{}", vif.counters.sent_packets),
                        fmt::format("{}", vif.counters.dropped_packets)});
    print_table(rows, {true, true, false, false, false, false, false, true, true, true});
    return code(Status::done);
}

int list(Context& context, bool with_names) {
    const std::vector<xcl::DomainInfo> guests = guests_of(context.toolstack());
    const std::vector<std::vector<xcl::CpuList>> cpus = context.toolstack().cpus(guests);
    std::vector<std::string> names;
    if (with_names)
        names = context.toolstack().names(ids_of(guests));

    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (std::size_t i = 0; i < guests.size(); ++i) {
            all.push_back(to_json(guests[i]));
            all.back()["cpus"] = to_json(cpus[i]);
            if (with_names)
                all.back()["name"] = names[i];
        }
        print_json(all);
        return code(Status::done);
    }
    constexpr std::uint64_t kib_per_mib = 1024;
    std::vector<std::vector<std::string>> rows{
        {"ID", "STATE", "VCPUS", "CPUS", "MEM(MiB)", "CPU(s)"}};
    if (with_names)
        rows.front().emplace_back("NAME");
    for (std::size_t i = 0; i < guests.size(); ++i) {
        const xcl::DomainInfo& guest = guests[i];
        rows.push_back(
            {fmt::format("{}", guest.id.value()),
             fmt::format("{}{}", state_word(guest), guest.unfinished ? "*" : ""),
             fmt::format("{}", guest.vcpus), cpus_text(cpus[i]),
             fmt::format("{}", guest.memory_kib / kib_per_mib),
             fmt::format("{:.3f}", std::chrono::duration<double>(guest.cpu_time).count())});
        if (with_names)
            rows.back().push_back(names[i]);
    }
    print_table(rows, {true, false, true, false, true, true, false});
    for (const xcl::DomainInfo& guest : guests)
        if (is_in_doubt(guest))
            fmt::print(stderr,
                       "domain {} was sent to another host and may run there: 'cosmos settle {} "
                       "HOST' asks that host\n",
                       guest.id.value(), guest.id.value());
    return code(Status::done);
}

}  // namespace

Action declare_list(CommandLine& line) {
    struct Options {
        bool names = false;
        bool vifs = false;
    };
    const auto options = std::make_shared<Options>();
    line.flag('n', "names", options->names, "Also ask XenStore for each guest's name");
    line.flag(0, "vifs", options->vifs, "List their network interfaces instead, one a row");
    return [options](Context& context) {
        if (options->names && options->vifs)
            throw UsageError("--names and --vifs do not go together");
        return options->vifs ? list_vifs(context) : list(context, options->names);
    };
}

}  // namespace cosmos
