// SPDX-License-Identifier: BSD-3-Clause
// Traps: every fault is the end of the domain, with the registers as its last words.
#include "traps.hpp"

#include "hypercall.hpp"
#include "shutdown.hpp"
#include "text.hpp"

extern "C" {
void event_upcall();
void failsafe_callback();
extern const char fault_stubs[];
[[noreturn]] void report_fault(const guest::TrapFrame* frame);
}

namespace guest {

namespace {

constexpr unsigned vectors = 20;          // as many as vectors.S has stubs
constexpr std::uint64_t stub_bytes = 16;  // apart there

constexpr std::string_view vector_names[vectors] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor",
    "invalid TSS",
    "segment not present",
    "stack segment",
    "general protection",
    "page fault",
    "reserved",
    "x87",
    "alignment check",
    "machine check",
    "SIMD",
};

// A fault comes without arguments, so what reports it must be found from here.
struct {
    Console* console;
    const vcpu_info* vcpu;
    bool reporting;
} trap_state;

struct Register {
    std::string_view name;
    std::uint64_t value;
};

void print_registers(Console& console, const TrapFrame& frame) {
    const Register registers[] = {
        {"rip", frame.rip},    {"rsp", frame.rsp},
        {"rfl", frame.rflags}, {"cs ", frame.cs & 0xffff},
        {"ss ", frame.ss},     {"err", frame.error},
        {"rax", frame.rax},    {"rbx", frame.rbx},
        {"rcx", frame.rcx},    {"rdx", frame.rdx},
        {"rsi", frame.rsi},    {"rdi", frame.rdi},
        {"rbp", frame.rbp},    {"r8 ", frame.r8},
        {"r9 ", frame.r9},     {"r10", frame.r10},
        {"r11", frame.r11},    {"r12", frame.r12},
        {"r13", frame.r13},    {"r14", frame.r14},
        {"r15", frame.r15},    {"cr2", trap_state.vcpu->arch.cr2},
    };
    unsigned column = 0;
    for (const Register& shown : registers) {
        const bool last = ++column % 3 == 0 || column == std::size(registers);
        console.put(
            Text{}.add(shown.name).add(" ").hex(shown.value).add(last ? "\n" : "  ").view());
    }
}

}  // namespace

void install_traps(Console& console, const vcpu_info& vcpu) {
    trap_state = {&console, &vcpu, false};
    trap_info table[vectors + 1] = {};  // the last one, all zero, ends it
    for (unsigned vector = 0; vector < vectors; ++vector) {
        table[vector].vector = static_cast<std::uint8_t>(vector);
        table[vector].cs = FLAT_KERNEL_CS;
        table[vector].address = address_of(fault_stubs) + vector * stub_bytes;
    }
    hypercall<__HYPERVISOR_set_trap_table>(address_of(table));
    // The third would be for system calls of a user mode, which there is none of.
    hypercall<__HYPERVISOR_set_callbacks>(reinterpret_cast<std::uint64_t>(event_upcall),
                                          reinterpret_cast<std::uint64_t>(failsafe_callback), 0);
}

}  // namespace guest

void report_fault(const guest::TrapFrame* frame) {
    using namespace guest;
    // A fault in here must not begin again.
    if (!trap_state.reporting) {
        trap_state.reporting = true;
        Console& console = *trap_state.console;
        const bool named = frame->vector < vectors;
        console.put(Text{}
                        .add("fault: ")
                        .add(named ? vector_names[frame->vector] : "failsafe callback")
                        .add("\n")
                        .view());
        print_registers(console, *frame);
        console.send();
        console.drain();
    }
    end_domain(SHUTDOWN_crash);
}
