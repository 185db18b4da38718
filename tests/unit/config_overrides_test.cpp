// SPDX-License-Identifier: BSD-3-Clause
// parse_config: assignments of a command line, which win over the text.
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_parsing.hpp"

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(ConfigOverrides, WinOverTheTextSilently) {
    const Overrides overrides{"memory=16", "kernel=./x", "vcpus = 2"};
    EXPECT_EQ(config_of("", overrides).memory_mib, 16U);
    EXPECT_EQ(config_of("", overrides).kernel, "./x");
    EXPECT_EQ(config_of("", overrides).vcpus, 2);
    EXPECT_THAT(warnings_of("vcpus = 1", overrides), IsEmpty());
    EXPECT_EQ(config_of("memory = wrong", overrides).memory_mib, 16U);
}

TEST(ConfigOverrides, TakeUnquotedValuesAsTheyStand) {
    EXPECT_EQ(config_of("", {"extra=foo bar"}).cmdline, "foo bar");
    EXPECT_EQ(config_of("", {"extra= foo;#[=,]'\"\\n "}).cmdline, "foo;#[=,]'\"\\n");
    EXPECT_EQ(config_of("", {"extra=#1"}).cmdline, "#1");
    EXPECT_EQ(config_of("extra = 'x'", {"extra="}).cmdline, "");
    EXPECT_THAT(config_of("", {"cpus=0-1"}).cpus, Optional(ElementsAre(0, 1)));
    EXPECT_EQ(config_of("", {"console=none"}).console, ConsoleKind::none);
    EXPECT_EQ(config_of("", {"name=gäst"}).name, "gäst");
}

TEST(ConfigOverrides, TakeQuotedValuesAndLists) {
    EXPECT_EQ(config_of("", {R"(extra="foo\tbar")"}).cmdline, "foo\tbar");
    EXPECT_EQ(config_of("", {"extra='foo' # c"}).cmdline, "foo");
    EXPECT_THAT(config_of("", {"cpus=['1',]"}).cpus, Optional(ElementsAre(1)));
    EXPECT_EQ(config_of("extra = 'a'", {"extra+= b"}).cmdline, "ab");
    EXPECT_EQ(config_of("extra = 'a'", {"extra+=' b'", "extra += ' c'"}).cmdline, "a b c");
}

TEST(ConfigOverrides, AreNamedInErrorsByNumberAndColumn) {
    struct Case {
        Overrides overrides;
        std::string_view problem;
    };
    const std::vector<Case> cases{
        {{"memory=abc"}, "command line:1:8: expected a number of MiB, found 'abc'"},
        {{"memory=8", "vcpus= 0"}, "command line:2:8: expected 1 to 512 vCPUs, found '0'"},
        {{"memory=8;vcpus=2"}, "command line:1:8: expected a number of MiB, found '8;vcpus=2'"},
        {{"memory="}, "command line:1:8: expected a number of MiB, found an empty string"},
        {{"memory"}, "command line:1:7: expected '=' after 'memory', found the end of the text"},
        {{""}, "command line:1:1: expected a key, found the end of the text"},
        {{"=8"}, "command line:1:1: expected a key, found '='"},
        {{"memori=8"}, "command line:1:1: unknown key 'memori' (did you mean 'memory'?)"},
        {{"extra='a"},
         "command line:1:7: the string that begins here lacks its closing ' on the same line"},
        {{"extra='a' b"}, "command line:1:11: expected nothing after the value, found 'b'"},
        {{"cpus=[1"},
         "command line:1:8: expected ',' or ']' in the list that begins at 1:6, found the end of "
         "the text"},
        {{"extra=a\nb"}, R"(command line:1:8: found \x0a, which is not text)"},
        {{std::string("extra=a\0b", 9)}, R"(command line:1:8: found \x00, which is not text)"},
        {{"extra=" + std::string(max_config_bytes, 'x')},
         "command line: 65542 bytes are too many for a guest config, it has at most 65536"},
    };
    for (const auto& [overrides, problem] : cases)
        EXPECT_EQ(problem_of(enough, overrides), problem);
    EXPECT_EQ(failure_of(enough, {"extra='a' b"}).hint, "put quotes around the whole value");
}

TEST(ConfigOverrides, WarnOfEachOther) {
    EXPECT_THAT(warnings_of("vcpus = 1", {"vcpus=2", "memory=4", "vcpus=3"}),
                ElementsAre("command line:3:1: 'vcpus' is given twice: this one counts, the one at "
                            "1:1 does not"));
    EXPECT_THAT(warnings_of("", {"acpi=1"}),
                ElementsAre("command line:1:1: 'acpi' has no effect here: it concerns fully "
                            "virtualised guests"));
}

TEST(ConfigOverrides, CanGiveWhatTheTextLacks) {
    EXPECT_EQ(parse_config("", "g", {"kernel=k", "memory=8"}).config.kernel, "k");
}

}  // namespace
}  // namespace xcl
