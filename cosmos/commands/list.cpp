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

std::vector<std::string> names_of(xcl::Toolstack& toolstack,
                                  const std::vector<xcl::DomainInfo>& guests) {
    std::vector<xcl::DomainId> ids;
    ids.reserve(guests.size());
    for (const xcl::DomainInfo& guest : guests)
        ids.push_back(guest.id);
    return toolstack.names(ids);
}

int list(Context& context, bool with_names) {
    const std::vector<xcl::DomainInfo> guests = guests_of(context.toolstack());
    std::vector<std::string> names;
    if (with_names)
        names = names_of(context.toolstack(), guests);

    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (std::size_t i = 0; i < guests.size(); ++i) {
            all.push_back(to_json(guests[i]));
            if (with_names)
                all.back()["name"] = names[i];
        }
        print_json(all);
        return code(Status::done);
    }
    constexpr std::uint64_t kib_per_mib = 1024;
    std::vector<std::vector<std::string>> rows{{"ID", "STATE", "VCPUS", "MEM(MiB)", "CPU(s)"}};
    if (with_names)
        rows.front().emplace_back("NAME");
    for (std::size_t i = 0; i < guests.size(); ++i) {
        const xcl::DomainInfo& guest = guests[i];
        rows.push_back(
            {fmt::format("{}", guest.id.value()),
             fmt::format("{}{}", state_word(guest), guest.unfinished ? "*" : ""),
             fmt::format("{}", guest.vcpus), fmt::format("{}", guest.memory_kib / kib_per_mib),
             fmt::format("{:.3f}", std::chrono::duration<double>(guest.cpu_time).count())});
        if (with_names)
            rows.back().push_back(names[i]);
    }
    print_table(rows, {true, false, true, true, true, false});
    return code(Status::done);
}

}  // namespace

Action declare_list(CommandLine& line) {
    const auto names = std::make_shared<bool>(false);
    line.flag('n', "names", *names, "Also ask XenStore for each guest's name");
    return [names](Context& context) { return list(context, *names); };
}

}  // namespace cosmos
