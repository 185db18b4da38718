// SPDX-License-Identifier: BSD-3-Clause
// Enters and leaves network namespaces.
#include "own_network.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace xcl::test {

void OwnNetwork::SetUp() {
    old_network_ = Descriptor(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    old_mounts_ = Descriptor(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    old_folder_ = Descriptor(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Mounts too: /sys shows the interfaces of the namespace in which it was mounted.
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        GTEST_SKIP() << "no network namespace of its own: " << std::strerror(errno);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", "/sys", "sysfs", 0, nullptr) != 0)
        GTEST_SKIP() << "no /sys of its own: " << std::strerror(errno);
    if (std::system("ip link add probe type veth >/dev/null 2>&1 && ip link del probe") != 0)
        GTEST_SKIP() << "no 'ip' (package iproute2), or no veth in this kernel";
    if (std::system("ip link add probe type bridge >/dev/null 2>&1 && ip link del probe") != 0)
        GTEST_SKIP() << "no bridges in this kernel";
}

void OwnNetwork::TearDown() {
    ASSERT_EQ(setns(old_network_.get(), CLONE_NEWNET), 0) << std::strerror(errno);
    ASSERT_EQ(setns(old_mounts_.get(), CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(fchdir(old_folder_.get()), 0) << std::strerror(errno);
}

void OwnNetwork::ip(std::initializer_list<std::string_view> lines) {
    std::FILE* const batch = popen("ip -batch -", "w");
    ASSERT_NE(batch, nullptr);
    for (const std::string_view line : lines)
        fmt::print(batch, "{}\n", line);
    ASSERT_EQ(pclose(batch), 0);
}

void OwnNetwork::make_vif(const std::string& name) {
    ip({fmt::format("link add {0} type veth peer name {0}-peer", name)});
}

bool OwnNetwork::exists(const std::string& interface) {
    return std::filesystem::exists("/sys/class/net/" + interface);
}

std::string OwnNetwork::attribute(const std::string& interface, const std::string& name) {
    std::ifstream file(fmt::format("/sys/class/net/{}/{}", interface, name));
    std::string value;
    std::getline(file, value);
    return value;
}

std::string OwnNetwork::bridge_of(const std::string& interface) {
    const std::filesystem::path link = fmt::format("/sys/class/net/{}/master", interface);
    return std::filesystem::exists(link) ? std::filesystem::read_symlink(link).filename().string()
                                         : "";
}

}  // namespace xcl::test
