// SPDX-License-Identifier: BSD-3-Clause
// receive: takes in guests that other hosts migrate here.
#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "commands.hpp"
#include "output.hpp"
#include "peers.hpp"

namespace cosmos {
namespace {

constexpr std::chrono::seconds to_admit{5};

struct Options {
    std::string listen;
    std::string certificates = usual_certificates;
    std::string make_certificates;
    std::vector<std::string> names;
    std::string switch_name;
    unsigned timeout_s = 10;
    unsigned days = 365;
};

xcl::ReceiveOptions how(const Options& options) {
    return {.switch_name = options.switch_name,
            .timeout = std::chrono::seconds(options.timeout_s),
            .kernel_directories = {fmt::format("{}/images", xcl::ramdisk_path)}};
}

// Standard output may be the connection.
void announce(const Context& context, const xcl::ReceivedGuest& guest, std::FILE* to) {
    if (context.json())
        fmt::print(to, "{}\n",
                   json_line({{"id", guest.id.value()},
                              {"name", guest.name},
                              {"seconds", seconds(guest.took)}}));
    else
        fmt::print(to, "Received domain {} in {:.4f} s\n", guest.id.value(), seconds(guest.took));
    static_cast<void>(std::fflush(to));  // who reads it may be gone
}

// One guest, from the process that ssh connects with this one.
int receive_one(Context& context, const Options& options) {
    if (isatty(STDIN_FILENO) == 1 || isatty(STDOUT_FILENO) == 1)
        throw UsageError(
            "this is what 'cosmos migrate' starts on the other host; --listen waits for guests");
    const std::unique_ptr<xcl::Link> link =
        xcl::link_over(STDIN_FILENO, STDOUT_FILENO, "the source");
    const auto guest = context.toolstack().receive(*link, how(options));
    if (guest && context.verbose())
        announce(context, *guest, stderr);
    return code(Status::done);
}

std::unique_ptr<xcl::Listener> listener_for(const Options& options) {
    std::string_view address = options.listen;
    if (take_prefix(address, "unix:"))
        return xcl::listen_unix(std::string(address));
    static_cast<void>(take_prefix(address, "tls:"));
    const HostAndPort here = parse_host_and_port(address);
    return xcl::listen_tls(here.host, here.port, xcl::certificates_in(options.certificates));
}

void serve(const Context& context, const Options& options, xcl::Listener::Caller& caller) {
    try {
        const auto link = caller.admit(std::chrono::steady_clock::now() + to_admit);
        xcl::Toolstack toolstack;  // of this thread
        if (const auto guest = toolstack.receive(*link, how(options)))
            announce(context, *guest, stdout);
    } catch (const std::exception& error) {
        report(error, context.json());
    }
}

// Callers whose guests are on their way; no more of them are let in at once.
class Crowd {
  public:
    void enter() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return inside_ < most; });
        ++inside_;
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        --inside_;
        changed_.notify_all();  // locked: whoever waits for all of them ends the crowd
    }
    void await_empty() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return inside_ == 0; });
    }

  private:
    static constexpr unsigned most = 16;

    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned inside_ = 0;
};

// Until the listener is stopped, which guests on their way still outlive.
void accept_all(const Context& context, const Options& options, xcl::Listener& listener) {
    Crowd crowd;
    for (;;) {
        crowd.enter();
        try {
            std::unique_ptr<xcl::Listener::Caller> caller = listener.accept();
            if (!caller)
                break;
            std::thread([&, caller = std::move(caller)] {
                serve(context, options, *caller);
                crowd.leave();
            }).detach();
        } catch (const std::exception& error) {
            crowd.leave();
            report(error, context.json());
            std::this_thread::sleep_for(std::chrono::seconds(1));  // no descriptors left, say
        }
    }
    crowd.leave();
    crowd.await_empty();
}

// Signals end it, and nothing else does.
int stand(Context& context, const Options& options) {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&ends, signal);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    context.toolstack();  // fails at once where there is no Xen
    const std::unique_ptr<xcl::Listener> listener = listener_for(options);
    fmt::print(stderr, "Waiting for guests at {}\n", listener->address());
    std::thread stopper([&] {
        int signal = 0;
        sigwait(&ends, &signal);
        listener->stop();
    });
    accept_all(context, options, *listener);
    stopper.join();
    return code(Status::done);
}

int make_certificates(const Options& options) {
    std::vector<std::string> names = options.names;
    if (names.empty()) {
        std::array<char, 256> name{};
        if (gethostname(name.data(), name.size() - 1) == 0)
            names.emplace_back(name.data());
    }
    xcl::make_certificates(options.make_certificates, names, options.days);
    fmt::print("Made a certificate for {} in {}\n", fmt::join(names, ", "),
               options.make_certificates);
    fmt::print(
        stderr,
        "Its authority is there too: for another host, copy ca.pem and ca.key to a directory "
        "there,\nrun this there with that host's names, and then keep ca.key in a safe "
        "place\n");
    return code(Status::done);
}

int receive(Context& context, const Options& options) {
    if (!options.make_certificates.empty()) {
        if (!options.listen.empty())
            throw UsageError("--make-certs and --listen do not go together");
        return make_certificates(options);
    }
    if (!options.names.empty())
        throw UsageError(
            fmt::format("'{}' is too much: names go with --make-certs", options.names.front()));
    return options.listen.empty() ? receive_one(context, options) : stand(context, options);
}

}  // namespace

Action declare_receive(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    line.arguments("NAME", options->names,
                   "With --make-certs: names and addresses of this host (its hostname)");
    line.option("listen", "ADDRESS", options->listen,
                "Wait for guests for ever: at ADDRESS[:PORT] by TLS 1.3 (8117), or at unix:PATH");
    line.option("certs", "DIR", options->certificates,
                "Where ca.pem, host.pem and host.key are (/etc/cosmos/certs)");
    line.option("make-certs", "DIR", options->make_certificates,
                "Make these, and an authority if there is none, and end");
    line.number(0, "days", "DAYS", {&options->days, 1, 36500},
                "How long certificates that are made are valid (365)");
    line.option("switch", "NAME", options->switch_name,
                "Plug vifs into this switch unless the source names one; else into the one of the "
                "same name");
    line.number(0, "timeout", "SECONDS", {&options->timeout_s, 1, 86400},
                "How long a guest may wait for its interfaces (10)");
    return [options](Context& context) { return receive(context, *options); };
}

}  // namespace cosmos
