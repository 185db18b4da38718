// SPDX-License-Identifier: BSD-3-Clause
// suspend: puts guests into files; wake: lets those that stand suspended run on.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "attempts.hpp"
#include "commands.hpp"
#include "guests.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    GuestArguments guests;
    std::string file;
    bool keep = false;
    bool force = false;
    unsigned timeout_s = 10;
};

// A file for each guest: the one that is named, or NAME-ID.img in a directory.
std::vector<std::string> files_for(Context& context, const Options& options,
                                   const std::vector<xcl::DomainId>& ids) {
    std::error_code error;
    if (!std::filesystem::is_directory(options.file, error)) {
        if (ids.size() > 1)
            throw UsageError(fmt::format("'{}' is no directory: {} guests need one to suspend to",
                                         options.file, ids.size()));
        return {options.file};
    }
    std::vector<std::string> names = context.toolstack().names(ids);
    std::vector<std::string> files;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        std::ranges::replace(names[i], '/', '-');
        files.push_back((std::filesystem::path(options.file) /
                         fmt::format("{}-{}.img", names[i], ids[i].value()))
                            .string());
    }
    return files;
}

void announce(const Context& context, const Options& options, const xcl::SuspendedGuest& guest,
              const std::string& file, nlohmann::json& list) {
    const bool by_libxenguest = !guest.declined.empty();
    if (context.verbose() && by_libxenguest)
        fmt::print(stderr, "domain {}: libxenguest saved its memory: {}\n", guest.id.value(),
                   guest.declined);
    if (context.json()) {
        list.push_back({{"id", guest.id.value()},
                        {"name", guest.name},
                        {"file", file},
                        {"bytes", guest.bytes},
                        {"pages", by_libxenguest ? nlohmann::json() : nlohmann::json(guest.pages)},
                        {"by_libxenguest", by_libxenguest},
                        {"kept", options.keep},
                        {"seconds", seconds(guest.took)},
                        {"seconds_still", seconds(guest.stood_still)}});
        return;
    }
    fmt::print("{} domain {} to {} ({} KiB) in {:.4f} s\n", options.keep ? "Saved" : "Suspended",
               guest.id.value(), file, guest.bytes / 1024, seconds(guest.took));
    if (context.verbose())
        fmt::print(stderr, "domain {} stood still for {:.0f} us\n", guest.id.value(),
                   seconds(guest.stood_still) * 1e6);
}

int suspend(Context& context, const Options& options) {
    const std::vector<xcl::DomainId> ids = resolve(context, options.guests);
    const std::vector<std::string> files = files_for(context, options, ids);
    const xcl::SuspendOptions how{.keep = options.keep,
                                  .overwrite = options.force,
                                  .timeout = std::chrono::seconds(options.timeout_s)};
    end_between_steps();
    nlohmann::json list = nlohmann::json::array();
    const int status = try_each(context, ids.size(), [&](std::size_t i) {
        announce(context, options, context.toolstack().suspend(ids[i], files[i], how), files[i],
                 list);
    });
    if (context.json())
        print_results(list, status);
    return status;
}

}  // namespace

Action declare_suspend(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_guests(line, options->guests);
    line.argument("FILE", options->file, true,
                  "The image to write, or a directory: each guest's is NAME-ID.img there");
    line.flag('k', "keep", options->keep, "Let the guest run on: a checkpoint");
    line.flag('f', "force", options->force, "Replace a file of that name");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, 86400},
                "How long a guest may take to answer (10)");
    return [options](Context& context) { return suspend(context, *options); };
}

Action declare_wake(CommandLine& line) {
    const auto guests = std::make_shared<GuestArguments>();
    declare_guests(line, *guests);
    return [guests](Context& context) {
        context.toolstack().wake(resolve(context, *guests));
        return code(Status::done);
    };
}

}  // namespace cosmos
