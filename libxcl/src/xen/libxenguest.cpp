// SPDX-License-Identifier: BSD-3-Clause
// Starts libxenguest-stream, and carries its stream and its outcome.
#include "xen/libxenguest.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/diagnostics.hpp"
#include "core/descriptor.hpp"
#include "core/installation.hpp"
#include "core/spawn.hpp"
#include "xcl/error.hpp"
#include "xen/libxenguest_outcome.hpp"

namespace xcl::xen {
namespace {

constexpr const char* saving = "save its memory";
constexpr const char* restoring = "restore its memory";

std::string path_of_program() {
    return installation_prefix() + "/libexec/cosmos/libxenguest-stream";
}

[[noreturn]] void fail_to_run(const std::string& path, const char* call, int error) {
    throw Error({.doing = fmt::format("run {}", path),
                 .call = call,
                 .error = error,
                 .hint = "it is installed with cosmos, in libexec/ beside bin/"});
}

class Program {
  public:
    // `doing`: for errors. `words`: behind the number of this process.
    Program(DomainId id, const char* doing, std::vector<std::string> words)
        : id_(id), doing_(doing) {
        std::array<int, 2> stream{};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream.data()) != 0)
            fail("socketpair", errno);
        stream_ = Descriptor(stream[0]);
        const Descriptor its_stream(stream[1]);
        std::array<int, 2> outcome{};
        if (pipe2(outcome.data(), O_CLOEXEC) != 0)
            fail("pipe2", errno);
        outcome_ = Descriptor(outcome[0]);
        const Descriptor its_outcome(outcome[1]);
        start(std::move(words), its_stream.get(), its_outcome.get());
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        if (process_ == 0)
            return;
        kill(process_, SIGKILL);
        wait_for_end();
    }

    // The next bytes of its stream, none at its end.
    std::size_t read_some(std::span<std::byte> into) {
        for (;;) {
            const ssize_t length = read(stream_.get(), into.data(), into.size());
            if (length >= 0)
                return static_cast<std::size_t>(length);
            if (errno != EINTR)
                fail("read", errno);
        }
    }

    // False if it reads no more.
    bool send_whole(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = send(stream_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR)
                return false;
            if (sent > 0)
                bytes = bytes.subspan(static_cast<std::size_t>(sent));
        }
        return true;
    }

    void end_stream() { shutdown(stream_.get(), SHUT_WR); }

    // To be called once the stream has ended. Throws Error if it failed.
    [[nodiscard]] LibxenguestOutcome outcome() {
        LibxenguestOutcome outcome;
        ssize_t length = 0;
        do
            length = read(outcome_.get(), &outcome, sizeof outcome);
        while (length < 0 && errno == EINTR);
        const int status = wait_for_end();
        if (length != static_cast<ssize_t>(sizeof outcome))
            refuse(WIFSIGNALED(status)
                       ? fmt::format("libxenguest ended by signal {}", WTERMSIG(status))
                       : fmt::format("libxenguest ended without a word, with exit status {}",
                                     WEXITSTATUS(status)));
        if (outcome.result == 0)
            return outcome;
        outcome.said.back() = '\0';
        if (outcome.said.front() == '\0')
            fail("libxenguest", outcome.error);
        refuse(fmt::format("libxenguest: {}", config::printable_origin(outcome.said.data())));
    }

    [[noreturn]] void refuse(std::string problem) const {
        throw Error({.domain = id_, .doing = doing_, .problem = std::move(problem)});
    }

  private:
    [[noreturn]] void fail(const char* call, int error) const {
        throw Error({.domain = id_, .doing = doing_, .call = call, .error = error});
    }

    void start(std::vector<std::string> words, int stream, int outcome) {
        const std::string path = path_of_program();
        words.insert(words.begin(), {path, fmt::format("{}", getpid())});
        SpawnSettings settings;
        settings.lead_group();  // a signal of the terminal is not for it
        // The stream first: it may lie where the outcome is to be.
        posix_spawn_file_actions_adddup2(&settings.files, stream, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&settings.files, stream, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&settings.files, outcome, outcome_descriptor);
        // What a failed assertion prints is for nobody: a stream that makes no sense can fail one.
        posix_spawn_file_actions_addopen(&settings.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        const int error = posix_spawn(&process_, path.c_str(), &settings.files,
                                      &settings.attributes, pointers_to(words).data(), environ);
        if (error != 0) {
            process_ = 0;
            fail_to_run(path, "posix_spawn", error);
        }
    }

    int wait_for_end() {
        int status = 0;
        while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
        }
        process_ = 0;
        return status;
    }

    DomainId id_;
    const char* doing_;
    Descriptor stream_;
    Descriptor outcome_;
    pid_t process_ = 0;
};

}  // namespace

void require_libxenguest() {
    const std::string path = path_of_program();
    if (access(path.c_str(), X_OK) != 0)
        fail_to_run(path, "access", errno);
}

void save_by_libxenguest(DomainId id, const Hypervisor::StreamSink& sink) {
    Program program(id, saving, {"save", fmt::format("{}", id.value())});
    std::vector<std::byte> bytes(std::size_t{256} << 10);
    while (const std::size_t length = program.read_some(bytes))
        sink(std::span(bytes).first(length));
    static_cast<void>(program.outcome());
}

RingFrames restore_by_libxenguest(DomainId id, EventPort store_port, EventPort console_port,
                                  const Hypervisor::StreamSource& source) {
    Program program(id, restoring,
                    {"restore", fmt::format("{}", id.value()), fmt::format("{}", store_port),
                     fmt::format("{}", console_port)});
    // Of one that reads no more, the outcome tells why.
    for (auto part = source(); part && program.send_whole(*part); part = source()) {
    }
    program.end_stream();
    const LibxenguestOutcome outcome = program.outcome();
    return {.xenstore = outcome.store_frame, .console = outcome.console_frame};
}

}  // namespace xcl::xen
