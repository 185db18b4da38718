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

// Zero, or the error of the exec. The child shares our memory until then, and does nothing else.
int time_run(std::vector<std::string> words, Run& run) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    int wait_status = 0;
    rusage usage_of_child{};
    volatile int error = 0;
    const std::int64_t start = now_ns();
    // posix_spawn would add a quarter of a millisecond of its own to each time in a PV dom0.
    const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (child == 0) {
        execve(argv[0], argv.data(), environ);
        error = errno;
        _exit(failed);
    }
    if (child < 0)
        return errno;
    while (wait4(child, &wait_status, 0, &usage_of_child) < 0 && errno == EINTR) {
    }
    run.nanoseconds = now_ns() - start;
    run.minor_faults = usage_of_child.ru_minflt;
    constexpr int by_signal = 128;
    run.status =
        WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : by_signal + WTERMSIG(wait_status);
    return error;
}

// Sends what the programs print, and we from here on, to /dev/null; returns what was our stdout.
std::FILE* silence() {
    const int before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (before < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        return nullptr;
    return fdopen(before, "w");
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
    if (access(options.command.front().c_str(), X_OK) != 0) {
        std::perror(options.command.front().c_str());
        return failed;
    }
    std::FILE* report = silence();
    if (report == nullptr) {
        std::perror("stopwatch: cannot open /dev/null");
        return failed;
    }

    std::vector<Run> runs(options.runs);
    for (unsigned number = 1; Run & run : runs) {
        const auto words = numbered(options.command, number++);
        sleep_ms(options.settle_ms);
        if (const int error = time_run(words, run)) {
            std::fprintf(report, "stopwatch: cannot run %s: %s\n", words.front().c_str(),
                         std::strerror(error));
            return failed;
        }
    }
    for (const Run& run : runs)
        std::fprintf(report, "%lld %ld %d\n", static_cast<long long>(run.nanoseconds),
                     run.minor_faults, run.status);
    return 0;
}
