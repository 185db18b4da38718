// SPDX-License-Identifier: BSD-3-Clause
// OwnNetwork: a test's network namespace, empty but for what it makes, and gone with it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/descriptor.hpp"
#include "core/stopwatch.hpp"
#include "net/linux_network.hpp"

namespace xcl::test {

class OwnNetwork : public ::testing::Test {
  protected:
    // Skips the test where the kernel does not let us.
    void SetUp() override;
    void TearDown() override;

    // ip(8), a line of arguments each; a line that fails fails the test.
    static void ip(std::initializer_list<std::string_view> lines);
    // An interface as netback makes it, but for its kind: one end of a pair whose other end, with
    // "-peer" behind its name, is the guest's.
    static void make_vif(const std::string& name);

    [[nodiscard]] static bool exists(const std::string& interface);
    // Of an interface, as /sys has it: "carrier", "ifalias".
    [[nodiscard]] static std::string attribute(const std::string& interface,
                                               const std::string& name);
    // The bridge it is on, empty for none.
    [[nodiscard]] static std::string bridge_of(const std::string& interface);

    Stopwatch stopwatch{false};
    net::LinuxNetwork network{stopwatch};

  private:
    Descriptor old_network_;
    Descriptor old_mounts_;
    Descriptor old_folder_;
};

}  // namespace xcl::test
