// SPDX-License-Identifier: BSD-3-Clause
// completion: a bash script made from the table of commands.
#include <fmt/format.h>

#include "commands.hpp"

namespace cosmos {
namespace {

std::string long_options(const Command& command) {
    CommandLine line;
    CommonOptions unused;
    static_cast<void>(command.declare(line));
    declare_common_options(line, unused);
    std::string words;
    for (const Parameter& parameter : line.parameters())
        if (!parameter.argument)
            words += fmt::format("--{} ", parameter.word);
    return words;
}

// The words that can follow these ones in a name, each once, in the order of the table.
std::string next_words(std::string_view group) {
    std::string words;
    std::string_view last;
    for (const Command& command : commands()) {
        if (!is_in_group(command, group))
            continue;
        const std::string_view rest = command.name.substr(group.empty() ? 0 : group.size() + 1);
        const std::string_view word = rest.substr(0, rest.find(' '));
        if (word != last)
            words += fmt::format("{} ", word);
        last = word;
    }
    return words;
}

std::string bash_script() {
    std::string groups = fmt::format("        '') next='{}' ;;\n", next_words({}));
    std::string cases;
    for (const Command& command : commands()) {
        for (std::size_t end = command.name.find(' '); end != std::string_view::npos;
             end = command.name.find(' ', end + 1)) {
            // A group comes once for each of its commands: bash takes the first.
            const std::string_view group = command.name.substr(0, end);
            groups += fmt::format("        '{}') next='{}' ;;\n", group, next_words(group));
        }
        cases +=
            fmt::format("        '{} '*) options='{}' ;;\n", command.name, long_options(command));
    }
    return fmt::format(
        "# bash completion for cosmos\n"
        "_cosmos() {{\n"
        "    local IFS=$' \\t\\n' word=${{COMP_WORDS[COMP_CWORD]}} options= next=\n"
        "    local before=\"${{COMP_WORDS[*]:1:COMP_CWORD-1}}\"\n"
        "    case \"$before \" in\n{1}    esac\n"
        "    [[ $before = help ]] && before=\n"
        "    case ${{before#help }} in\n{0}    esac\n"
        "    if [[ $word = -* ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
        "    elif [[ $next ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$word\")\n"
        "    else\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "    fi\n"
        "}}\n"
        "complete -o filenames -F _cosmos cosmos\n",
        groups, cases);
}

}  // namespace

Action declare_completion(CommandLine& line) {
    const auto shell = std::make_shared<std::string>("bash");
    line.argument("SHELL", *shell, false, "The shell: bash");
    return [shell](Context&) {
        if (*shell != "bash")
            throw UsageError(fmt::format("there is no completion for '{}', only for bash", *shell));
        fmt::print("{}", bash_script());
        return code(Status::done);
    };
}

}  // namespace cosmos
