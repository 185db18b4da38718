// SPDX-License-Identifier: BSD-3-Clause
// resume: makes guests of images.
#include <fmt/format.h>

#include "attempts.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    std::vector<std::string> files;
    unsigned count = 1;
    bool paused = false;
    bool quiet = false;
    bool new_macs = false;
    bool wait = false;
    std::string switch_name;
    unsigned timeout_s = 10;
};

void announce(const Context& context, const Options& options, const std::string& file,
              const xcl::CreatedGuest& guest, nlohmann::json& list) {
    if (context.json())
        list.push_back({{"id", guest.id.value()},
                        {"name", guest.name},
                        {"file", file},
                        {"seconds", seconds(guest.took)}});
    else if (options.quiet)
        fmt::print("{}\n", guest.id.value());
    else
        fmt::print("Resumed {} as domain {} in {:.4f} s\n", file, guest.id.value(),
                   seconds(guest.took));
}

int resume(Context& context, const Options& options) {
    if (options.files.empty())
        throw UsageError("which image? Give the file that 'cosmos suspend' wrote");
    nlohmann::json list = nlohmann::json::array();
    const int status = try_each(context, options.files.size(), [&](std::size_t i) {
        const std::string& file = options.files[i];
        context.toolstack().resume(file, {.count = options.count,
                                          .paused = options.paused,
                                          .new_macs = options.new_macs,
                                          .switch_name = options.switch_name,
                                          .wait_connected = options.wait,
                                          .timeout = std::chrono::seconds(options.timeout_s),
                                          .on_resumed = [&](const xcl::CreatedGuest& guest) {
                                              announce(context, options, file, guest, list);
                                          }});
    });
    if (context.json())
        print_results(list, status);
    return status;
}

}  // namespace

Action declare_resume(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    line.arguments("FILE", options->files, "Images");
    line.number('n', "count", "COUNT", {&options->count, 1, xcl::DomainId::first_reserved - 1},
                "How many guests of each image; more than one: with MAC addresses of their own");
    line.flag('p', "paused", options->paused, "Leave them paused");
    line.flag('q', "quiet", options->quiet, "Print domain ids alone, one a line");
    line.flag(0, "new-macs", options->new_macs,
              "MAC addresses of its own also for a single guest: the one it was runs still");
    line.option("switch", "NAME", options->switch_name,
                "Plug all vifs into this switch or bridge; else where they were");
    line.flag('w', "wait", options->wait, "Return when the guests have connected their vifs");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, 86400},
                "How long a guest may wait for its interfaces, and with --wait to connect (10)");
    return [options](Context& context) { return resume(context, *options); };
}

}  // namespace cosmos
