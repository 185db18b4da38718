// SPDX-License-Identifier: BSD-3-Clause
// attach and detach: network interfaces of guests that run.
#include <charconv>

#include <fmt/format.h>

#include "commands.hpp"
#include "guests.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct AttachOptions {
    std::string guest;
    std::vector<std::string> vifs;
    bool wait = false;
    unsigned timeout_s = 10;
};

struct DetachOptions {
    std::string guest;
    std::string vif;
    bool force = false;
    unsigned timeout_s = 10;
};

int attach(Context& context, const AttachOptions& options) {
    const xcl::DomainId id = resolve_word(options.guest);
    std::vector<xcl::VifConfig> vifs;
    std::size_t argument = 0;
    for (const std::string& text : options.vifs) {
        const xcl::ParsedVif parsed = xcl::parse_vif(text, ++argument);
        for (const std::string& warning : parsed.warnings)
            fmt::print(stderr, "warning: {}\n", warning);
        vifs.push_back(parsed.vif);
    }
    if (vifs.empty())
        vifs.emplace_back();

    nlohmann::json numbers = nlohmann::json::array();
    for (const xcl::VifConfig& vif : vifs) {
        const std::uint16_t number = context.toolstack().attach(
            id, vif,
            {.wait_connected = options.wait, .timeout = std::chrono::seconds(options.timeout_s)});
        numbers.push_back(number);
        if (!context.json())
            fmt::print("Attached vif {} to domain {}\n", number, id.value());
    }
    if (context.json())
        print_json(numbers);
    return code(Status::done);
}

std::uint16_t vif_number(std::string_view text) {
    std::uint16_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc{} || rest != end)
        throw UsageError(fmt::format("'{}' is no vif: expected its number, 0 for the first", text));
    return number;
}

int detach(Context& context, const DetachOptions& options) {
    const xcl::VifId vif{resolve_word(options.guest), vif_number(options.vif)};
    context.toolstack().detach(
        vif, {.force = options.force, .timeout = std::chrono::seconds(options.timeout_s)});
    return code(Status::done);
}

constexpr unsigned most_seconds = 86400;

}  // namespace

Action declare_attach(CommandLine& line) {
    const auto options = std::make_shared<AttachOptions>();
    line.argument("ID", options->guest, true, "Domain id");
    line.arguments("VIF", options->vifs,
                   "What it is to be, as in a config: bridge=NAME,ip=auto; without one, a vif with "
                   "all defaults");
    line.flag('w', "wait", options->wait, "Return when the guest has connected it");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, most_seconds},
                "How long each wait may take (10)");
    return [options](Context& context) { return attach(context, *options); };
}

Action declare_detach(CommandLine& line) {
    const auto options = std::make_shared<DetachOptions>();
    line.argument("ID", options->guest, true, "Domain id");
    line.argument("VIF", options->vif, true, "The vif's number, 0 for the first");
    line.flag('f', "force", options->force, "Take it away without asking the guest");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, most_seconds},
                "How long the guest may take to let go (10)");
    return [options](Context& context) { return detach(context, *options); };
}

}  // namespace cosmos
