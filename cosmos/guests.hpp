// SPDX-License-Identifier: BSD-3-Clause
// GuestArguments: the words of a command line that say which guests are meant.
#pragma once

#include <string>
#include <vector>

#include "command_line.hpp"
#include "context.hpp"

namespace cosmos {

struct GuestArguments {
    std::vector<std::string> ids;  // "5", "5-104", "7,9", "all"
    std::string name;
    bool yes = false;
};

// Declares ID…, --name NAME and --yes.
void declare_guests(CommandLine& line, GuestArguments& arguments);

// The ids meant, each once, in the order given. A single id is taken as it is; of a range, those
// that exist (and are whole); "all" wants --yes. Throws UsageError for words that mean nothing.
[[nodiscard]] std::vector<xcl::DomainId> resolve(Context& context, const GuestArguments& arguments);

// The guest that a single word names by its id. Throws UsageError for a word that is none.
[[nodiscard]] xcl::DomainId resolve_word(std::string_view word);

// Declares one ID, or --name NAME.
void declare_guest(CommandLine& line, GuestArguments& arguments);

// Throws UsageError unless exactly one guest is meant.
[[nodiscard]] xcl::DomainId resolve_one(Context& context, const GuestArguments& arguments);

}  // namespace cosmos
