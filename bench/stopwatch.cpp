// SPDX-License-Identifier: BSD-3-Clause
// Times whole processes, from just before the spawn to the end, at as little cost as possible.
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char* usage =
    "Usage: stopwatch [-n RUNS] [-s SETTLE_MS] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM (an absolute path) RUNS times (1), its output to /dev/null, and prints a line\n"
    "for each run: nanoseconds, minor page faults, exit status. Sleeps SETTLE_MS (200) before "
    "each\n"
    "run, so that daemons finish what the last one gave them. '{}' in an argument becomes the\n"
    "number of the run, from 1.\n";

constexpr int wrong_usage = 2;
constexpr int failed = 1;

struct Options {
    unsigned runs = 1;
    unsigned settle_ms = 200;
    std::vector<std::string> command;
};

struct Run {
    std::int64_t nanoseconds = 0;
    long minor_faults = 0;
    int status = 0;
};

bool read_number(const char* text, unsigned& number) {
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, number);
    return error == std::errc() && stop == end;
}

bool read_options(int argc, char** argv, Options& options) {
    for (int option = 0; (option = getopt(argc, argv, "+n:s:")) != -1;) {
        if (option == 'n' && read_number(optarg, options.runs))
            continue;
        if (option == 's' && read_number(optarg, options.settle_ms))
            continue;
        return false;
    }
    options.command.assign(argv + optind, argv + argc);
    return !options.command.empty() && options.command.front().starts_with('/');
}

void sleep_ms(unsigned milliseconds) {
    timespec left{milliseconds / 1000, static_cast<long>(milliseconds % 1000) * 1'000'000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

std::vector<std::string> numbered(std::vector<std::string> words, unsigned run) {
    constexpr std::string_view mark = "{}";
    for (std::string& word : words)
        for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;)
            word.replace(at, mark.size(), std::to_string(run));
    return words;
}

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Zero, or the error of the spawn. posix_spawn shares the memory until exec, as vfork does.
int time_run(std::vector<std::string> words, const posix_spawn_file_actions_t& silence, Run& run) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    pid_t child = 0;
    int wait_status = 0;
    rusage usage_of_child{};
    const std::int64_t start = now_ns();
    if (const int error = posix_spawn(&child, argv[0], &silence, nullptr, argv.data(), environ))
        return error;
    while (wait4(child, &wait_status, 0, &usage_of_child) < 0 && errno == EINTR) {
    }
    run.nanoseconds = now_ns() - start;
    run.minor_faults = usage_of_child.ru_minflt;
    constexpr int by_signal = 128;
    run.status =
        WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : by_signal + WTERMSIG(wait_status);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--help") {
        std::fputs(usage, stdout);
        return 0;
    }
    Options options;
    if (!read_options(argc, argv, options)) {
        std::fputs(usage, stderr);
        return wrong_usage;
    }
    posix_spawn_file_actions_t silence;
    posix_spawn_file_actions_init(&silence);
    posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&silence, STDOUT_FILENO, STDERR_FILENO);

    std::vector<Run> runs(options.runs);
    for (unsigned number = 1; Run & run : runs) {
        const auto words = numbered(options.command, number++);
        sleep_ms(options.settle_ms);
        if (const int error = time_run(words, silence, run)) {
            std::fprintf(stderr, "stopwatch: cannot run %s: %s\n", words.front().c_str(),
                         std::strerror(error));
            return failed;
        }
    }
    for (const Run& run : runs)
        std::printf("%lld %ld %d\n", static_cast<long long>(run.nanoseconds), run.minor_faults,
                    run.status);
    return 0;
}
