// SPDX-License-Identifier: BSD-3-Clause
// migrate: moves guests to another host; settle: finds out which host has one that is in doubt.
#include <fmt/format.h>

#include "attempts.hpp"
#include "commands.hpp"
#include "guests.hpp"
#include "output.hpp"
#include "peers.hpp"

namespace cosmos {
namespace {

struct Options {
    GuestArguments guests;
    PeerArguments peer;
    std::string switch_name;
    bool stats = false;
    unsigned timeout_s = 10;
};

nlohmann::json to_json(const xcl::MigratedGuest& guest, const std::string& host) {
    nlohmann::json rounds = nlohmann::json::array();
    for (const xcl::MigrationRound& round : guest.rounds)
        if (guest.declined.empty())
            rounds.push_back({{"pages", round.pages},
                              {"known_pages", round.known_pages},
                              {"bytes", round.bytes}});
        else
            rounds.push_back(
                {{"pages", nullptr}, {"known_pages", nullptr}, {"bytes", round.bytes}});
    return {{"id", guest.id.value()},
            {"name", guest.name},
            {"host", host},
            {"id_there", guest.there.value()},
            {"bytes", guest.bytes},
            {"rounds", rounds},
            {"by_libxenguest", !guest.declined.empty()},
            {"seconds", seconds(guest.took)},
            {"seconds_still", seconds(guest.stood_still)}};
}

void print_stats(const xcl::MigratedGuest& guest) {
    fmt::print("  downtime {:.1f} ms, {} bytes in {} round{}\n", seconds(guest.stood_still) * 1e3,
               guest.bytes, guest.rounds.size(), guest.rounds.size() == 1 ? "" : "s");
    if (!guest.declined.empty())
        return;  // libxenguest tells of no pages
    for (std::size_t i = 0; i < guest.rounds.size(); ++i) {
        const xcl::MigrationRound& round = guest.rounds[i];
        fmt::print("  round {}{}: {} pages, {} of them known there, {} bytes\n", i + 1,
                   i + 1 == guest.rounds.size() ? ", the guest stood still" : "", round.pages,
                   round.known_pages, round.bytes);
    }
}

void announce(const Context& context, const Options& options, const xcl::MigratedGuest& guest,
              nlohmann::json& list) {
    if (context.json()) {
        list.push_back(to_json(guest, options.peer.host));
        return;
    }
    fmt::print("Migrated domain {} to {} as domain {} in {:.4f} s\n", guest.id.value(),
               options.peer.host, guest.there.value(), seconds(guest.took));
    if (options.stats)
        print_stats(guest);
}

int migrate(Context& context, const Options& options) {
    const std::vector<xcl::DomainId> ids = resolve(context, options.guests);
    const xcl::MigrateOptions how{
        .switch_name = options.switch_name,
        .timeout = std::chrono::seconds(options.timeout_s),
        .on_round =
            [&](const xcl::MigrationRound& round) {
                if (context.verbose())
                    fmt::print(stderr, "sent {} pages, {} of them known there, {} bytes\n",
                               round.pages, round.known_pages, round.bytes);
            },
        .on_declined =
            [](xcl::DomainId id, const std::string& why) {
                fmt::print(stderr, "domain {}: libxenguest saves it, while it stands still: {}\n",
                           id.value(), why);
            }};
    end_between_steps();
    nlohmann::json list = nlohmann::json::array();
    const int status = try_each(context, ids.size(), [&](std::size_t i) {
        const std::unique_ptr<xcl::Link> link = connect(options.peer);
        announce(context, options, context.toolstack().migrate(ids[i], *link, how), list);
    });
    if (context.json())
        print_results(list, status);
    return status;
}

struct SettleOptions {
    std::string id;
    PeerArguments peer;
    bool here = false;
};

int settle(Context& context, const SettleOptions& options) {
    constexpr std::chrono::seconds patience{30};
    const xcl::DomainId id = resolve_word(options.id);
    if (options.here == !options.peer.host.empty())
        throw UsageError(
            "which host was it sent to? Give HOST, or --here if it does not run there");
    if (options.here) {
        context.toolstack().settle_here(id);
        if (context.json())
            print_json({{"id", id.value()}, {"runs", "here"}});
        else
            fmt::print("Domain {} runs on here\n", id.value());
        return code(Status::done);
    }
    const auto there = context.toolstack().settle(id, *connect(options.peer), patience);
    if (!there)
        throw xcl::Error({.domain = id,
                          .problem = fmt::format("{} does not have it", options.peer.host),
                          .hint = fmt::format("if it never ran there, "
                                              "'cosmos settle --here {}' lets it run on here",
                                              id.value())});
    if (context.json())
        print_json({{"id", id.value()}, {"runs", "there"}, {"id_there", there->value()}});
    else
        fmt::print("Domain {} is domain {} of {}; its copy here is gone\n", id.value(),
                   there->value(), options.peer.host);
    return code(Status::done);
}

}  // namespace

Action declare_migrate(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_guests(line, options->guests);
    declare_peer(line, options->peer);
    line.option("switch", "NAME", options->switch_name,
                "Plug all vifs into this switch there; else into the one of the same name");
    line.flag(0, "stats", options->stats, "Print downtime, bytes and rounds");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, 86400},
                "How long a guest may take to answer (10)");
    return [options](Context& context) { return migrate(context, *options); };
}

Action declare_settle(CommandLine& line) {
    const auto options = std::make_shared<SettleOptions>();
    line.argument("ID", options->id, true, "Domain id");
    line.argument("HOST", options->peer.host, false,
                  "The host it was sent to, written as for 'cosmos migrate'");
    declare_peer_options(line, options->peer);
    line.flag(0, "here", options->here, "It does not run there: let it run on here");
    return [options](Context& context) { return settle(context, *options); };
}

}  // namespace cosmos
