// SPDX-License-Identifier: BSD-3-Clause
// Turns "5", "5-104", "7,9", "all" and names into domain ids.
#include "guests.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace cosmos {
namespace {

xcl::DomainId parsed_id(std::string_view text, std::string_view word) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() ||
        value >= xcl::DomainId::first_reserved)
        throw UsageError(fmt::format(
            "'{}' names no guest: expected a domain id (1 to {}), a range like 5-104, a list like "
            "7,9, or all",
            word, xcl::DomainId::first_reserved - 1));
    return xcl::DomainId(value);
}

// The guests that exist from `first` to `last` and are whole.
std::vector<xcl::DomainId> existing(Context& context, xcl::DomainId first, xcl::DomainId last) {
    std::vector<xcl::DomainId> ids;
    for (const xcl::DomainInfo& guest : context.toolstack().list())
        if (guest.id != xcl::control_domain && guest.id >= first && guest.id <= last &&
            !guest.unfinished)
            ids.push_back(guest.id);
    return ids;
}

// One part of a list: an id or a range.
std::vector<xcl::DomainId> resolved_part(Context& context, std::string_view part,
                                         std::string_view word) {
    const std::size_t dash = part.find('-');
    if (dash == std::string_view::npos)
        return {parsed_id(part, word)};
    const xcl::DomainId first = parsed_id(part.substr(0, dash), word);
    const xcl::DomainId last = parsed_id(part.substr(dash + 1), word);
    if (last < first)
        throw UsageError(
            fmt::format("the range '{}' is empty: write {}-{}", part, last.value(), first.value()));
    std::vector<xcl::DomainId> ids = existing(context, first, last);
    if (ids.empty())
        throw xcl::Error(
            {.kind = xcl::ErrorKind::no_such_guest,
             .problem = fmt::format("there is no guest from {} to {}", first.value(), last.value()),
             .hint = "'cosmos list' shows those that exist"});
    return ids;
}

std::vector<xcl::DomainId> resolved_word(Context& context, std::string_view word, bool yes) {
    if (word == "all") {
        if (!yes)
            throw UsageError(
                "'all' means every guest on this host, whoever created it: say --yes "
                "if that is meant");
        return existing(context, xcl::DomainId(1),
                        xcl::DomainId(xcl::DomainId::first_reserved - 1));
    }
    std::vector<xcl::DomainId> ids;
    for (std::string_view rest = word;;) {
        const std::size_t comma = rest.find(',');
        std::ranges::copy(resolved_part(context, rest.substr(0, comma), word),
                          std::back_inserter(ids));
        if (comma == std::string_view::npos)
            return ids;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace

void declare_guests(CommandLine& line, GuestArguments& arguments) {
    line.arguments("ID", arguments.ids,
                   "Domain ids: 5, a range 5-104 (those of it that exist), a list 7,9, or all");
    line.option("name", "NAME", arguments.name, "The guest of this name");
    line.flag(0, "yes", arguments.yes, "Confirm 'all'");
}

void declare_guest(CommandLine& line, GuestArguments& arguments) {
    line.arguments("ID", arguments.ids, "Domain id");
    line.option("name", "NAME", arguments.name, "The guest of this name");
}

std::vector<xcl::DomainId> resolve(Context& context, const GuestArguments& arguments) {
    if (arguments.ids.empty() && arguments.name.empty())
        throw UsageError("which guest? Give a domain id, or --name NAME");
    std::vector<xcl::DomainId> ids;
    const auto append = [&](xcl::DomainId id) {
        if (std::ranges::find(ids, id) == ids.end())
            ids.push_back(id);
    };
    for (const std::string& word : arguments.ids)
        std::ranges::for_each(resolved_word(context, word, arguments.yes), append);
    if (!arguments.name.empty())
        append(context.toolstack().find(arguments.name));
    return ids;
}

xcl::DomainId resolve_one(Context& context, const GuestArguments& arguments) {
    if (arguments.ids.size() + (arguments.name.empty() ? 0 : 1) != 1)
        throw UsageError("which guest? Give one domain id, or --name NAME");
    if (!arguments.name.empty())
        return context.toolstack().find(arguments.name);
    return resolve_word(arguments.ids.front());
}

xcl::DomainId resolve_word(std::string_view word) {
    return parsed_id(word, word);
}

}  // namespace cosmos
