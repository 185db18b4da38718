// SPDX-License-Identifier: BSD-3-Clause
// parse_config: what each key means, and what a wrong value is answered with.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keys.hpp"
#include "config_parsing.hpp"

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Config, ReadsEveryKeyItActsOn) {
    const auto [config, warnings] = parse_config(R"(
        type = "pv"
        builder = "generic"
        name = "guest"
        kernel = "/boot/guest"
        ramdisk = "/boot/ramdisk"
        extra = "quiet"
        memory = 32
        maxmem = 32
        vcpus = 2
        maxvcpus = 2
        cpus = "1-2"
        console = "none"
        on_poweroff = "preserve"
        on_crash = "preserve"
        vif = ["bridge=xenbr0"]
        click = ""
    )",
                                                 "guest.cfg");
    EXPECT_EQ(config.name, "guest");
    EXPECT_EQ(config.kernel, "/boot/guest");
    EXPECT_EQ(config.ramdisk, "/boot/ramdisk");
    EXPECT_EQ(config.cmdline, "quiet");
    EXPECT_EQ(config.memory_mib, 32U);
    EXPECT_EQ(config.vcpus, 2);
    EXPECT_THAT(config.cpus, ElementsAre(1, 2));
    EXPECT_EQ(config.console, ConsoleKind::none);
    EXPECT_EQ(config.on_poweroff, EndAction::preserve);
    EXPECT_EQ(config.on_crash, EndAction::preserve);
    ASSERT_EQ(config.vifs.size(), 1U);
    EXPECT_EQ(config.vifs[0].bridge, "xenbr0");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST(Config, HasDefaultsForAllButKernelAndMemory) {
    const auto [config, warnings] = parse_config(enough, "guest.cfg");
    EXPECT_EQ(config.name, "");
    EXPECT_EQ(config.kernel, "/k");
    EXPECT_EQ(config.ramdisk, "");
    EXPECT_EQ(config.cmdline, "");
    EXPECT_EQ(config.memory_mib, 8U);
    EXPECT_EQ(config.vcpus, 1);
    EXPECT_THAT(config.cpus, IsEmpty());
    EXPECT_THAT(config.cpus_by_vcpu, IsEmpty());
    EXPECT_EQ(config.console, ConsoleKind::pty);
    EXPECT_EQ(config.on_poweroff, EndAction::destroy);
    EXPECT_EQ(config.on_crash, EndAction::destroy);
    EXPECT_THAT(config.vifs, IsEmpty());
    EXPECT_THAT(warnings, IsEmpty());
}

TEST(Config, RequiresKernelAndMemory) {
    const auto no_kernel = failure_of("memory = 8\n");
    EXPECT_EQ(no_kernel.problem, "guest.cfg: no 'kernel' is given");
    EXPECT_EQ(no_kernel.hint, "add kernel = \"PATH\", the image that the guest boots");
    const auto no_memory = failure_of("kernel = '/k'\n");
    EXPECT_EQ(no_memory.problem, "guest.cfg: no 'memory' is given");
    EXPECT_EQ(no_memory.hint, "add memory = MIB, for example memory = 8");
    EXPECT_EQ(problem_of(""), "guest.cfg: no 'kernel' is given");
    EXPECT_EQ(problem_of("\n\r\n  # nothing\n;;\n"), "guest.cfg: no 'kernel' is given");
}

TEST(Config, TakesNumbersInEveryFormOfXl) {
    for (const std::string_view eight : {"8", "'8'", "\"8\"", "0x8", "010", "'0x8'", "0x08"})
        EXPECT_EQ(config_of("memory = " + std::string(eight)).memory_mib, 8U) << eight;
    EXPECT_EQ(config_of("memory = 0xff").memory_mib, 255U);
    EXPECT_EQ(config_of("memory = '0XFF'").memory_mib, 255U);
    EXPECT_EQ(config_of("memory = 16777215").memory_mib, GuestConfig::max_memory_mib);
    EXPECT_EQ(config_of("memory = 1").memory_mib, 1U);
    EXPECT_EQ(config_of("vcpus = 512").vcpus, GuestConfig::max_vcpus);
}

TEST(Config, RefusesWhatIsNoSuitableNumber) {
    expect_problems({
        {"memory = abc", "guest.cfg:3:10: expected a number of MiB, found 'abc'"},
        {"memory = 'abc'", "guest.cfg:3:10: expected a number of MiB, found 'abc'"},
        {"memory = 8MB", "guest.cfg:3:10: expected a number of MiB, found '8MB'"},
        {"memory = 08", "guest.cfg:3:10: expected a number of MiB, found '08'"},
        {"memory = 0x", "guest.cfg:3:10: expected a number of MiB, found '0x'"},
        {"memory = -", "guest.cfg:3:10: expected a number of MiB, found '-'"},
        {"memory = +8", "guest.cfg:3:10: expected a number of MiB, found '+8'"},
        {"memory = 1.5", "guest.cfg:3:10: expected a number of MiB, found '1.5'"},
        {"memory = ' 8'", "guest.cfg:3:10: expected a number of MiB, found ' 8'"},
        {"memory = ''", "guest.cfg:3:10: expected a number of MiB, found an empty string"},
        {"memory = [8]", "guest.cfg:3:10: expected a number of MiB, found a list"},
        {"memory = 0", "guest.cfg:3:10: expected 1 to 16777215 MiB, found '0'"},
        {"memory = -8", "guest.cfg:3:10: expected 1 to 16777215 MiB, found '-8'"},
        {"memory = 16777216", "guest.cfg:3:10: expected 1 to 16777215 MiB, found '16777216'"},
        {"memory = 18446744073709551616",
         "guest.cfg:3:10: expected 1 to 16777215 MiB, found '18446744073709551616'"},
        {"memory = -99999999999999999999999",
         "guest.cfg:3:10: expected 1 to 16777215 MiB, found '-99999999999999999999999'"},
        {"vcpus = 0", "guest.cfg:3:9: expected 1 to 512 vCPUs, found '0'"},
        {"vcpus = 1000", "guest.cfg:3:9: expected 1 to 512 vCPUs, found '1000'"},
        {"vcpus = 0x10000", "guest.cfg:3:9: expected 1 to 512 vCPUs, found '0x10000'"},
        {"vcpus = many", "guest.cfg:3:9: expected a number of vCPUs, found 'many'"},
        {"maxmem = lots", "guest.cfg:3:10: expected a number of MiB, found 'lots'"},
        {"maxvcpus = 513", "guest.cfg:3:12: expected 1 to 512 vCPUs, found '513'"},
    });
}

TEST(Config, CombinesTheCommandLineAsXlDoes) {
    EXPECT_EQ(config_of("root = '/dev/xvda1 ro'").cmdline, "root=/dev/xvda1 ro");
    EXPECT_EQ(config_of("extra = 'quiet'").cmdline, "quiet");
    EXPECT_EQ(config_of("extra = 'quiet'; root = '/dev/xvda1'").cmdline, "root=/dev/xvda1 quiet");
    EXPECT_EQ(config_of("cmdline = 'console=hvc0'").cmdline, "console=hvc0");
    EXPECT_EQ(config_of("extra = 1").cmdline, "1");
}

TEST(Config, LetsCmdlineWinOverRootAndExtraAndSaysSo) {
    constexpr std::string_view text = "root = '/dev/xvda1'\ncmdline = ''\nextra = 'quiet'\n";
    EXPECT_EQ(config_of(text).cmdline, "");
    EXPECT_THAT(warnings_of(text),
                ElementsAre("guest.cfg:3:8: 'root' has no effect beside 'cmdline'",
                            "guest.cfg:5:9: 'extra' has no effect beside 'cmdline'"));
}

TEST(Config, BoundsTheCommandLine) {
    const std::string longest(GuestConfig::max_cmdline, 'x');
    EXPECT_EQ(config_of("extra = '" + longest + "'").cmdline, longest);
    EXPECT_EQ(problem_of(with_enough("extra = '" + longest + "x'")),
              "guest.cfg:3:9: expected a kernel command line of at most 1023 bytes, found 1024");
    EXPECT_EQ(problem_of(with_enough("root = 'r'\nextra = '" + longest + "'")),
              "guest.cfg:4:9: expected a kernel command line of at most 1023 bytes, found 1030");
    EXPECT_EQ(problem_of(with_enough("root = '" + longest + "'")),
              "guest.cfg:3:8: expected a kernel command line of at most 1023 bytes, found 1028");
    EXPECT_EQ(problem_of(with_enough("cmdline = '" + longest + "x'; extra='y'")),
              "guest.cfg:3:11: expected a kernel command line of at most 1023 bytes, found 1024");
}

TEST(Config, RefusesStringsThatAreNone) {
    expect_problems({
        {"kernel = ''", "guest.cfg:3:10: expected the path of a kernel, found an empty string"},
        {"kernel = []", "guest.cfg:3:10: expected the path of a kernel, found a list"},
        {"kernel = /boot/k",
         "guest.cfg:3:10: expected the path of a kernel in quotes, found '/boot/k'"},
        {"ramdisk = /boot/r",
         "guest.cfg:3:11: expected the path of a ramdisk in quotes, found '/boot/r'"},
        {"extra = quiet",
         "guest.cfg:3:9: expected words for the kernel's command line in quotes, found 'quiet'"},
        {"cmdline = ['x']", "guest.cfg:3:11: expected the kernel's command line, found a list"},
        {"root = sda", "guest.cfg:3:8: expected the kernel's root device in quotes, found 'sda'"},
        {"name = guest", "guest.cfg:3:8: expected a name in quotes, found 'guest'"},
    });
}

TEST(Config, BoundsNames) {
    EXPECT_EQ(config_of("name = 'Gäste 7'").name, "Gäste 7");
    EXPECT_EQ(config_of("name = 7").name, "7");
    const std::string longest(GuestConfig::max_name, 'n');
    EXPECT_EQ(config_of("name = '" + longest + "'").name, longest);
    EXPECT_THAT(problem_of(with_enough("name = '" + longest + "n'")),
                HasSubstr("guest.cfg:3:8: expected a name of at most 128 bytes, found 'nnn"));
    expect_problems({
        {"name = ''", "guest.cfg:3:8: expected a name, found an empty string"},
        {"name = 'a/b'", "guest.cfg:3:8: expected a name without '/', found 'a/b'"},
        {R"(name = 'a\nb')",
         R"(guest.cfg:3:8: expected a name of UTF-8 text without control characters, found 'a\x0ab')"},
        {R"(name = '\x1b[2J')",
         R"(guest.cfg:3:8: expected a name of UTF-8 text without control characters, found '\x1b[2J')"},
        {R"(name = '\xc2\x9b')",
         R"(guest.cfg:3:8: expected a name of UTF-8 text without control characters, found '\xc2\x9b')"},
        {R"(name = '\xff')",
         R"(guest.cfg:3:8: expected a name of UTF-8 text without control characters, found '\xff')"},
    });
}

TEST(Config, TakesWordsOfASetWithAndWithoutQuotes) {
    for (const std::string_view none : {"'none'", "\"none\"", "none"})
        EXPECT_EQ(config_of("console = " + std::string(none)).console, ConsoleKind::none) << none;
    EXPECT_EQ(config_of("console = 'pty'").console, ConsoleKind::pty);
    EXPECT_EQ(config_of("on_crash = 'preserve'").on_crash, EndAction::preserve);
    EXPECT_EQ(config_of("on_crash = 'destroy'").on_crash, EndAction::destroy);
    EXPECT_EQ(config_of("on_poweroff = preserve").on_poweroff, EndAction::preserve);
    expect_problems({
        {"console = 'vga'", "guest.cfg:3:11: expected 'pty' or 'none', found 'vga'"},
        {"console = ['pty']", "guest.cfg:3:11: expected 'pty' or 'none', found a list"},
        {"console = ''", "guest.cfg:3:11: expected 'pty' or 'none', found an empty string"},
        {"on_crash = 'burn'", "guest.cfg:3:12: expected 'destroy' or 'preserve', found 'burn'"},
    });
}

TEST(Config, SaysThatNobodyStaysToRestartAGuest) {
    constexpr std::string_view no_monitor = ": there is no resident monitor here that could ";
    struct Case {
        std::string_view action;
        std::string_view what;
    };
    for (const auto& [action, what] :
         {Case{"restart", "restart a guest"}, Case{"rename-restart", "restart a guest"},
          Case{"coredump-restart", "restart a guest"},
          Case{"coredump-destroy", "dump a guest's core"}, Case{"soft-reset", "reset a guest"}}) {
        const std::string value = " = '" + std::string(action) + "'";
        const std::string expected = "expected 'destroy' or 'preserve', found '" +
                                     std::string(action) + "'" + std::string(no_monitor) +
                                     std::string(what);
        EXPECT_EQ(problem_of(with_enough("on_crash" + value)), "guest.cfg:3:12: " + expected);
        EXPECT_EQ(problem_of(with_enough("on_poweroff" + value)), "guest.cfg:3:15: " + expected);
    }
}

TEST(Config, AcceptsParavirtualisedGuestsOnly) {
    EXPECT_THAT(warnings_of("type = 'pv'; builder = 'linux'"), IsEmpty());
    expect_problems({
        {"type = 'hvm'",
         "guest.cfg:3:8: expected 'pv', found 'hvm': only paravirtualised guests run here"},
        {"type = 'pvh'",
         "guest.cfg:3:8: expected 'pv', found 'pvh': only paravirtualised guests run here"},
        {"builder = 'hvm'",
         "guest.cfg:3:11: expected 'generic' or 'linux', found 'hvm': only paravirtualised guests "
         "run here"},
    });
}

TEST(Config, WarnsOfLimitsThatDifferFromWhatTheGuestGets) {
    EXPECT_THAT(warnings_of("maxmem = 8; maxvcpus = 1"), IsEmpty());
    EXPECT_THAT(
        warnings_of("maxmem = 16; maxvcpus = 2"),
        ElementsAre("guest.cfg:3:10: 'maxmem' has no effect here: a guest keeps the memory it "
                    "starts with",
                    "guest.cfg:3:25: 'maxvcpus' has no effect here: a guest has all its vCPUs "
                    "from the start"));
}

TEST(Config, RefusesClickConfigurations) {
    EXPECT_THAT(warnings_of("click = []"), IsEmpty());
    EXPECT_THAT(warnings_of("click = ''"), IsEmpty());
    const auto click = failure_of(with_enough("click = 'router.click'"));
    EXPECT_EQ(click.problem,
              "guest.cfg:3:9: this version pushes no Click configuration, yet 'click' names one");
    EXPECT_EQ(click.hint, "remove the key 'click'");
}

TEST(Config, WarnsOfEveryKeyOfXlThatHasNoEffect) {
    EXPECT_GT(config::ignored_keys().size(), 130U);
    for (const auto& [name, why] : config::ignored_keys()) {
        std::string warning = fmt::format("guest.cfg:4:3: '{}' has no effect here", name);
        if (!why.empty())
            warning += fmt::format(": {}", why);
        for (const std::string_view value : {"1", "'x'", "['x', 1]", "[['x'],]", "true"})
            EXPECT_THAT(warnings_of(fmt::format("\n  {} = {}", name, value)), ElementsAre(warning));
        EXPECT_THAT(warnings_of(fmt::format("{} = []", name)), IsEmpty()) << name;
    }
}

TEST(Config, GivesReasonsWhereTheyMatter) {
    EXPECT_THAT(warnings_of("disk = ['phy:/dev/vg/x,xvda,w']\non_reboot = 'restart'\nuuid = 'u'"),
                ElementsAre("guest.cfg:3:1: 'disk' has no effect here: lean guests have no block "
                            "devices",
                            "guest.cfg:4:1: 'on_reboot' has no effect here: no monitor stays that "
                            "could act on it",
                            "guest.cfg:5:1: 'uuid' has no effect here: a guest's identity is its "
                            "domain id"));
}

TEST(Config, NamesEveryKeyOnce) {
    std::vector<std::string_view> names;
    for (const auto& key : config::keys())
        names.push_back(key.name);
    for (const auto& key : config::ignored_keys())
        names.push_back(key.name);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Config, AnswersUnknownKeysWithTheNearestOne) {
    expect_problems({
        {"memroy = 8", "guest.cfg:3:1: unknown key 'memroy' (did you mean 'memory'?)"},
        {"Memory = 8", "guest.cfg:3:1: unknown key 'Memory' (did you mean 'memory'?)"},
        {"vcpu = 1", "guest.cfg:3:1: unknown key 'vcpu' (did you mean 'vcpus'?)"},
        {"kernal = '/k'", "guest.cfg:3:1: unknown key 'kernal' (did you mean 'kernel'?)"},
        {"dsik = []", "guest.cfg:3:1: unknown key 'dsik' (did you mean 'disk'?)"},
        {"on-crash = 'destroy'",
         "guest.cfg:3:1: unknown key 'on-crash' (did you mean 'on_crash'?)"},
        {"frobnicate = 8", "guest.cfg:3:1: unknown key 'frobnicate'"},
        {"8 = 8", "guest.cfg:3:1: unknown key '8'"},
        {"größe = 8", "guest.cfg:3:1: unknown key 'größe'"},
    });
    const std::string endless(2000, 'm');
    EXPECT_EQ(problem_of(endless + " = 8"),
              "guest.cfg:1:1: unknown key '" + endless.substr(0, 60) + "...'");
}

}  // namespace
}  // namespace xcl
