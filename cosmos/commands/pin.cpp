// SPDX-License-Identifier: BSD-3-Clause
// pin: which CPUs guests run on.
#include "commands.hpp"
#include "guests.hpp"

namespace cosmos {
namespace {

struct PinArguments {
    GuestArguments guests;
    std::string cpus;
};

}  // namespace

Action declare_pin(CommandLine& line) {
    const auto arguments = std::make_shared<PinArguments>();
    declare_guests(line, arguments->guests);
    line.argument("CPUS", arguments->cpus, true,
                  "CPUs as a config has them: 2-5,^3, or all for wherever Xen likes");
    return [arguments](Context& context) {
        const xcl::CpuList cpus = xcl::parse_cpus(arguments->cpus);
        const std::vector<xcl::DomainId> ids = resolve(context, arguments->guests);
        context.toolstack().pin(ids, cpus);
        return code(Status::done);
    };
}

}  // namespace cosmos
