// SPDX-License-Identifier: BSD-3-Clause
// host check, host prepare, host cache add: makes a host ready for many guests.
#include <algorithm>
#include <array>
#include <climits>

#include <fmt/format.h>
#include <unistd.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    xcl::HostDemand demand;
    bool dry_run = false;
};

// share/cosmos of the installation that this program belongs to: bin/ and share/ are neighbours.
// Empty where the program was not installed.
std::string data_directory() {
    std::array<char, PATH_MAX> program{};
    const ssize_t length = readlink("/proc/self/exe", program.data(), program.size());
    if (length <= 0)
        return {};
    std::string path(program.data(), static_cast<std::size_t>(length));
    for (int level = 0; level < 2; ++level)
        path.erase(std::min(path.size(), path.rfind('/')));
    path += "/share/cosmos";
    return access(path.c_str(), R_OK | X_OK) == 0 ? path : std::string();
}

nlohmann::json to_json(const std::vector<xcl::HostItem>& items) {
    nlohmann::json all = nlohmann::json::array();
    for (const xcl::HostItem& item : items)
        all.push_back({{"item", item.name},
                       {"have", item.have},
                       {"need", item.need},
                       {"ok", item.enough},
                       {"reason", item.reason}});
    return all;
}

int check(Context& context, const Options& options) {
    const std::vector<xcl::HostItem> items = context.toolstack().check_host(options.demand);
    const bool enough = std::ranges::all_of(items, &xcl::HostItem::enough);
    if (context.json()) {
        print_json(to_json(items));
    } else {
        std::vector<std::vector<std::string>> rows{{"ITEM", "HAVE", "NEED", "", "REASON"}};
        for (const xcl::HostItem& item : items)
            rows.push_back(
                {item.name, item.have, item.need, item.enough ? "ok" : "SHORT", item.reason});
        print_table(rows, {false, true, true, false, false});
    }
    return code(enough ? Status::done : Status::failed);
}

int prepare(Context& context, const Options& options) {
    std::vector<xcl::HostItem> changed;
    const auto announce = [&](const xcl::HostItem& item) {
        changed.push_back(item);
        if (!context.json())
            fmt::print("{}{}: {} -> {}\n", options.dry_run ? "would set " : "", item.name,
                       item.have, item.need);
    };
    const std::vector<xcl::HostItem> still_short = context.toolstack().prepare_host(
        options.demand, {.dry_run = options.dry_run, .on_change = announce});
    if (context.json()) {
        nlohmann::json changes = nlohmann::json::array();
        for (const xcl::HostItem& item : changed)
            changes.push_back({{"item", item.name}, {"from", item.have}, {"to", item.need}});
        print_json(
            {{"dry_run", options.dry_run}, {"changes", changes}, {"short", to_json(still_short)}});
    } else {
        if (changed.empty())
            fmt::print("nothing to change\n");
        for (const xcl::HostItem& item : still_short)
            fmt::print(stderr, "cosmos: {}: {}, not {}: no setting of cosmos changes that ({})\n",
                       item.name, item.have, item.need, item.reason);
    }
    return code(still_short.empty() ? Status::done : Status::failed);
}

int cache_add(Context& context, const std::string& source) {
    const std::vector<xcl::CachedImage> cached = xcl::cache_images(source);
    nlohmann::json all = nlohmann::json::array();
    for (const xcl::CachedImage& image : cached) {
        all.push_back({{"path", image.path}, {"replaced", image.replaced}});
        if (context.json())
            continue;
        fmt::print("{}\n", image.path);
        if (image.replaced)
            fmt::print(stderr, "cosmos: {} replaces a different file of that name\n", image.path);
    }
    if (context.json())
        print_json(all);
    return code(Status::done);
}

void declare_demand(CommandLine& line, Options& options) {
    constexpr unsigned most_guests = xcl::DomainId::first_reserved - 1;
    line.number(0, "guests", "N", {&options.demand.guests, 1, most_guests},
                "How many guests it is to carry, each with a console and a vif (1000)");
    line.number(
        0, "memory", "MIB",
        {&options.demand.memory_mib, 1, static_cast<unsigned>(xcl::GuestConfig::max_memory_mib)},
        "Memory of each guest (4)");
    line.number(0, "ramdisk-size", "MIB", {&options.demand.ramdisk_mib, 1, 1U << 20},
                "The most that the RAM disk may take (64); it takes what it holds");
}

}  // namespace

Action declare_host_check(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_demand(line, *options);
    return [options](Context& context) {
        options->demand.data_directory = data_directory();
        return check(context, *options);
    };
}

Action declare_host_prepare(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_demand(line, *options);
    line.flag('n', "dry-run", options->dry_run, "Show what would be set, and set nothing");
    return [options](Context& context) {
        options->demand.data_directory = data_directory();
        return prepare(context, *options);
    };
}

Action declare_host_cache_add(CommandLine& line) {
    const auto source = std::make_shared<std::string>();
    line.argument("IMAGE|DIR", *source, true,
                  "An image, or a directory: the regular files right in it, no dot files");
    return [source](Context& context) { return cache_add(context, *source); };
}

}  // namespace cosmos
