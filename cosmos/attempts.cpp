// SPDX-License-Identifier: BSD-3-Clause
// Goes on after a failure, and not after a signal.
#include "attempts.hpp"

#include <csignal>

namespace cosmos {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // NOLINT: a signal handler can reach nothing else

}  // namespace

void end_between_steps() {
    for (const int signal : {SIGINT, SIGTERM})
        static_cast<void>(std::signal(signal, [](int) { interrupted = 1; }));
}

int try_each(const Context& context, std::size_t count,
             const std::function<void(std::size_t)>& step) {
    int status = code(Status::done);
    for (std::size_t i = 0; i < count; ++i) {
        if (interrupted != 0)
            return code(Status::interrupted);
        try {
            step(i);
        } catch (const std::exception& error) {
            const int failure = report(error, context.json());
            if (status == code(Status::done))
                status = failure;
        }
    }
    return status;
}

}  // namespace cosmos
