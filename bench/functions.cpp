// SPDX-License-Identifier: BSD-3-Clause
// Steps through a program an instruction at a time and prints where it has been: the addresses, in
// the order of their first visit, of the 16 bytes that an instruction begins in.
// cosmos/startup-order makes of them what the linker lays side by side.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <unordered_set>

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc < 2 || argv[1][0] != '/') {
        std::fputs("Usage: functions PROGRAM [ARGUMENT...]\n\nPROGRAM is an absolute path.\n",
                   stderr);
        return 2;
    }
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        std::freopen("/dev/null", "w", stdout);
        execv(argv[1], argv + 1);
        _exit(1);
    }
    constexpr unsigned line_bits = 4;
    std::unordered_set<std::uint64_t> seen;
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        user_regs_struct registers{};
        ptrace(PTRACE_GETREGS, child, nullptr, &registers);
        const std::uint64_t line = registers.rip >> line_bits;
        if (seen.insert(line).second)
            std::printf("%llx\n", static_cast<unsigned long long>(line << line_bits));
        const int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_SINGLESTEP, child, nullptr, signal);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::fprintf(stderr, "functions: %s failed\n", argv[1]);
        return 1;
    }
    return 0;
}
