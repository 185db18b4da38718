// SPDX-License-Identifier: BSD-3-Clause
// One domctl for each part of a vCPU, with machine frames exchanged for PFNs and back.
#include "xen/vcpu_state.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "image/guest_image.hpp"
#include "xcl/error.hpp"

namespace xcl::xen {
namespace {

using image::VcpuState;
using Context = vcpu_guest_context_t;

constexpr std::size_t descriptors_per_frame = image::page_size / 8;
// Set in ctrlreg[1] of an image's context if it names a table, which may be page 0.
constexpr std::uint64_t has_user_table = 1;

[[noreturn]] void refuse(DomainId id, std::string_view doing, std::uint32_t vcpu,
                         const std::string& problem) {
    throw Error({.domain = id,
                 .doing = fmt::format("{} the state of vCPU {}", doing, vcpu),
                 .problem = problem});
}

template <typename T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return {bytes.begin(), bytes.end()};
}

// Exchanges every frame number in a context but those in registers. `exchange` throws for one that
// it does not know.
template <typename Exchange>
void exchange_frames(Context& context, Exchange&& exchange) {
    context.ctrlreg[3] = xen_pfn_to_cr3(exchange(xen_cr3_to_pfn(context.ctrlreg[3])));
    const std::size_t frames =
        (context.gdt_ents + descriptors_per_frame - 1) / descriptors_per_frame;
    for (std::size_t i = 0; i < frames; ++i)
        context.gdt_frames[i] = exchange(context.gdt_frames[i]);
}

void require_gdt_in_bounds(const Context& context, DomainId id, std::string_view doing,
                           std::uint32_t vcpu) {
    if (context.gdt_ents > std::size(context.gdt_frames) * descriptors_per_frame)
        refuse(id, doing, vcpu, fmt::format("its GDT has {} entries", context.gdt_ents));
}

bool is_online(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getvcpuinfo, id);
    operation.u.getvcpuinfo.vcpu = vcpu;
    hypercalls.perform(operation, "ask for its vCPUs", "XEN_DOMCTL_getvcpuinfo");
    return operation.u.getvcpuinfo.online != 0;
}

// Valid until the next hypercall with a payload.
Context& take_context(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu) {
    Context& context = hypercalls.payload<Context>(1).front();
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getvcpucontext, id);
    operation.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle_raw(operation.u.vcpucontext.ctxt, &context);
    hypercalls.perform(operation, "read the state of its vCPUs", "XEN_DOMCTL_getvcpucontext");
    return context;
}

// `context` lies in a payload.
void give_context(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu, Context& context) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_setvcpucontext, id);
    operation.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle_raw(operation.u.vcpucontext.ctxt, &context);
    hypercalls.perform(operation, "set the state of its vCPUs", "XEN_DOMCTL_setvcpucontext");
}

std::vector<std::byte> take_extended(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_get_ext_vcpucontext, id);
    operation.u.ext_vcpucontext.vcpu = vcpu;
    hypercalls.perform(operation, "read the callbacks of its vCPUs",
                       "XEN_DOMCTL_get_ext_vcpucontext");
    return bytes_of<xen_domctl_ext_vcpucontext>({&operation.u.ext_vcpucontext, 1});
}

void give_extended(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu,
                   std::span<const std::byte> extended) {
    if (extended.empty())
        return;
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_set_ext_vcpucontext, id);
    xen_domctl_ext_vcpucontext& given = operation.u.ext_vcpucontext;
    if (extended.size() != sizeof given)
        refuse(id, "set", vcpu, fmt::format("its callbacks have {} bytes", extended.size()));
    std::memcpy(&given, extended.data(), sizeof given);
    given.vcpu = vcpu;
    hypercalls.perform(operation, "set the callbacks of its vCPUs",
                       "XEN_DOMCTL_set_ext_vcpucontext");
}

void take_xsave(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu, VcpuState& state) {
    constexpr std::string_view doing = "read the registers of its vCPUs";
    constexpr std::string_view call = "XEN_DOMCTL_getvcpuextstate";
    xen_domctl& question = hypercalls.domctl(XEN_DOMCTL_getvcpuextstate, id);
    question.u.vcpuextstate.vcpu = vcpu;
    hypercalls.perform(question, doing, call);  // without a buffer: how large
    const std::uint64_t features = question.u.vcpuextstate.xfeature_mask;
    const std::size_t size = question.u.vcpuextstate.size;
    if (size == 0 || size > image::max_xsave)
        return;  // the CPU has no XSAVE: all registers are in the context

    const std::span<std::byte> buffer = hypercalls.payload<std::byte>(size);
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getvcpuextstate, id);
    operation.u.vcpuextstate.vcpu = vcpu;
    operation.u.vcpuextstate.xfeature_mask = features;
    operation.u.vcpuextstate.size = size;
    set_xen_guest_handle_raw(operation.u.vcpuextstate.buffer,
                             reinterpret_cast<std::uint64_t*>(buffer.data()));
    hypercalls.perform(operation, doing, call);
    state.xsave_features = features;
    state.xsave = bytes_of<std::byte>(
        buffer.first(std::min<std::size_t>(operation.u.vcpuextstate.size, size)));
}

void give_xsave(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu, const VcpuState& state) {
    if (state.xsave.empty())
        return;
    const std::span<std::byte> buffer = hypercalls.payload<std::byte>(state.xsave.size());
    std::ranges::copy(state.xsave, buffer.begin());
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_setvcpuextstate, id);
    operation.u.vcpuextstate.vcpu = vcpu;
    operation.u.vcpuextstate.xfeature_mask = state.xsave_features;
    operation.u.vcpuextstate.size = buffer.size();
    set_xen_guest_handle_raw(operation.u.vcpuextstate.buffer,
                             reinterpret_cast<std::uint64_t*>(buffer.data()));
    if (hypercalls.try_domctl(operation) != 0) {
        const int error = errno;
        throw Error({.domain = id,
                     .doing = "set the registers of its vCPUs",
                     .call = "XEN_DOMCTL_setvcpuextstate",
                     .error = error,
                     .hint = "was it suspended on a CPU with features that this one lacks?"});
    }
}

std::vector<std::byte> take_msrs(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu) {
    constexpr std::string_view doing = "read the MSRs of its vCPUs";
    constexpr std::string_view call = "XEN_DOMCTL_get_vcpu_msrs";
    xen_domctl& question = hypercalls.domctl(XEN_DOMCTL_get_vcpu_msrs, id);
    question.u.vcpu_msrs.vcpu = vcpu;
    hypercalls.perform(question, doing, call);  // without a buffer: how many at most
    const std::uint32_t count = question.u.vcpu_msrs.msr_count;
    if (count == 0)
        return {};

    const std::span<xen_domctl_vcpu_msr> msrs = hypercalls.payload<xen_domctl_vcpu_msr>(count);
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_get_vcpu_msrs, id);
    operation.u.vcpu_msrs.vcpu = vcpu;
    operation.u.vcpu_msrs.msr_count = count;
    set_xen_guest_handle_raw(operation.u.vcpu_msrs.msrs, msrs.data());
    hypercalls.perform(operation, doing, call);
    return bytes_of<xen_domctl_vcpu_msr>(
        msrs.first(std::min(operation.u.vcpu_msrs.msr_count, count)));
}

void give_msrs(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpu,
               std::span<const std::byte> msrs) {
    constexpr std::size_t one = sizeof(xen_domctl_vcpu_msr);
    if (msrs.empty())
        return;
    if (msrs.size() % one != 0)
        refuse(id, "set", vcpu, fmt::format("its MSRs have {} bytes", msrs.size()));
    const std::size_t count = msrs.size() / one;
    const auto given = hypercalls.payload<xen_domctl_vcpu_msr>(count);
    std::memcpy(given.data(), msrs.data(), msrs.size());
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_set_vcpu_msrs, id);
    operation.u.vcpu_msrs.vcpu = vcpu;
    operation.u.vcpu_msrs.msr_count = static_cast<std::uint32_t>(count);
    set_xen_guest_handle_raw(operation.u.vcpu_msrs.msrs, given.data());
    hypercalls.perform(operation, "set the MSRs of its vCPUs", "XEN_DOMCTL_set_vcpu_msrs");
}

}  // namespace

TakenVcpus take_vcpus(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpus,
                      const FrameMap& map) {
    TakenVcpus taken;
    for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
        VcpuState& state = taken.vcpus.emplace_back();
        if (!is_online(hypercalls, id, vcpu))
            continue;
        const auto pfn_of = [&](std::uint64_t frame) {
            const std::optional<std::uint64_t> pfn = map.pfn_of(frame);
            if (!pfn)
                refuse(id, "read", vcpu, fmt::format("it names the frame {:#x} of others", frame));
            return *pfn;
        };
        Context& context = take_context(hypercalls, id, vcpu);
        require_gdt_in_bounds(context, id, "read", vcpu);
        exchange_frames(context, pfn_of);
        if (context.ctrlreg[1] != 0)
            context.ctrlreg[1] =
                xen_pfn_to_cr3(pfn_of(xen_cr3_to_pfn(context.ctrlreg[1]))) | has_user_table;
        if (vcpu == 0) {
            // The third argument of the suspend hypercall (xen/sched.h).
            taken.start_info = pfn_of(context.user_regs.rdx);
            context.user_regs.rdx = taken.start_info;
        }
        state.context = bytes_of<Context>({&context, 1});
        state.extended = take_extended(hypercalls, id, vcpu);
        take_xsave(hypercalls, id, vcpu, state);
        state.msrs = take_msrs(hypercalls, id, vcpu);
    }
    return taken;
}

void give_vcpus(Hypercalls& hypercalls, DomainId id, const image::MachineState& state,
                std::span<const xen_pfn_t> frames) {
    for (std::uint32_t vcpu = 0; vcpu < state.vcpus.size(); ++vcpu) {
        const VcpuState& given = state.vcpus[vcpu];
        if (given.context.empty())
            continue;
        if (given.context.size() != sizeof(Context))
            refuse(id, "set", vcpu, fmt::format("it has {} bytes", given.context.size()));
        const auto frame_of = [&](std::uint64_t pfn) {
            if (pfn >= frames.size() || frames[pfn] == no_frame)
                refuse(id, "set", vcpu, fmt::format("it names page {:#x}, which is none", pfn));
            return frames[pfn];
        };
        Context& context = hypercalls.payload<Context>(1).front();
        std::memcpy(&context, given.context.data(), sizeof context);
        require_gdt_in_bounds(context, id, "set", vcpu);
        exchange_frames(context, frame_of);
        if (context.ctrlreg[1] != 0)
            context.ctrlreg[1] =
                xen_pfn_to_cr3(frame_of(xen_cr3_to_pfn(context.ctrlreg[1] & ~has_user_table)));
        if (vcpu == 0)
            context.user_regs.rdx = frame_of(state.start_info);
        give_context(hypercalls, id, vcpu, context);
        give_extended(hypercalls, id, vcpu, given.extended);
        give_xsave(hypercalls, id, vcpu, given);
        give_msrs(hypercalls, id, vcpu, given.msrs);
    }
}

void mark_cancelled(Hypercalls& hypercalls, DomainId id) {
    constexpr std::uint64_t cancelled = 1;  // SCHEDOP_shutdown's result (xen/sched.h)
    Context& context = take_context(hypercalls, id, 0);
    context.user_regs.rax = cancelled;
    give_context(hypercalls, id, 0, context);
}

image::TscState take_tsc(Hypercalls& hypercalls, DomainId id) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_gettscinfo, id);
    hypercalls.perform(operation, "read its clock", "XEN_DOMCTL_gettscinfo");
    const xen_domctl_tsc_info& info = operation.u.tsc_info;
    return {.mode = info.tsc_mode,
            .khz = info.gtsc_khz,
            .incarnation = info.incarnation,
            .elapsed_ns = info.elapsed_nsec};
}

void give_tsc(Hypercalls& hypercalls, DomainId id, const image::TscState& tsc) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_settscinfo, id);
    operation.u.tsc_info = {.tsc_mode = tsc.mode,
                            .gtsc_khz = tsc.khz,
                            .incarnation = tsc.incarnation,
                            .pad = 0,
                            .elapsed_nsec = tsc.elapsed_ns};
    hypercalls.perform(operation, "set its clock", "XEN_DOMCTL_settscinfo");
}

}  // namespace xcl::xen
