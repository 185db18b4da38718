// SPDX-License-Identifier: BSD-3-Clause
// A command whose standard input and output are the other side: ssh.
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/spawn.hpp"
#include "link/descriptor_link.hpp"
#include "link/waiting.hpp"

namespace xcl {
namespace {

pid_t started(std::vector<std::string> command, int socket) {
    SpawnSettings settings;
    posix_spawn_file_actions_adddup2(&settings.files, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&settings.files, socket, STDOUT_FILENO);
    const std::vector<char*> words = pointers_to(command);
    pid_t process = 0;
    const int error = posix_spawnp(&process, words.front(), &settings.files, &settings.attributes,
                                   words.data(), environ);
    if (error != 0)
        throw Error({.doing = fmt::format("run {}", command.front()),
                     .call = "posix_spawnp",
                     .error = error});
    return process;
}

class CommandLink final : public link::DescriptorLink {
  public:
    CommandLink(Descriptor socket, pid_t process, std::string peer)
        : DescriptorLink(std::move(socket), std::move(peer)), process_(process) {}
    CommandLink(const CommandLink&) = delete;
    CommandLink& operator=(const CommandLink&) = delete;
    ~CommandLink() override {
        close();
        const Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process_, 0)));
        bool ended = false;
        try {
            ended = handle.is_open() &&
                    link::wait_for(handle.get(), POLLIN, Clock::now() + to_end, peer());
        } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it is killed then
        }
        if (!ended)
            kill(process_, SIGKILL);
        while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

  private:
    static constexpr std::chrono::seconds to_end{1};

    pid_t process_;
};

}  // namespace

std::unique_ptr<Link> run_command(const std::vector<std::string>& command, std::string peer) {
    if (command.empty() || command.front().empty())
        throw Error({.doing = "run a command", .problem = "none is given"});
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw link::lost(peer, "socketpair", errno);
    Descriptor ours(ends[0]);
    const Descriptor theirs(ends[1]);
    const pid_t process = started(command, theirs.get());
    return std::make_unique<CommandLink>(std::move(ours), process, std::move(peer));
}

}  // namespace xcl
