// SPDX-License-Identifier: BSD-3-Clause
// vCPUs with registers, tables and features that no paravirtualised guest may have.
#include <algorithm>
#include <array>
#include <cstring>

#include "guest_context.hpp"
#include "image_parts.hpp"

namespace xcl::test {
namespace {

using image::PageType;
using image::VcpuState;

constexpr std::uint64_t not_canonical = 0x0000'8000'0000'0000;
constexpr std::uint64_t inside_xen = 0xffff'8300'0000'0000;  // its map of all memory
constexpr std::uint64_t nowhere = 0x0000'7123'4567'8000;     // nothing is mapped there
constexpr std::uint16_t ring0_code = 0xe008;                 // Xen's own segments
constexpr std::uint16_t ring0_data = 0xe010;

template <auto member, std::uint64_t value>
void set(ImageParts& parts) {
    edit_context(parts, [](Context& context) { context.*member = value; });
}

VcpuState& vcpu(ImageParts& parts) {
    return parts.state.vcpus.front();
}

// A GDT of one frame.
void give_gdt(ImageParts& parts, std::uint64_t pfn) {
    edit_context(parts, [&](Context& context) {
        context.gdt_ents = 512;
        context.gdt_frames[0] = pfn;
    });
}

void put(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t value) {
    bytes.resize(std::max(bytes.size(), at + sizeof value));
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

void edit_extended(ImageParts& parts, void (*edit)(xen_domctl_ext_vcpucontext&)) {
    xen_domctl_ext_vcpucontext extended;
    auto& bytes = vcpu(parts).extended;
    bytes.resize(sizeof extended);
    std::memcpy(&extended, bytes.data(), sizeof extended);
    edit(extended);
    std::memcpy(bytes.data(), &extended, sizeof extended);
}

void give_msrs(ImageParts& parts, std::uint32_t first, std::size_t count) {
    vcpu(parts).msrs.clear();
    for (std::size_t i = 0; i < count; ++i) {
        xen_domctl_vcpu_msr msr{};
        msr.index = first;
        msr.value = ~std::uint64_t{0};
        const auto bytes = std::as_bytes(std::span(&msr, 1));
        vcpu(parts).msrs.insert(vcpu(parts).msrs.end(), bytes.begin(), bytes.end());
    }
}

// Before the area as the CPU has it: xcr0 and xcr0_accum, as PV_XSAVE_HDR_SIZE says in Xen.
constexpr std::size_t xsave_area = 16;
constexpr std::size_t xsave_header = xsave_area + 512;

constexpr std::array faults{
    Fault{"rip-not-canonical",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) { c.user_regs.rip = not_canonical; });
          }},
    Fault{"rip-inside-xen",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) { c.user_regs.rip = inside_xen; });
          }},
    Fault{"rip-nowhere",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) { c.user_regs.rip = nowhere; });
          }},
    Fault{"rsp-not-canonical",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) { c.user_regs.rsp = not_canonical; });
          }},
    Fault{"rsp-inside-xen",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) { c.user_regs.rsp = inside_xen; });
          }},
    Fault{"segments-of-ring-0",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  c.user_regs.cs = ring0_code;
                  c.user_regs.ss = c.user_regs.ds = c.user_regs.es = ring0_data;
                  c.user_regs.fs = c.user_regs.gs = ring0_data;
                  c.kernel_ss = ring0_data;
              });
          }},
    Fault{"flags-of-ring-0",
          [](ImageParts& parts) {
              // IOPL 3, NT, VM, VIF, VIP, AC, and no interrupts
              edit_context(parts, [](Context& c) { c.user_regs.rflags = 0x1e7000; });
          }},
    Fault{"all-flags-of-the-context", set<&Context::flags, ~std::uint64_t{0}>},
    Fault{"no-flags-of-the-context", set<&Context::flags, 0>},
    Fault{"kernel-stack-not-canonical", set<&Context::kernel_sp, not_canonical>},
    Fault{"event-callback-not-canonical", set<&Context::event_callback_eip, not_canonical>},
    Fault{"failsafe-callback-not-canonical", set<&Context::failsafe_callback_eip, not_canonical>},
    Fault{"syscall-callback-not-canonical", set<&Context::syscall_callback_eip, not_canonical>},
    Fault{"event-callback-inside-xen", set<&Context::event_callback_eip, inside_xen>},
    Fault{"fs-base-not-canonical", set<&Context::fs_base, not_canonical>},
    Fault{"gs-base-not-canonical", set<&Context::gs_base_kernel, not_canonical>},
    Fault{"all-vm-assists", set<&Context::vm_assist, ~std::uint64_t{0}>},
    Fault{"all-control-registers",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  for (const int number : {0, 2, 4, 5, 6, 7})
                      c.ctrlreg[number] = ~std::uint64_t{0};
              });
          }},
    Fault{"breakpoints-inside-xen",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  std::fill_n(c.debugreg, 4, inside_xen);
                  c.debugreg[7] = 0xffff'2fff;  // all of them, at every access
              });
          }},
    Fault{"traps-not-canonical",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  for (trap_info& trap : c.trap_ctxt)
                      trap.address = not_canonical;
              });
          }},
    Fault{"traps-inside-xen",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  for (trap_info& trap : c.trap_ctxt) {
                      trap.cs = ring0_code;
                      trap.address = inside_xen;
                  }
              });
          }},
    Fault{"cr3-outside",
          [](ImageParts& parts) {
              edit_context(parts,
                           [&](Context& c) { c.ctrlreg[3] = xen_pfn_to_cr3(parts.guest.pfn_end); });
          }},
    Fault{"cr3-of-kernel",
          [](ImageParts& parts) {
              edit_context(parts,
                           [&](Context& c) { c.ctrlreg[3] = xen_pfn_to_cr3(filled_page(parts)); });
          }},
    Fault{"cr3-of-lower-table",
          [](ImageParts& parts) {
              const auto table =
                  std::ranges::find(parts.pages, PageType::l3_table, &image::PageId::type);
              edit_context(parts, [&](Context& c) { c.ctrlreg[3] = xen_pfn_to_cr3(table->pfn); });
          }},
    Fault{"user-table-outside",
          [](ImageParts& parts) {
              edit_context(parts, [&](Context& c) {
                  c.ctrlreg[1] = xen_pfn_to_cr3(parts.guest.pfn_end) | 1;
              });
          }},
    Fault{"user-table-of-kernel",
          [](ImageParts& parts) {
              edit_context(parts, [&](Context& c) {
                  c.ctrlreg[1] = xen_pfn_to_cr3(filled_page(parts)) | 1;
              });
          }},
    Fault{"gdt-of-too-many-entries", set<&Context::gdt_ents, 8193>},
    Fault{"gdt-of-most-entries-there-can-be", set<&Context::gdt_ents, ~std::uint64_t{0}>},
    Fault{"gdt-outside", [](ImageParts& parts) { give_gdt(parts, parts.guest.pfn_end); }},
    Fault{"gdt-in-table", [](ImageParts& parts) { give_gdt(parts, top_table(parts)); }},
    Fault{"gdt-in-writable-page", [](ImageParts& parts) { give_gdt(parts, spare_page(parts)); }},
    Fault{"ldt-of-too-many-entries", set<&Context::ldt_ents, 8193>},
    Fault{"ldt-not-canonical",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  c.ldt_base = not_canonical;
                  c.ldt_ents = 512;
              });
          }},
    Fault{"ldt-inside-xen",
          [](ImageParts& parts) {
              edit_context(parts, [](Context& c) {
                  c.ldt_base = inside_xen;
                  c.ldt_ents = 512;
              });
          }},
    Fault{"context-too-short", [](ImageParts& parts) { vcpu(parts).context.pop_back(); }},
    Fault{"context-too-long", [](ImageParts& parts) { vcpu(parts).context.resize(8192); }},
    Fault{"context-missing", [](ImageParts& parts) { vcpu(parts).context.clear(); }},
    Fault{"context-of-ones",
          [](ImageParts& parts) { std::ranges::fill(vcpu(parts).context, std::byte{0xff}); }},
    Fault{"vcpu-too-many", [](ImageParts& parts) { parts.state.vcpus.emplace_back(); }},
    Fault{"vcpu-missing", [](ImageParts& parts) { parts.state.vcpus.pop_back(); }},
    Fault{"second-vcpu-of-ones",
          [](ImageParts& parts) {
              parts.state.vcpus.at(1) = vcpu(parts);
              std::ranges::fill(parts.state.vcpus.at(1).context, std::byte{0xff});
          }},
    Fault{"callbacks-too-short", [](ImageParts& parts) { vcpu(parts).extended.resize(12); }},
    Fault{"callbacks-that-say-they-are-short",
          [](ImageParts& parts) {
              edit_extended(parts, [](xen_domctl_ext_vcpucontext& e) { e.size = 1; });
          }},
    Fault{"sysenter-not-canonical",
          [](ImageParts& parts) {
              edit_extended(parts, [](xen_domctl_ext_vcpucontext& e) {
                  e.sysenter_callback_eip = not_canonical;
              });
          }},
    Fault{"machine-checks-that-no-host-has",
          [](ImageParts& parts) {
              edit_extended(parts,
                            [](xen_domctl_ext_vcpucontext& e) { e.mcg_cap = ~std::uint64_t{0}; });
          }},
    Fault{"xsave-of-features-that-no-host-has",
          [](ImageParts& parts) {
              vcpu(parts).xsave_features = ~std::uint64_t{0};
              put(vcpu(parts).xsave, 0, ~std::uint64_t{0});
              put(vcpu(parts).xsave, 8, ~std::uint64_t{0});
          }},
    Fault{"xsave-of-another-size",
          [](ImageParts& parts) { vcpu(parts).xsave.resize(xsave_header + 1); }},
    Fault{"xsave-of-a-few-bytes", [](ImageParts& parts) { vcpu(parts).xsave.resize(3); }},
    Fault{"xsave-with-reserved-bits",
          [](ImageParts& parts) { put(vcpu(parts).xsave, xsave_header + 16, ~std::uint64_t{0}); }},
    Fault{"xsave-of-a-compact-form-that-is-none",
          [](ImageParts& parts) {
              put(vcpu(parts).xsave, xsave_header + 8, ~std::uint64_t{0} << 62);
          }},
    Fault{"xsave-of-wild-mxcsr",
          [](ImageParts& parts) { put(vcpu(parts).xsave, xsave_area + 24, ~std::uint64_t{0}); }},
    Fault{"xsave-as-large-as-can-be",
          [](ImageParts& parts) { vcpu(parts).xsave.resize(image::max_xsave, std::byte{0xff}); }},
    Fault{"xsave-too-large",
          [](ImageParts& parts) { vcpu(parts).xsave.resize(image::max_xsave + 1); }},
    Fault{"msrs-cut-short", [](ImageParts& parts) { vcpu(parts).msrs.resize(15); }},
    Fault{"msr-that-is-xens",  // where the CPU enters on a system call
          [](ImageParts& parts) { give_msrs(parts, 0xc0000082, 1); }},
    Fault{"msr-of-no-cpu", [](ImageParts& parts) { give_msrs(parts, 0x12345678, 1); }},
    Fault{"msr-of-reserved-bits",  // MSR_SPEC_CTRL
          [](ImageParts& parts) { give_msrs(parts, 0x48, 1); }},
    Fault{"msrs-many", [](ImageParts& parts) { give_msrs(parts, 0xc0011027, 1024); }},
    Fault{"msrs-too-many", [](ImageParts& parts) { give_msrs(parts, 0xc0011027, 1025); }},
};

}  // namespace

std::span<const Fault> context_faults() {
    return faults;
}

}  // namespace xcl::test
