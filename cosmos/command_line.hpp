// SPDX-License-Identifier: BSD-3-Clause
// CommandLine: what the words after a command may be, as data: parsing, help, manual and
// completion all read the same list.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cosmos {

struct Number {
    unsigned* value;
    unsigned least;
    unsigned most;
};

// An option or an argument, and where its value goes.
struct Parameter {
    char letter = 0;              // of "-n", 0 for none
    std::string_view word = {};   // of "--count", or an argument's name: "CFG"
    std::string_view value = {};  // what help calls an option's value: "COUNT"; empty for flags
    std::string_view help = {};   // a phrase, no full stop
    bool argument = false;        // stands by its place, not by a name
    bool required = false;        // of an argument
    std::variant<bool*, std::string*, std::vector<std::string>*, Number> target = {};
};

class CommandLine {
  public:
    // The declared variables outlive the CommandLine.
    void flag(char letter, std::string_view word, bool& target, std::string_view help);
    void option(std::string_view word, std::string_view value, std::string& target,
                std::string_view help);
    void number(char letter, std::string_view word, std::string_view value, Number target,
                std::string_view help);
    // Arguments are filled in the order of their declaration. One that takes many leaves a word to
    // each that is declared after it.
    void argument(std::string_view name, std::string& target, bool required, std::string_view help);
    void arguments(std::string_view name, std::vector<std::string>& target, std::string_view help);

    [[nodiscard]] std::span<const Parameter> parameters() const { return parameters_; }

    // Fills the declared variables. Throws UsageError for words that fit nowhere.
    void parse(std::vector<std::string> words) const;

  private:
    std::vector<Parameter> parameters_;
};

// "CFG [KEY=VALUE...]", the arguments as a usage line shows them.
[[nodiscard]] std::string usage_words(const CommandLine& line);

// "-n, --count COUNT", as help and manual show it.
[[nodiscard]] std::string parameter_words(const Parameter& parameter);

}  // namespace cosmos
