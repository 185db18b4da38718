// SPDX-License-Identifier: BSD-3-Clause
// OpenSSL looks at the CPU in every process that it is linked into, before main: a dozen CPUIDs,
// each of them a trap into Xen. It is kept from that (by the linker's --wrap) until it is used.
#include <utility>

// The linker's names, for the function and for what stands in for it.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" void __real_OPENSSL_cpuid_setup();

extern "C" void __wrap_OPENSSL_cpuid_setup() {
    static bool before_main = true;
    if (!std::exchange(before_main, false))
        __real_OPENSSL_cpuid_setup();
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
