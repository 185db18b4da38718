// SPDX-License-Identifier: BSD-3-Clause
// Parses words with getopt_long, which costs a process nothing at its start.
#include "command_line.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <getopt.h>

#include "context.hpp"

namespace cosmos {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

void store_number(const Number& number, std::string_view text, std::string_view name) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < number.least ||
        value > number.most)
        throw UsageError(fmt::format("{}: expected a number from {} to {}, found '{}'", name,
                                     number.least, number.most, text));
    *number.value = value;
}

void store(const Parameter& parameter, const char* text) {
    std::visit(
        Overloaded{[](bool* flag) { *flag = true; }, [&](std::string* word) { *word = text; },
                   [&](std::vector<std::string>* words) { words->emplace_back(text); },
                   [&](const Number& number) {
                       store_number(number, text, fmt::format("--{}", parameter.word));
                   }},
        parameter.target);
}

bool takes_many(const Parameter& parameter) {
    return std::holds_alternative<std::vector<std::string>*>(parameter.target);
}

// Hands the words that are no options to the arguments, in order.
void fill_arguments(std::span<const Parameter> parameters, std::span<char* const> words) {
    auto after = static_cast<std::size_t>(
        std::ranges::count_if(parameters, [](const Parameter& one) { return one.argument; }));
    for (const Parameter& parameter : parameters) {
        if (!parameter.argument)
            continue;
        --after;
        if (words.empty() && parameter.required)
            throw UsageError(fmt::format("{} is missing", parameter.word));
        const std::size_t left = takes_many(parameter) ? after : 0;
        while (words.size() > left) {
            store(parameter, words.front());
            words = words.subspan(1);
            if (!takes_many(parameter))
                break;
        }
    }
    if (!words.empty())
        throw UsageError(fmt::format("'{}' is one word too many", words.front()));
}

}  // namespace

void CommandLine::flag(char letter, std::string_view word, bool& target, std::string_view help) {
    parameters_.push_back({.letter = letter, .word = word, .help = help, .target = &target});
}

void CommandLine::option(std::string_view word, std::string_view value, std::string& target,
                         std::string_view help) {
    parameters_.push_back({.word = word, .value = value, .help = help, .target = &target});
}

void CommandLine::number(char letter, std::string_view word, std::string_view value, Number target,
                         std::string_view help) {
    parameters_.push_back(
        {.letter = letter, .word = word, .value = value, .help = help, .target = target});
}

void CommandLine::argument(std::string_view name, std::string& target, bool required,
                           std::string_view help) {
    parameters_.push_back(
        {.word = name, .help = help, .argument = true, .required = required, .target = &target});
}

void CommandLine::arguments(std::string_view name, std::vector<std::string>& target,
                            std::string_view help) {
    parameters_.push_back({.word = name, .help = help, .argument = true, .target = &target});
}

void CommandLine::parse(std::vector<std::string> words) const {
    std::string letters = ":";  // a missing value is told apart from an unknown option
    std::vector<::option> options;
    std::vector<const Parameter*> by_option;
    for (const Parameter& parameter : parameters_) {
        if (parameter.argument)
            continue;
        const int has_value = parameter.value.empty() ? no_argument : required_argument;
        if (parameter.letter != 0)
            letters.append(1, parameter.letter).append(parameter.value.empty() ? "" : ":");
        // The words of the table are literals, so they end in NUL.
        options.push_back({parameter.word.data(), has_value, nullptr, 0});
        by_option.push_back(&parameter);
    }
    options.push_back({nullptr, 0, nullptr, 0});

    std::vector<char*> argv{const_cast<char*>("cosmos")};  // getopt only permutes its words
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    opterr = 0;
    optind = 0;  // glibc: start anew
    const int argc = static_cast<int>(argv.size() - 1);
    for (;;) {
        const int before = optind == 0 ? 1 : optind;
        int index = 0;
        const int found = getopt_long(argc, argv.data(), letters.c_str(), options.data(), &index);
        if (found == -1)
            break;
        if (found == ':')
            throw UsageError(
                fmt::format("{} wants a value", argv[static_cast<std::size_t>(optind) - 1]));
        if (found == '?') {
            const auto at = static_cast<std::size_t>(optind > before ? optind - 1 : before);
            throw UsageError(fmt::format("there is no option '{}' here", argv[at]));
        }
        const Parameter* parameter = by_option[static_cast<std::size_t>(index)];
        if (found != 0)
            for (const Parameter* const candidate : by_option)
                if (candidate->letter == found)
                    parameter = candidate;
        store(*parameter, optarg);
    }
    fill_arguments(parameters_, std::span(argv).subspan(static_cast<std::size_t>(optind),
                                                        static_cast<std::size_t>(argc - optind)));
}

std::string usage_words(const CommandLine& line) {
    std::string text;
    for (const Parameter& parameter : line.parameters()) {
        if (!parameter.argument)
            continue;
        const std::string_view dots = takes_many(parameter) ? "..." : "";
        text += parameter.required ? fmt::format(" {}{}", parameter.word, dots)
                                   : fmt::format(" [{}{}]", parameter.word, dots);
    }
    return text;
}

std::string parameter_words(const Parameter& parameter) {
    if (parameter.argument)
        return std::string(parameter.word);
    std::string text = parameter.letter != 0 ? fmt::format("-{}, ", parameter.letter) : "";
    text += fmt::format("--{}", parameter.word);
    if (!parameter.value.empty())
        text += fmt::format(" {}", parameter.value);
    return text;
}

}  // namespace cosmos
