// SPDX-License-Identifier: BSD-3-Clause
// parse_config: the grammar, and where an error says it found what.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_parsing.hpp"

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(ConfigSyntax, KnowsBothQuotesAndNoCommentsInThem) {
    EXPECT_EQ(config_of(R"(extra = "it's; # [fine], = so")").cmdline, "it's; # [fine], = so");
    EXPECT_EQ(config_of(R"(extra = 'say "hi"')").cmdline, R"(say "hi")");
    EXPECT_EQ(config_of("extra = '\tx\t'").cmdline, "\tx\t");
    EXPECT_EQ(config_of("extra = 'grüße €𝄞'").cmdline, "grüße €𝄞");
}

TEST(ConfigSyntax, ResolvesEscapes) {
    EXPECT_EQ(config_of(R"(extra = "a\\b\"c\'d\ne\tf\x41\101")").cmdline, "a\\b\"c'd\ne\tfAA");
    EXPECT_EQ(config_of(R"(extra = '\a\b\f\r\v\377')").cmdline, "\a\b\f\r\v\377");
    constexpr std::string_view expected =
        R"(expected \\, \', \", \n, \t, \x and two digits or \ and three octal digits)";
    for (const std::string_view text : {R"('C:\qemu')", R"('..\x4')", R"('..\xg1')", R"('..\18')",
                                        R"('..\400')", "'..\\\n'", "'..\\"}) {
        EXPECT_EQ(problem_of("extra = " + std::string(text)),
                  "guest.cfg:1:12: " + std::string(expected))
            << text;
    }
    EXPECT_EQ(failure_of(R"(extra = 'C:\qemu')").hint, R"(write \\ for a single backslash)");
    expect_problems({
        {R"(extra = 'a\x00')", "guest.cfg:3:11: a string cannot hold a NUL character"},
        {R"(extra = 'a\000')", "guest.cfg:3:11: a string cannot hold a NUL character"},
    });
}

TEST(ConfigSyntax, SeparatesAssignmentsByLinesAndSemicolons) {
    EXPECT_EQ(parse_config("memory=8;kernel='/k'", "g").config.kernel, "/k");
    EXPECT_EQ(parse_config(";;memory =8 ;\n;kernel= '/k';;", "g").config.memory_mib, 8U);
}

TEST(ConfigSyntax, SkipsCommentsInOddPlaces) {
    constexpr std::string_view text =
        "# first\n"
        "memory = 8# eight; vcpus = 9\n"
        "\t# vcpus = 9\n"
        "cpus = [ # begin\n"
        "  1, # one, 'unterminated\n"
        "# ]\n"
        "] # end\n"
        "kernel = '/k' # \x01\xff\x1b\n"
        "#";
    const auto [config, warnings] = parse_config(text, "guest.cfg");
    EXPECT_EQ(config.memory_mib, 8U);
    EXPECT_EQ(config.vcpus, 1);
    EXPECT_THAT(config.cpus, Optional(ElementsAre(1)));
    EXPECT_EQ(config.kernel, "/k");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST(ConfigSyntax, ReadsLinesThatEndInCarriageReturns) {
    const auto config =
        parse_config("kernel = '/k'\r\nmemory = 8\r\n\r\ncpus = [\r\n 1,\r\n]\r\n", "g").config;
    EXPECT_EQ(config.kernel, "/k");
    EXPECT_EQ(config.memory_mib, 8U);
    EXPECT_THAT(config.cpus, Optional(ElementsAre(1)));
    EXPECT_EQ(problem_of("kernel = '/k'\r\nmemory = x\r\n"),
              "guest.cfg:2:10: expected a number of MiB, found 'x'");
    EXPECT_EQ(problem_of("kernel = '/k\r\n'"),
              "guest.cfg:1:10: the string that begins here lacks its closing ' on the same line");
    EXPECT_EQ(problem_of("memory = 8\rvcpus = 1"),
              R"(guest.cfg:1:11: found \x0d, which is not text)");
}

TEST(ConfigSyntax, SkipsAByteOrderMark) {
    EXPECT_EQ(parse_config("\xEF\xBB\xBF" + std::string(enough), "g").config.memory_mib, 8U);
    EXPECT_EQ(problem_of("\xEF\xBB\xBFmemory = x"),
              "guest.cfg:1:10: expected a number of MiB, found 'x'");
    EXPECT_EQ(problem_of("\xFF\xFEm"), R"(guest.cfg:1:1: found \xff, which is not text)");
}

TEST(ConfigSyntax, ReadsListsOverLinesWithTrailingComma) {
    EXPECT_THAT(config_of("vcpus = 2; cpus = [\n\n '1'\n,\n 2 ,\n\n]").cpus_by_vcpu,
                ElementsAre(ElementsAre(1), ElementsAre(2)));
    EXPECT_THAT(config_of("cpus=[1,]").cpus, Optional(ElementsAre(1)));
    EXPECT_FALSE(config_of("cpus=[\n]").cpus);
}

TEST(ConfigSyntax, AppendsToStringsAndLists) {
    EXPECT_EQ(config_of("extra = 'a'\nextra += ' b'\nextra+=' c'").cmdline, "a b c");
    EXPECT_EQ(config_of("extra = 5\nextra += ' b'").cmdline, "5 b");
    EXPECT_EQ(config_of("extra += 'a'").cmdline, "a");
    EXPECT_THAT(config_of("vcpus = 2; cpus = [1]; cpus += [2]").cpus_by_vcpu,
                ElementsAre(ElementsAre(1), ElementsAre(2)));
    EXPECT_THAT(warnings_of("extra = 'a'\nextra += ' b'"), IsEmpty());
    expect_problems({
        {"cpus = [1]\ncpus += '2'", "guest.cfg:4:9: '+=' cannot add a string to a list"},
        {"extra = 'a'\nextra += ['2']", "guest.cfg:4:10: '+=' cannot add a list to a string"},
        {"memory += 8", "guest.cfg:3:11: '+=' cannot add to a number of MiB"},
        {"extra = a\nextra += 'b'",
         "guest.cfg:4:10: expected words for the kernel's command line in quotes, found 'ab'"},
    });
}

TEST(ConfigSyntax, LetsTheLastOfSeveralWinAndSaysSo) {
    EXPECT_EQ(config_of("vcpus = 2\nvcpus = 3").vcpus, 3);
    EXPECT_THAT(warnings_of("vcpus = 2\n vcpus = 3"),
                ElementsAre("guest.cfg:4:2: 'vcpus' is given twice: this one counts, the one at "
                            "3:1 does not"));
    EXPECT_EQ(config_of("vcpus = nonsense\nvcpus = 3").vcpus, 3);
}

TEST(ConfigSyntax, SaysWhatItExpected) {
    expect_problems({
        {"vcpus", "guest.cfg:3:6: expected '=' after 'vcpus', found the end of the text"},
        {"vcpus\n", "guest.cfg:3:6: expected '=' after 'vcpus', found the end of the line"},
        {"vcpus 2", "guest.cfg:3:7: expected '=' after 'vcpus', found '2'"},
        {"vcpus =", "guest.cfg:3:8: expected a value for 'vcpus', found the end of the text"},
        {"vcpus = \n2", "guest.cfg:3:9: expected a value for 'vcpus', found the end of the line"},
        {"vcpus = # 2", "guest.cfg:3:12: expected a value for 'vcpus', found the end of the text"},
        {"vcpus = ;", "guest.cfg:3:9: expected a value for 'vcpus', found ';'"},
        {"vcpus = = 2", "guest.cfg:3:9: expected a value for 'vcpus', found '='"},
        {"vcpus == 2", "guest.cfg:3:8: expected a value for 'vcpus', found '='"},
        {"vcpus = +=", "guest.cfg:3:9: expected a value for 'vcpus', found '+='"},
        {"= 2", "guest.cfg:3:1: expected a key, found '='"},
        {"'vcpus' = 2", "guest.cfg:3:1: expected a key, found 'vcpus'"},
        {"[vcpus]", "guest.cfg:3:1: expected a key, found '['"},
        {"]", "guest.cfg:3:1: expected a key, found ']'"},
        {",", "guest.cfg:3:1: expected a key, found ','"},
        {"vcpus = 2 cpus = 1",
         "guest.cfg:3:11: expected a new line or ';' after the value, found 'cpus'"},
        {"extra = 'a' 'b'",
         "guest.cfg:3:13: expected a new line or ';' after the value, found 'b'"},
        {"extra = 'grüße', 'b'",
         "guest.cfg:3:16: expected a new line or ';' after the value, found ','"},
        {"extra = 'a",
         "guest.cfg:3:9: the string that begins here lacks its closing ' on the same line"},
        {"extra = \"a\n\"",
         "guest.cfg:3:9: the string that begins here lacks its closing \" on the same line"},
        {"cpus = [ 1",
         "guest.cfg:3:11: expected ',' or ']' in the list that begins at 3:8, found the end of the "
         "text"},
        {"cpus = [\n1,\n\n",
         "guest.cfg:6:1: expected a value or ']' in the list that begins at 3:8, found the end of "
         "the text"},
        {"cpus = [ 1\nvcpus = 2",
         "guest.cfg:4:1: expected ',' or ']' in the list that begins at 3:8, found 'vcpus'"},
        {"cpus = [ 1; 2 ]",
         "guest.cfg:3:11: expected ',' or ']' in the list that begins at 3:8, found ';'"},
        {"cpus = [,]",
         "guest.cfg:3:9: expected a value or ']' in the list that begins at 3:8, found ','"},
        {"cpus = [1,,]",
         "guest.cfg:3:11: expected a value or ']' in the list that begins at 3:8, found ','"},
        {"disk = [['a' 'b']]",
         "guest.cfg:3:14: expected ',' or ']' in the list that begins at 3:9, found 'b'"},
    });
}

TEST(ConfigSyntax, BoundsTheDepthOfLists) {
    EXPECT_THAT(warnings_of("vnuma = [[[[[[[[ 1 ]]]]]]]]"), testing::SizeIs(1));
    EXPECT_EQ(problem_of("vnuma = [[[[[[[[[ 1 ]]]]]]]]]"),
              "guest.cfg:1:17: lists within lists go at most 8 deep");
    EXPECT_EQ(problem_of("vnuma = " + std::string(60000, '[')),
              "guest.cfg:1:17: lists within lists go at most 8 deep");
}

TEST(ConfigSyntax, ShowsBytesThatAreNoTextAsNumbers) {
    struct Case {
        std::string_view bytes;
        std::string_view shown;
    };
    for (const auto& [bytes, shown] :
         {Case{{"\0", 1}, R"(\x00)"}, Case{"\x1b[2J", R"(\x1b)"}, Case{"\x7f", R"(\x7f)"},
          Case{"\xc2\x9b", R"(\xc2\x9b)"}, Case{"\xff", R"(\xff)"}, Case{"\xc3", R"(\xc3)"},
          Case{"\xc0\xaf", R"(\xc0)"}, Case{"\xed\xa0\x80", R"(\xed)"},
          Case{"\xf4\x90\x80\x80", R"(\xf4)"}, Case{"\xe2\x82", R"(\xe2)"}}) {
        const std::string problem = " found " + std::string(shown) + ", which is not text";
        EXPECT_EQ(problem_of("extra = 'ü" + std::string(bytes) + "'"), "guest.cfg:1:11:" + problem);
        EXPECT_EQ(problem_of("extra = " + std::string(bytes)), "guest.cfg:1:9:" + problem);
        EXPECT_EQ(problem_of(bytes), "guest.cfg:1:1:" + problem);
    }
    EXPECT_EQ(failure_of("\x7f").hint, "a config is UTF-8 text");
}

TEST(ConfigSyntax, ReadsAThousandAssignments) {
    std::string text(enough);
    for (int i = 0; i < 1000; ++i)
        text += "vcpus = " + std::to_string(i % 500 + 1) + "\n";
    const auto [config, warnings] = parse_config(text, "guest.cfg");
    EXPECT_EQ(config.vcpus, 500);
    EXPECT_EQ(warnings.size(), 999U);
    EXPECT_EQ(warnings.back(),
              "guest.cfg:1002:1: 'vcpus' is given twice: this one counts, the one at 1001:1 does "
              "not");
}

TEST(ConfigSyntax, RefusesATextThatIsTooLong) {
    const std::string longest = with_enough(std::string(max_config_bytes - enough.size(), '#'));
    EXPECT_EQ(parse_config(longest, "guest.cfg").config.memory_mib, 8U);
    EXPECT_EQ(problem_of(longest + "#"),
              "guest.cfg: 65537 bytes are too many for a guest config, it has at most 65536");
}

TEST(ConfigSyntax, NeverCrashesOnABeginningOfAConfig) {
    constexpr std::string_view text =
        "\xEF\xBB\xBFname = 'gäst\\x41' # c\r\nkernel=\"/k\";memory = 0x10\nvnuma = [ [ 'a', 1, ],"
        "\n# c\n[] ]\ncpus = [ '0-3,^2', 'all' ]\ncpus += [ 1 ]\nextra += '\\101'\ndisk = []\n";
    ASSERT_NO_THROW(static_cast<void>(parse_config(text, "guest.cfg")));
    for (std::size_t length = 0; length < text.size(); ++length) {
        try {
            static_cast<void>(parse_config(text.substr(0, length), "guest.cfg"));
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), testing::StartsWith("guest.cfg:"));
        }
    }
}

TEST(ConfigSyntax, CleansItsOriginInErrors) {
    try {
        static_cast<void>(parse_config("memory = x", "a\x1b[2J.cfg"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "a\\x1b[2J.cfg:1:10: expected a number of MiB, found 'x'");
    }
}

}  // namespace
}  // namespace xcl
