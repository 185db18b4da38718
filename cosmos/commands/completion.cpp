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

std::string bash_script() {
    std::string names;
    std::string cases;
    for (const Command& command : commands()) {
        names += fmt::format("{} ", command.name);
        cases += fmt::format("        {}) options='{}' ;;\n", command.name, long_options(command));
    }
    return fmt::format(
        "# bash completion for cosmos\n"
        "_cosmos() {{\n"
        "    local word=${{COMP_WORDS[COMP_CWORD]}} options=\n"
        "    COMPREPLY=()\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        mapfile -t COMPREPLY < <(compgen -W '{0}' -- \"$word\")\n"
        "        return\n"
        "    fi\n"
        "    case ${{COMP_WORDS[1]}} in\n{1}    esac\n"
        "    case ${{COMP_WORDS[1]}}:$word in\n"
        "        help:*) mapfile -t COMPREPLY < <(compgen -W '{0}' -- \"$word\") ;;\n"
        "        *:-*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\") ;;\n"
        "        *) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
        "    esac\n"
        "}}\n"
        "complete -o filenames -F _cosmos cosmos\n",
        names, cases);
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
