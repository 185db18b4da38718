// SPDX-License-Identifier: BSD-3-Clause
// parse_config and parse_vif: the network interfaces of a guest.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/vif.hpp"
#include "config_parsing.hpp"
#include "failure_of.hpp"

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The one vif of which `text` is the whole item.
VifConfig vif_of(std::string_view text) {
    const auto vifs = config_of(fmt::format("vif = ['{}']", text)).vifs;
    EXPECT_EQ(vifs.size(), 1U);
    return vifs.empty() ? VifConfig{} : vifs.front();
}

std::string vif_problem(std::string_view text) {
    return test::failure_of([text] { static_cast<void>(parse_vif(text)); }).problem;
}

struct Wrong {
    std::string_view vif;
    std::string_view problem;  // behind "command line:1:"
};

void expect_vif_problems(std::initializer_list<Wrong> mistakes) {
    for (const auto& [vif, problem] : mistakes)
        EXPECT_EQ(vif_problem(vif), fmt::format("command line:1:{}", problem)) << "in: " << vif;
}

TEST(ConfigVif, ReadsEveryKeyItActsOn) {
    const auto vif = vif_of(
        "mac=00:16:3E:00:00:0A,bridge=xenbr0,ip=10.0.0.2/24,"
        "script=vif-bridge,rate=1MB/s@20ms,type=vif,backend=0");
    ASSERT_TRUE(vif.mac);
    EXPECT_EQ(mac_text(*vif.mac), "00:16:3e:00:00:0a");
    EXPECT_EQ(vif.bridge, "xenbr0");
    EXPECT_EQ(vif.ip.kind, VifAddress::Kind::fixed);
    EXPECT_EQ(vif.ip.text, "10.0.0.2");
    EXPECT_EQ(vif.ip.prefix, 24);
    EXPECT_EQ(vif.script, "vif-bridge");
    EXPECT_EQ(vif.rate, (VifRate{.bytes = 20'000, .interval_us = 20'000}));
    EXPECT_THAT(warnings_of("vif = ['type=vif,backend=0', 'backend=Domain-0']"), IsEmpty());
}

TEST(ConfigVif, HasDefaultsForEverything) {
    EXPECT_EQ(vif_of(""), VifConfig{});
    EXPECT_EQ(vif_of(" "), VifConfig{});
    EXPECT_EQ(vif_of("bridge=auto"), VifConfig{});
    EXPECT_FALSE(VifConfig{}.mac);
    EXPECT_EQ(VifConfig{}.ip.kind, VifAddress::Kind::none);
    EXPECT_FALSE(VifConfig{}.rate);
}

TEST(ConfigVif, TakesAnyNumberOfVifsInTheirOrder) {
    const auto vifs = config_of("vif = ['bridge=a', '',\n  'bridge=c',]\nvif += ['bridge=d']").vifs;
    ASSERT_EQ(vifs.size(), 4U);
    EXPECT_EQ(vifs[0].bridge, "a");
    EXPECT_EQ(vifs[1].bridge, "");
    EXPECT_EQ(vifs[2].bridge, "c");
    EXPECT_EQ(vifs[3].bridge, "d");
    EXPECT_THAT(config_of("vif = []").vifs, IsEmpty());
    EXPECT_EQ(config_of("vif = ['','','','','','','','']").vifs.size(), GuestConfig::max_vifs);
    EXPECT_EQ(problem_of(with_enough("vif = ['','','','','','','','','']")),
              "guest.cfg:3:7: expected at most 8 vifs, found 9");
}

TEST(ConfigVif, LetsAnOverrideReplaceThemAll) {
    EXPECT_THAT(config_of("vif = ['bridge=a', 'bridge=b']", {"vif=[]"}).vifs, IsEmpty());
    const auto vifs = config_of("vif = ['bridge=a']", {"vif=['bridge=b']"}).vifs;
    ASSERT_EQ(vifs.size(), 1U);
    EXPECT_EQ(vifs[0].bridge, "b");
}

TEST(ConfigVif, TakesBlanksAndEmptyPartsAsXlDoes) {
    const auto vif = vif_of(" bridge = xenbr0 ,\t script=x,, ip=auto ,");
    EXPECT_EQ(vif.bridge, "xenbr0");
    EXPECT_EQ(vif.script, "x");
    EXPECT_EQ(vif.ip.kind, VifAddress::Kind::automatic);
    EXPECT_EQ(vif.ip.text, "");
}

TEST(ConfigVif, WantsAList) {
    const auto failure = failure_of(with_enough("vif = 'bridge=xenbr0'"));
    EXPECT_EQ(failure.problem, "guest.cfg:3:7: expected a list of vifs, found 'bridge=xenbr0'");
    EXPECT_EQ(failure.hint, "write vif = ['bridge=xenbr0'], or vif = [''] for defaults");
    expect_problems({
        {"vif = ''", "guest.cfg:3:7: expected a list of vifs, found an empty string"},
        {"vif = 1", "guest.cfg:3:7: expected a list of vifs, found '1'"},
        {"vif = [['mac=x']]", "guest.cfg:3:8: expected a vif, found a list"},
        {"vif = [bridge]", "guest.cfg:3:8: expected a vif in quotes, found 'bridge'"},
        {"vif = [1]", "guest.cfg:3:8: expected KEY=VALUE in a vif, found '1'"},
    });
}

TEST(ConfigVif, PointsIntoTheItem) {
    expect_problems({
        {"vif = ['', 'bridge=ö,mak=1']",
         "guest.cfg:3:22: unknown key 'mak' of a vif (did you mean 'mac'?)"},
        {"vif = ['',\n  'bridge=b, ip = 1']",
         "guest.cfg:4:19: expected an IPv4 address such as '10.0.0.2' or '10.0.0.2/24', or "
         "'auto', found '1'"},
    });
    EXPECT_EQ(problem_of(enough, {"vif=['mac=1']"}),
              "command line:1:11: expected a MAC address such as '00:16:3e:00:00:01', found '1'");
    EXPECT_EQ(test::failure_of([] { static_cast<void>(parse_vif("bridge=a, x", 3)); }).problem,
              "command line:3:11: expected KEY=VALUE in a vif, found 'x'");
}

TEST(ConfigVif, AnswersUnknownKeysWithTheNearestOne) {
    expect_vif_problems({
        {"mca=1", "1: unknown key 'mca' of a vif (did you mean 'mac'?)"},
        {"brigde=xenbr0", "1: unknown key 'brigde' of a vif (did you mean 'bridge'?)"},
        {"Bridge=xenbr0", "1: unknown key 'Bridge' of a vif (did you mean 'bridge'?)"},
        {"vifnam=v", "1: unknown key 'vifnam' of a vif (did you mean 'vifname'?)"},
        {"frobnicate=1", "1: unknown key 'frobnicate' of a vif"},
        {"=1", "1: expected KEY=VALUE in a vif, found '=1'"},
        {"bridge", "1: expected KEY=VALUE in a vif, found 'bridge'"},
        {"br\x1bidge=1", R"(1: unknown key 'br\x1bidge' of a vif (did you mean 'bridge'?))"},
        {"bridge=a,script=s,bridge=a", "19: 'bridge' is given twice for one vif"},
        {"mtu=1, mtu=2", "8: 'mtu' is given twice for one vif"},
    });
}

TEST(ConfigVif, RefusesWhatIsNoMacOfAnInterface) {
    expect_vif_problems({
        {"mac=", "5: expected a MAC address such as '00:16:3e:00:00:01', found an empty string"},
        {"mac=00:16:3e:00:00",
         "5: expected a MAC address such as '00:16:3e:00:00:01', found '00:16:3e:00:00'"},
        {"mac=01:16:3e:00:00:01",
         "5: expected a MAC address of one interface, not of a group, found '01:16:3e:00:00:01'"},
        {"mac=ff:ff:ff:ff:ff:ff",
         "5: expected a MAC address of one interface, not of a group, found 'ff:ff:ff:ff:ff:ff'"},
        {"mac=00:00:00:00:00:00",
         "5: expected a MAC address other than zero, found '00:00:00:00:00:00'"},
    });
}

TEST(ConfigVif, TakesAsABridgeWhatLinuxTakesAsAName) {
    for (const std::string_view name :
         {"b", "xenbr0", "br.100", "123456789012345", "...", "brücke"})
        EXPECT_EQ(vif_of(fmt::format("bridge={}", name)).bridge, name);
    expect_vif_problems({
        {"bridge=", "8: expected the name of a bridge, or 'auto', found an empty string"},
        {"bridge=\x7f", R"(8: expected the name of a bridge, or 'auto', found '\x7f')"},
        {"bridge=a\xff", R"(8: expected the name of a bridge, or 'auto', found 'a\xff')"},
        {"bridge=1234567890123456",
         "8: expected a bridge's name of at most 15 bytes, found '1234567890123456'"},
        {"bridge=a/b", "8: expected a bridge's name without '/', ':' and blanks, found 'a/b'"},
        {"bridge=a:b", "8: expected a bridge's name without '/', ':' and blanks, found 'a:b'"},
        {"bridge=a b", "8: expected a bridge's name without '/', ':' and blanks, found 'a b'"},
        {"bridge=.", "8: expected a bridge's name other than '.' and '..', found '.'"},
        {"bridge=..", "8: expected a bridge's name other than '.' and '..', found '..'"},
    });
}

TEST(ConfigVif, ReadsAddresses) {
    struct Case {
        std::string_view text;
        VifAddress address;
    };
    using Kind = VifAddress::Kind;
    for (const auto& [text, address] :
         {Case{"auto", {.kind = Kind::automatic, .text = {}, .prefix = {}}},
          Case{"10.0.0.0", {.kind = Kind::fixed, .text = "10.0.0.0", .prefix = {}}},
          Case{"223.255.255.254/1", {.kind = Kind::fixed, .text = "223.255.255.254", .prefix = 1}},
          Case{"1.2.3.4/32", {.kind = Kind::fixed, .text = "1.2.3.4", .prefix = 32}},
          Case{"1.2.3.4/31", {.kind = Kind::fixed, .text = "1.2.3.4", .prefix = 31}},
          Case{"1.2.3.5/30", {.kind = Kind::fixed, .text = "1.2.3.5", .prefix = 30}},
          Case{"10.0.1.255/16", {.kind = Kind::fixed, .text = "10.0.1.255", .prefix = 16}}})
        EXPECT_EQ(vif_of(fmt::format("ip={}", text)).ip, address) << text;
}

TEST(ConfigVif, RefusesWhatIsNoAddressOfAHost) {
    for (const std::string_view text :
         {"10.0.0", "10.0.0.", "10.0.0.256", "10.0.0.1.2", "10.0.0.-1", "10.0.0.01", "10.00.0.1",
          "10.0.0.1x", "a.b.c.d", "::1", "10.0.0.99999999999999999999", "10.0.0.1 10.0.0.2"}) {
        EXPECT_EQ(vif_problem(fmt::format("ip={}", text)),
                  fmt::format("command line:1:4: expected an IPv4 address such as '10.0.0.2' or "
                              "'10.0.0.2/24', or 'auto', found '{}'",
                              text));
    }
    for (const std::string_view text :
         {"10.0.0.1/", "10.0.0.1/0", "10.0.0.1/33", "10.0.0.1/x", "10.0.0.1/24/", "10.0.0.1/-1"}) {
        EXPECT_EQ(vif_problem(fmt::format("ip={}", text)),
                  fmt::format("command line:1:4: expected 1 to 32 bits of the network behind the "
                              "'/', found '{}'",
                              text));
    }
    for (const std::string_view text :
         {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "239.1.1.1/24"}) {
        EXPECT_EQ(vif_problem(fmt::format("ip={}", text)),
                  fmt::format("command line:1:4: expected the IPv4 address of one host, found '{}'",
                              text));
    }
    for (const std::string_view text : {"10.0.0.0/24", "10.0.0.255/24", "10.0.0.3/30",
                                        "10.0.0.0/30", "10.255.255.255/8", "128.0.0.0/1"}) {
        EXPECT_EQ(vif_problem(fmt::format("ip={}", text)),
                  fmt::format("command line:1:4: expected the IPv4 address of one host, not of its "
                              "network, found '{}'",
                              text));
    }
}

TEST(ConfigVif, TakesScriptsByNameOrByPath) {
    for (const std::string_view script :
         {"vif-bridge", "/etc/xen/scripts/vif-route", "..x", "/a..b/c", "a b"})
        EXPECT_EQ(vif_of(fmt::format("script={}", script)).script, script);
    const std::string_view path = "expected a script's path without '..', found ";
    const std::string_view name = "expected a script's name without '/', or its whole path, found ";
    expect_vif_problems({
        {"script=",
         "8: expected the name of a script in Xen's directory of scripts, or its whole "
         "path, found an empty string"},
        {"script=a\nb", R"(8: expected the name of a script in Xen's directory of scripts, or its )"
                        R"(whole path, found 'a\x0ab')"},
        {"script=..", fmt::format("8: {}'..'", path)},
        {"script=../x", fmt::format("8: {}'../x'", path)},
        {"script=/etc/../x", fmt::format("8: {}'/etc/../x'", path)},
        {"script=/etc/..", fmt::format("8: {}'/etc/..'", path)},
        {"script=scripts/x", fmt::format("8: {}'scripts/x'", name)},
        {"script=./x", fmt::format("8: {}'./x'", name)},
    });
}

TEST(ConfigVif, ReadsRatesAsXlDoes) {
    struct Case {
        std::string_view text;
        VifRate rate;
    };
    for (const auto& [text, rate] : {
             Case{"10Mb/s", {.bytes = 62'500, .interval_us = 50'000}},
             Case{"250KB/s", {.bytes = 12'500, .interval_us = 50'000}},
             Case{"1MB/s@20ms", {.bytes = 20'000, .interval_us = 20'000}},
             Case{"1GB/s@1s", {.bytes = 1'000'000'000, .interval_us = 1'000'000}},
             Case{"1Gb/s@1000000", {.bytes = 125'000'000, .interval_us = 1'000'000}},
             Case{"8Kb/s@1000us", {.bytes = 1, .interval_us = 1'000}},
             Case{"20B/s", {.bytes = 1, .interval_us = 50'000}},
             Case{"160b/s", {.bytes = 1, .interval_us = 50'000}},
             Case{"1B/s@4294s", {.bytes = 4294, .interval_us = 4'294'000'000}},
             Case{"4294967295B/s@1s", {.bytes = 4'294'967'295, .interval_us = 1'000'000}},
         })
        EXPECT_EQ(vif_of(fmt::format("rate={}", text)).rate, rate) << text;
}

TEST(ConfigVif, RefusesOtherRates) {
    for (const std::string_view text :
         {"", "10", "10Mb", "Mb/s", "10mb/s", "10kB/s", "-1Mb/s", "1.5Mb/s", "10 Mb/s", "10Mb/s@",
          "10Mb/s@x", "10Mb/s@20m", "10Mb/s@20ms ms", "10Mb/s20ms", "0x10Mb/s", "10Tb/s",
          "99999999999999999999B/s", "1B/s@99999999999s"}) {
        EXPECT_EQ(vif_problem(fmt::format("rate={}", text)),
                  fmt::format("command line:1:6: expected a rate such as '10Mb/s', '250KB/s' or "
                              "'1MB/s@20ms', found {}",
                              text.empty() ? "an empty string" : fmt::format("'{}'", text)));
    }
    expect_vif_problems({
        {"rate=1MB/s@0ms",
         "6: expected an interval of 1 to 4294967295 microseconds, found "
         "'1MB/s@0ms'"},
        {"rate=1MB/s@4295s",
         "6: expected an interval of 1 to 4294967295 microseconds, found "
         "'1MB/s@4295s'"},
        {"rate=0MB/s", "6: expected a rate of at least one byte an interval, found '0MB/s'"},
        {"rate=19B/s", "6: expected a rate of at least one byte an interval, found '19B/s'"},
        {"rate=100GB/s",
         "6: expected a rate of at most 4294967295 bytes an interval, found "
         "'100GB/s'"},
        {"rate=18446744073709551615GB/s@1us",
         "6: expected a rate of at most 4294967295 bytes an interval, found "
         "'18446744073709551615GB/s@1us'"},
    });
}

TEST(ConfigVif, HasNoEmulatedDevicesAndNoDriverDomains) {
    expect_vif_problems({
        {"type=ioemu", "6: expected 'vif', found 'ioemu': no device model runs beside a guest"},
        {"backend=driver",
         "9: expected '0' or 'Domain-0', found 'driver': domain 0 is the "
         "backend of every vif"},
        {"backend=1",
         "9: expected '0' or 'Domain-0', found '1': domain 0 is the backend of "
         "every vif"},
    });
}

TEST(ConfigVif, WarnsOfEveryKeyOfXlThatHasNoEffect) {
    for (const auto& [name, why] : config::ignored_vif_keys()) {
        EXPECT_THAT(warnings_of(fmt::format("vif = ['bridge=b, {}=x']", name)),
                    ElementsAre(fmt::format("guest.cfg:3:19: '{}' of a vif has no effect here: {}",
                                            name, why)));
    }
    const auto [vif, warnings] = parse_vif("colo_checkpoint_host=h,bridge=b");
    EXPECT_EQ(vif.bridge, "b");
    EXPECT_THAT(warnings, ElementsAre("command line:1:1: 'colo_checkpoint_host' of a vif has no "
                                      "effect here: guests are not mirrored here"));
}

TEST(ConfigVif, NamesEveryKeyOnce) {
    std::vector<std::string_view> names;
    for (const auto& key : config::vif_keys())
        names.push_back(key.name);
    for (const auto& key : config::ignored_vif_keys())
        names.push_back(key.name);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(ConfigVif, IsNotReadWhenItIsEndless) {
    EXPECT_EQ(vif_problem(std::string(max_config_bytes + 1, 'x')),
              "command line: 65537 bytes are too many for a guest config, it has at most 65536");
}

}  // namespace
}  // namespace xcl
