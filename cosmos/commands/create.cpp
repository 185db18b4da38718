// SPDX-License-Identifier: BSD-3-Clause
// create: makes guests of a config.
#include <csignal>

#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    std::string config;
    std::vector<std::string> settings;
    unsigned count = 1;
    bool paused = false;
    bool quiet = false;
    bool wait = false;
    bool keep = false;
    unsigned timeout_s = 10;
};

volatile std::sig_atomic_t interrupted = 0;  // NOLINT: a signal handler can reach nothing else

class Interrupted : public std::exception {
  public:
    [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

// Says what was made: the ids alone, JSON, or a sentence. Also when the batch was cut short.
void announce(const Context& context, const Options& options,
              const std::vector<xcl::CreatedGuest>& guests) {
    if (context.json()) {
        nlohmann::json list = nlohmann::json::array();
        for (const xcl::CreatedGuest& guest : guests)
            list.push_back(
                {{"id", guest.id.value()}, {"name", guest.name}, {"seconds", seconds(guest.took)}});
        print_json(list);
        return;
    }
    if (options.quiet) {
        for (const xcl::CreatedGuest& guest : guests)
            fmt::print("{}\n", guest.id.value());
        return;
    }
    if (guests.size() == 1)
        fmt::print("Created domain {} in {:.4f} s\n", guests.front().id.value(),
                   seconds(guests.front().took));
    if (guests.size() < 2)
        return;
    std::vector<xcl::DomainId> ids;
    std::chrono::nanoseconds total{0};
    for (const xcl::CreatedGuest& guest : guests) {
        ids.push_back(guest.id);
        total += guest.took;
    }
    fmt::print("Created {} domains, {}, in {:.4f} s, {:.4f} s each\n", guests.size(), summary(ids),
               seconds(total), seconds(total) / static_cast<double>(guests.size()));
}

int create(Context& context, const Options& options) {
    const xcl::ParsedConfig parsed = xcl::read_config(options.config, options.settings);
    for (const std::string& warning : parsed.warnings)
        fmt::print(stderr, "warning: {}\n", warning);

    xcl::Toolstack& toolstack = context.toolstack();
    // Ctrl-C ends the batch between two guests, not in the middle of one.
    static_cast<void>(std::signal(SIGINT, [](int) { interrupted = 1; }));

    std::vector<xcl::CreatedGuest> made;
    const xcl::CreateOptions create_options{.count = options.count,
                                            .paused = options.paused,
                                            .wait_connected = options.wait,
                                            .keep_failed = options.keep,
                                            .timeout = std::chrono::seconds(options.timeout_s),
                                            .on_created = {}};
    int status = code(Status::done);
    {
        ProgressBar progress(options.quiet || context.json() ? 0 : options.count);
        xcl::CreateOptions with_progress = create_options;
        with_progress.on_created = [&](const xcl::CreatedGuest& guest) {
            made.push_back(guest);
            if (context.verbose())
                fmt::print(stderr, "domain {} ({}) is whole after {:.0f} us\n", guest.id.value(),
                           guest.name, seconds(guest.took) * 1e6);
            progress.advance();
            if (interrupted != 0)
                throw Interrupted();
        };
        try {
            toolstack.create(parsed.config, with_progress);
        } catch (const Interrupted&) {
            status = code(Status::interrupted);
        } catch (const std::exception& error) {
            if (made.empty())
                throw;
            status = report(error, context.json());
        }
    }
    announce(context, options, made);
    return status;
}

}  // namespace

Action declare_create(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    line.argument("CFG", options->config, true, "The guest config, a file");
    line.arguments("KEY=VALUE", options->settings, "Settings that win over the file's");
    line.number('n', "count", "COUNT", {&options->count, 1, xcl::DomainId::first_reserved - 1},
                "How many guests");
    line.flag('p', "paused", options->paused, "Leave them paused");
    line.flag('q', "quiet", options->quiet, "Print domain ids alone, one a line");
    line.flag('w', "wait", options->wait, "Return when the guests have connected their vifs");
    line.flag(0, "keep", options->keep,
              "Leave a guest whose vifs cannot be attached, paused, to be looked at");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, 86400},
                "How long a guest may wait for its interfaces, and with --wait to connect (10)");
    return [options](Context& context) { return create(context, *options); };
}

}  // namespace cosmos
