// SPDX-License-Identifier: BSD-3-Clause
// libxenguest-stream: saves a suspended guest with libxenguest, or restores one, for libxcl, which
// starts it (xen/libxenguest.cpp). A process of its own: if a stream leads libxenguest astray,
// which a failed assertion ends then, nothing else ends with it.
//
//   libxenguest-stream PARENT save DOMAIN                          > the stream
//   libxenguest-stream PARENT restore DOMAIN STORE-PORT CONSOLE-PORT  < the stream
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "xen/libxenguest_outcome.hpp"

extern "C" {
#include <xenctrl.h>
#include <xenguest.h>
}

namespace {

using Outcome = xcl::xen::LibxenguestOutcome;

constexpr int wrong_usage = 2;
constexpr std::uint32_t control_domain = 0;

// Keeps the first line that matters.
struct Logger : xentoollog_logger {
    explicit Logger(Outcome& into) : xentoollog_logger{}, outcome(into) { vmessage = keep; }

    static void keep(xentoollog_logger* logger, xentoollog_level level, int /*errno_value*/,
                     const char* /*context*/, const char* format, va_list arguments) {
        auto& said = static_cast<Logger*>(logger)->outcome.said;
        if (level >= XTL_WARN && said.front() == '\0')
            static_cast<void>(std::vsnprintf(said.data(), said.size(), format, arguments));
    }

    Outcome& outcome;
};

void save(xc_interface& xen, std::uint32_t domain, Outcome& outcome) {
    save_callbacks callbacks{};
    callbacks.suspend = [](void* /*data*/) { return 1; };  // it is
    outcome.result =
        xc_domain_save(&xen, STDOUT_FILENO, domain, 0, &callbacks, XC_STREAM_PLAIN, -1);
}

// A stream can name 2^32 pages, of which libxenguest would make tables: they are bounded by what
// the domain may have, with room for the longest record, 128 MiB, and for PFNs that nothing lies
// at. (What it maps of the domain does not count.)
bool limit_memory(xc_interface& xen, std::uint32_t domain) {
    constexpr rlim_t for_any = rlim_t{256} << 20;
    constexpr rlim_t for_page = 64;  // its tables take 12
    xc_domaininfo_t info{};
    if (xc_domain_getinfolist(&xen, domain, 1, &info) != 1)
        return false;
    const rlim_t bytes = for_any + for_page * info.max_pages;
    const rlimit limit{bytes, bytes};
    return setrlimit(RLIMIT_DATA, &limit) == 0;
}

void restore(xc_interface& xen, std::uint32_t domain, std::uint32_t store_port,
             std::uint32_t console_port, Outcome& outcome) {
    restore_callbacks callbacks{};
    // Xen before 4.14 saved no CPU policy, and no stream of it was ever in an image.
    callbacks.static_data_done = [](unsigned missing, void* /*data*/) {
        return missing == 0 ? 0 : -1;
    };
    unsigned long store_frame = 0;
    unsigned long console_frame = 0;
    if (!limit_memory(xen, domain)) {
        outcome.result = -1;
        return;
    }
    outcome.result = xc_domain_restore(&xen, STDIN_FILENO, domain, store_port, &store_frame,
                                       control_domain, console_port, &console_frame, control_domain,
                                       XC_STREAM_PLAIN, &callbacks, -1);
    outcome.store_frame = store_frame;
    outcome.console_frame = console_frame;
    char behind = 0;
    if (outcome.result == 0 && read(STDIN_FILENO, &behind, 1) != 0) {
        outcome.result = -1;
        static_cast<void>(std::snprintf(outcome.said.data(), outcome.said.size(),
                                        "the stream goes on behind its end"));
    }
}

std::optional<std::uint32_t> number(const char* text) {
    std::uint32_t value = 0;
    const char* const end = text + std::strlen(text);
    const auto [last, error] = std::from_chars(text, end, value);
    return error == std::errc{} && last == end ? std::optional(value) : std::nullopt;
}

// It ends with who started it, who sees to what a signal asks for. Should it take more memory than
// there is, it is what the kernel ends.
void be_expendable(std::uint32_t parent) {
    for (const int asked : {SIGHUP, SIGINT, SIGTERM})
        static_cast<void>(signal(asked, SIG_IGN));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != static_cast<pid_t>(parent))
        _exit(1);
    const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    constexpr std::string_view first = "1000";
    if (score >= 0 && write(score, first.data(), first.size()) > 0)
        close(score);
}

int run(std::span<char* const> words) {
    constexpr std::size_t most = 5;  // words, the command one of them
    std::uint32_t numbers[most] = {};
    const std::string_view command = words.size() > 1 ? words[1] : "";
    const bool saves = command == "save";
    if ((!saves && command != "restore") || words.size() != (saves ? 3 : most))
        return wrong_usage;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto value = i == 1 ? std::optional(0U) : number(words[i]);
        if (!value)
            return wrong_usage;
        numbers[i] = *value;
    }
    be_expendable(numbers[0]);

    Outcome outcome;
    Logger logger(outcome);
    errno = 0;
    if (xc_interface* const xen = xc_interface_open(&logger, &logger, 0); xen == nullptr)
        outcome.result = -1;
    else if (saves)
        save(*xen, numbers[2], outcome);
    else
        restore(*xen, numbers[2], numbers[3], numbers[4], outcome);
    if (outcome.result != 0)
        outcome.error = errno;
    const ssize_t written = write(xcl::xen::outcome_descriptor, &outcome, sizeof outcome);
    return written == static_cast<ssize_t>(sizeof outcome) && outcome.result == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const int status = run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    if (status == wrong_usage)
        static_cast<void>(std::fputs("libxenguest-stream is for libxcl to run\n", stderr));
    return status;
}
