// SPDX-License-Identifier: BSD-3-Clause
// Starts hotplug scripts and takes their verdicts.
#include "net/script.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/installation.hpp"
#include "core/spawn.hpp"
#include "xcl/error.hpp"

namespace xcl::net {
namespace {

// Where a name without '/' is looked for.
std::vector<std::string> folders() {
    std::vector<std::string> all{"/run/cosmos/hotplug", "/etc/xen/scripts"};
    all.push_back(installation_prefix() + "/share/cosmos/hotplug");
    return all;
}

// What libxl hands to a vif's script, as Xen's own scripts read it, and the bridge, which spares
// ours a look into XenStore.
std::vector<std::string> environment_of(const ScriptCall& call) {
    return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            fmt::format("XENBUS_TYPE=vif"),
            fmt::format("XENBUS_PATH=backend/vif/{}/{}", call.vif.guest.value(), call.vif.number),
            "XENBUS_BASE_PATH=backend",
            "type_if=vif",
            fmt::format("script={}", call.path),
            fmt::format("vif={}", interface_name(call.vif)),
            fmt::format("bridge={}", call.bridge)};
}

pid_t spawned(const ScriptCall& call, int output) {
    SpawnSettings settings;
    posix_spawn_file_actions_addopen(&settings.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&settings.files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&settings.files, output, STDERR_FILENO);
    settings.lead_group();
    std::vector<std::string> words{call.path, call.action, "type_if=vif"};
    std::vector<std::string> environment = environment_of(call);
    pid_t process = 0;
    const int error =
        posix_spawn(&process, call.path.c_str(), &settings.files, &settings.attributes,
                    pointers_to(words).data(), pointers_to(environment).data());
    if (error != 0)
        throw Error({.domain = call.vif.guest,
                     .doing = fmt::format("run the hotplug script {}", call.path),
                     .call = "posix_spawn",
                     .error = error});
    return process;
}

bool can_be_run(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

}  // namespace

Script::Script(const ScriptCall& call) : vif_(call.vif), path_(call.path) {
    // A file in memory: however much a script prints, it neither waits for us nor is cut short.
    output_ = Descriptor(memfd_create("hotplug script", MFD_CLOEXEC));
    if (!output_.is_open())
        throw Error({.doing = "run a hotplug script", .call = "memfd_create", .error = errno});
    group_ = spawned(call, output_.get());
    process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, group_, 0)));
    if (!process_.is_open()) {
        const int error = errno;
        ::kill(-group_, SIGKILL);
        waitpid(group_, nullptr, 0);
        throw Error({.doing = "run a hotplug script", .call = "pidfd_open", .error = error});
    }
}

Script::~Script() {
    kill();
}

Script& Script::operator=(Script&& other) noexcept {
    kill();
    vif_ = other.vif_;
    path_ = std::move(other.path_);
    process_ = std::move(other.process_);
    output_ = std::move(other.output_);
    group_ = other.group_;
    return *this;
}

void Script::kill() noexcept {
    if (!process_.is_open())
        return;
    ::kill(-group_, SIGKILL);
    waitpid(group_, nullptr, 0);
    process_ = Descriptor();
}

// The last line it printed.
std::string Script::last_words() {
    constexpr off_t enough = 4096;
    const off_t printed = lseek(output_.get(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(enough), '\0');
    const ssize_t got =
        pread(output_.get(), text.data(), text.size(), std::max<off_t>(printed - enough, 0));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    text.erase(0, text.rfind('\n') + 1);
    for (char& byte : text)
        if (static_cast<unsigned char>(byte) < ' ')
            byte = ' ';
    constexpr std::size_t longest = 200;
    text.resize(std::min(text.size(), longest));
    return text;
}

std::string Script::problem() {
    int status = 0;
    waitpid(group_, &status, 0);
    ::kill(-group_, SIGKILL);  // what it left running in its group
    process_ = Descriptor();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    std::string problem =
        WIFEXITED(status)
            ? fmt::format("the script {} failed with exit status {}", path_, WEXITSTATUS(status))
            : fmt::format("the script {} was killed by signal {}", path_, WTERMSIG(status));
    if (const std::string words = last_words(); !words.empty())
        problem += fmt::format(": {}", words);
    return problem;
}

std::string find_script(const std::string& name) {
    const auto fail = [&](std::string_view problem, std::string_view hint) {
        throw Error({.doing = "attach a network interface",
                     .problem = std::string(problem),
                     .hint = std::string(hint)});
    };
    if (name.starts_with('/')) {
        if (!can_be_run(name))
            fail(fmt::format("the hotplug script {} is no file that can be run", name),
                 "see that it exists and has the right to be executed");
        return name;
    }
    const std::vector<std::string> places = folders();
    for (const std::string& folder : places)
        if (std::string path = fmt::format("{}/{}", folder, name); can_be_run(path))
            return path;
    fail(fmt::format("there is no hotplug script '{}' in {}", name, fmt::join(places, ", ")),
         "give 'script' a whole path");
    return {};
}

}  // namespace xcl::net
