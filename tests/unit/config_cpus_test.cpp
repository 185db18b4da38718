// SPDX-License-Identifier: BSD-3-Clause
// parse_config: the lists of CPUs.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_parsing.hpp"
#include "failure_of.hpp"

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(ConfigCpus, ReadsTheListsOfXl) {
    EXPECT_THAT(config_of("cpus = '0-3'").cpus, Optional(ElementsAre(0, 1, 2, 3)));
    EXPECT_THAT(config_of("cpus = '3,1'").cpus, Optional(ElementsAre(1, 3)));
    EXPECT_THAT(config_of("cpus = '0-4,^2,^3-4'").cpus, Optional(ElementsAre(0, 1)));
    EXPECT_THAT(config_of("cpus = ' 0 - 2 , ^ 1 '").cpus, Optional(ElementsAre(0, 2)));
    EXPECT_THAT(config_of("cpus = '2,2,1-2'").cpus, Optional(ElementsAre(1, 2)));
    EXPECT_THAT(config_of("cpus = '0-3,^1,1'").cpus, Optional(ElementsAre(0, 1, 2, 3)));
    EXPECT_THAT(config_of("cpus = 5").cpus, Optional(ElementsAre(5)));
    EXPECT_THAT(config_of("cpus = '4094'").cpus, Optional(ElementsAre(GuestConfig::max_cpu)));
    EXPECT_THAT(config_of("cpus = 'all'").cpus, Optional(IsEmpty()));
    EXPECT_THAT(config_of("cpus = '^1,all'").cpus, Optional(IsEmpty()));
    EXPECT_FALSE(config_of("cpus = []").cpus);
    EXPECT_FALSE(config_of("").cpus);
}

TEST(ConfigCpus, TellsAnywhereFromNotSaid) {
    EXPECT_THAT(config_of("cpus = 'all'").cpus_of(0), Optional(IsEmpty()));
    EXPECT_FALSE(config_of("").cpus_of(0));
    EXPECT_THAT(config_of("vcpus = 2; cpus = ['all', 'all']").cpus, Optional(IsEmpty()));
}

TEST(ConfigCpus, ReadsAListFromACommandLine) {
    EXPECT_THAT(parse_cpus("2-5,^3"), ElementsAre(2, 4, 5));
    EXPECT_THAT(parse_cpus("all"), IsEmpty());
    EXPECT_EQ(test::failure_of([] { static_cast<void>(parse_cpus("2-x")); }).problem,
              "command line:1:1: expected CPU numbers such as '0-3,^2', or 'all', found '2-x'");
    EXPECT_EQ(test::failure_of([] { static_cast<void>(parse_cpus("")); }).problem,
              "command line:1:1: expected CPU numbers such as '0-3,^2', or 'all', found an empty "
              "string");
}

TEST(ConfigCpus, TakesAllButSome) {
    const CpuList cpus = config_of("cpus = 'all,^1'").cpus.value_or(CpuList{});
    ASSERT_EQ(cpus.size(), std::size_t{GuestConfig::max_cpu});
    EXPECT_EQ(cpus[0], 0);
    EXPECT_EQ(cpus[1], 2);
    EXPECT_EQ(cpus.back(), GuestConfig::max_cpu);
}

TEST(ConfigCpus, ReadsAListForEachVcpu) {
    const auto config = config_of("vcpus = 3; cpus = ['2', '3-8,^5']");
    EXPECT_FALSE(config.cpus);
    EXPECT_THAT(config.cpus_by_vcpu, ElementsAre(ElementsAre(2), ElementsAre(3, 4, 6, 7, 8)));
    EXPECT_THAT(config.cpus_of(0), Optional(ElementsAre(2)));
    EXPECT_THAT(config.cpus_of(1), Optional(ElementsAre(3, 4, 6, 7, 8)));
    EXPECT_THAT(config.cpus_of(2), Optional(IsEmpty()));
}

TEST(ConfigCpus, MakesOneListOfEqualOnes) {
    for (const std::string_view text :
         {"cpus = [2, 2]; vcpus = 2", "vcpus = 2; cpus = ['2', '2']", "vcpus = 2; cpus = '2'"}) {
        const auto config = config_of(text);
        EXPECT_THAT(config.cpus, Optional(ElementsAre(2)));
        EXPECT_THAT(config.cpus_by_vcpu, IsEmpty());
        EXPECT_THAT(config.cpus_of(1), Optional(ElementsAre(2)));
    }
}

TEST(ConfigCpus, WarnsOfListsForVcpusThatTheGuestLacks) {
    EXPECT_THAT(config_of("cpus = [1, 2]").cpus, Optional(ElementsAre(1)));
    EXPECT_THAT(warnings_of("cpus = [1, 2]"),
                ElementsAre("guest.cfg:3:8: 'cpus' lists 2 vCPUs, the guest has 1: the rest has no "
                            "effect"));
}

TEST(ConfigCpus, RefusesListsForMoreVcpusThanAGuestCanHave) {
    std::string text = "cpus = [";
    for (int vcpu = 0; vcpu < 513; ++vcpu)
        text += "1,";
    EXPECT_EQ(problem_of(with_enough(text + "]")),
              "guest.cfg:3:8: expected CPU lists for at most 512 vCPUs, found 513");
}

TEST(ConfigCpus, RefusesOtherTexts) {
    expect_problems({
        {"cpus = 0-3", "guest.cfg:3:8: expected a list of CPUs in quotes, found '0-3'"},
        {"cpus = ''",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found an empty string"},
        {"cpus = '1,'",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found an empty string"},
        {"cpus = '1,two'",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found 'two'"},
        {"cpus = '1-'",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found '1-'"},
        {"cpus = '-1'",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found '-1'"},
        {"cpus = '1-2-3'",
         "guest.cfg:3:8: expected CPU numbers such as '0-3,^2', or 'all', found '1-2-3'"},
        {"cpus = '3-1'", "guest.cfg:3:8: expected a CPU range from low to high, found '3-1'"},
        {"cpus = '4095'", "guest.cfg:3:8: expected CPU numbers from 0 to 4094, found '4095'"},
        {"cpus = '0-99999999999999999999'",
         "guest.cfg:3:8: expected CPU numbers from 0 to 4094, found '99999999999999999999'"},
        {"cpus = '^2'", "guest.cfg:3:8: '^2' leaves no CPU to run on"},
        {"cpus = 'all,^all'", "guest.cfg:3:8: 'all,^all' leaves no CPU to run on"},
        {"cpus = '1,^node:0'", "guest.cfg:3:8: NUMA nodes cannot be named here, found 'node:0'"},
        {"cpus = ['1', 'x']",
         "guest.cfg:3:14: expected CPU numbers such as '0-3,^2', or 'all', found 'x'"},
        {"cpus = [['1']]", "guest.cfg:3:9: expected a list of CPUs, found a list"},
    });
    EXPECT_EQ(failure_of(with_enough("cpus = 'nodes:1-2'")).hint, "name the CPUs of the node");
}

}  // namespace
}  // namespace xcl
