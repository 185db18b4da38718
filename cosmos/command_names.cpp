// SPDX-License-Identifier: BSD-3-Clause
// Finds commands by their names, which may be of several words, and guesses at misspelt ones.
#include <algorithm>

#include <fmt/format.h>

#include "command.hpp"
#include "xcl/nearest.hpp"

namespace cosmos {
namespace {

// The first `count` words of a name; nothing where it has fewer.
std::string_view leading_words(std::string_view name, std::size_t count) {
    std::size_t end = 0;
    for (; count > 0; --count) {
        if (end == std::string_view::npos)
            return {};
        end = name.find(' ', end + 1);
    }
    return name.substr(0, end);
}

// How many of these words a name is made of; 0 unless they begin with it.
std::size_t words_of_name(std::string_view name, std::span<const std::string> words) {
    for (std::size_t count = 0; count < words.size();) {
        if (!name.starts_with(words[count]))
            return 0;
        name.remove_prefix(words[count].size());
        ++count;
        if (name.empty())
            return count;
        if (!name.starts_with(' '))
            return 0;
        name.remove_prefix(1);
    }
    return 0;
}

// The words that stand where a name was expected: those of a group, and the next.
std::span<const std::string> supposed_name(std::span<const std::string> words) {
    std::size_t count = 1;
    while (count < words.size() && is_group(joined(words.first(count))))
        ++count;
    return words.first(count);
}

}  // namespace

const Command* find_command(std::string_view name) {
    const auto found = std::ranges::find(commands(), name, &Command::name);
    return found == commands().end() ? nullptr : &*found;
}

FoundCommand find_command(std::span<const std::string> words) {
    FoundCommand found;
    for (const Command& command : commands())
        if (const std::size_t count = words_of_name(command.name, words); count > found.words)
            found = {&command, count};
    return found;
}

bool is_group(std::string_view name) {
    return std::ranges::any_of(commands(),
                               [&](const Command& command) { return is_in_group(command, name); });
}

bool is_in_group(const Command& command, std::string_view group) {
    return group.empty() ||
           (command.name.starts_with(group) && command.name.substr(group.size()).starts_with(' '));
}

std::string joined(std::span<const std::string> words) {
    std::string text;
    for (const std::string& word : words)
        text += text.empty() ? word : ' ' + word;
    return text;
}

std::string no_such_command(std::span<const std::string> words) {
    const std::span<const std::string> supposed = supposed_name(words);
    const std::string name = joined(supposed);
    // Who misspells the first word of two is offered both: "hots check", "host check".
    std::string_view guess;
    for (std::size_t count = words.size(); count > 0 && guess.empty(); --count) {
        const std::string misspelt = joined(words.first(count));
        xcl::NearestWord nearest(misspelt);
        for (const Command& command : commands())
            if (const std::string_view start = leading_words(command.name, count); !start.empty())
                nearest.offer(start);
        guess = nearest.get();
    }
    return fmt::format("there is no command '{}'{}", name,
                       guess.empty() ? "" : fmt::format("; did you mean '{}'?", guess));
}

}  // namespace cosmos
