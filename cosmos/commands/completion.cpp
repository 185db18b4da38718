// SPDX-License-Identifier: BSD-3-Clause
// completion: a bash script made from the table of commands.
#include <fmt/format.h>

#include "commands.hpp"

namespace cosmos {
namespace {

std::string long_options(const Command& command) {
    CommonOptions unused;
    CLI::App app;
    static_cast<void>(declare(command, app, unused));
    std::string words;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
            words += fmt::format("--{} ", name);
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

Action declare_completion(CLI::App& app) {
    const auto shell = std::make_shared<std::string>("bash");
    app.add_option("SHELL", *shell, "The shell")->check(CLI::IsMember({"bash"}));
    return [shell](Context&) {
        fmt::print("{}", bash_script());
        return code(Status::done);
    };
}

}  // namespace cosmos
