// SPDX-License-Identifier: BSD-3-Clause
// switch add, switch remove, switch list: the backend switches of this host.
#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct AddOptions {
    std::string name;
    std::string address;
    std::string uplink;
};

// An interface's name, as the kernel takes it: up to 15 bytes (IFNAMSIZ) without '/', ':' or space.
void require_interface_name(const std::string& name) {
    constexpr std::size_t longest = 15;
    const bool fits = !name.empty() && name.size() <= longest && name != "." && name != ".." &&
                      name.find_first_of("/: \t\n") == std::string::npos &&
                      std::ranges::all_of(name, [](char byte) { return byte > ' '; });
    if (!fits)
        throw UsageError(fmt::format(
            "no interface can have this name: expected 1 to {} characters without '/', ':' and "
            "spaces",
            longest));
}

std::optional<xcl::Ipv4Interface> parsed_address(const std::string& text) {
    if (text.empty())
        return std::nullopt;
    const std::optional<xcl::Ipv4Interface> address = xcl::parse_ipv4(text);
    constexpr std::uint8_t longest = 30;  // what is longer has no room for a guest
    if (!address || address->prefix == 0 || address->prefix > longest)
        throw UsageError(fmt::format(
            "--address: expected an address with the length of its network's prefix, 1 to {}, like "
            "10.0.0.1/21",
            longest));
    return address;
}

int add(Context& context, const AddOptions& options) {
    require_interface_name(options.name);
    if (!options.uplink.empty())
        require_interface_name(options.uplink);
    context.toolstack().add_switch({.name = options.name,
                                    .address = parsed_address(options.address),
                                    .uplink = options.uplink});
    return code(Status::done);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

int list(Context& context) {
    const std::vector<xcl::SwitchDetails> switches = context.toolstack().switches();
    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (const xcl::SwitchDetails& details : switches) {
            all.push_back({{"number", details.itself.number},
                           {"name", details.itself.name},
                           {"up", details.up},
                           {"ports", details.ports},
                           {"free_ports", xcl::max_switch_ports - details.ports},
                           {"uplinks", details.uplinks}});
            if (details.address)
                all.back()["address"] = xcl::ipv4_text(*details.address);
        }
        print_json(all);
        return code(Status::done);
    }
    std::vector<std::vector<std::string>> rows{
        {"NUMBER", "NAME", "STATE", "PORTS", "FREE", "ADDRESS", "UPLINKS"}};
    for (const xcl::SwitchDetails& details : switches)
        rows.push_back({fmt::format("{}", details.itself.number), details.itself.name,
                        details.up ? "up" : "down", fmt::format("{}", details.ports),
                        fmt::format("{}", xcl::max_switch_ports - details.ports),
                        details.address ? xcl::ipv4_text(*details.address) : "-",
                        details.uplinks.empty() ? "-" : joined(details.uplinks)});
    print_table(rows, {true, false, false, true, true, false, false});
    return code(Status::done);
}

}  // namespace

Action declare_switch_add(CommandLine& line) {
    const auto options = std::make_shared<AddOptions>();
    line.argument("NAME", options->name, true, "The bridge: made if there is none of this name");
    line.option("address", "CIDR", options->address,
                "The host's address on it, the gateway of its guests: 10.0.0.1/21");
    line.option("uplink", "IF", options->uplink, "An interface to plug into it");
    return [options](Context& context) { return add(context, *options); };
}

Action declare_switch_remove(CommandLine& line) {
    const auto name = std::make_shared<std::string>();
    line.argument("NAME", *name, true, "The switch");
    return [name](Context& context) {
        context.toolstack().remove_switch(*name);
        return code(Status::done);
    };
}

Action declare_switch_list(CommandLine&) {
    return list;
}

}  // namespace cosmos
