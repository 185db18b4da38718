// SPDX-License-Identifier: BSD-3-Clause
// The payload that holds the machine state.
#include "image/encoding.hpp"

namespace xcl::image {
namespace {

void encode_vcpu(const VcpuState& vcpu, Encoder& encoder) {
    encoder.blob(vcpu.context);
    encoder.blob(vcpu.extended);
    encoder.number(vcpu.xsave_features);
    encoder.blob(vcpu.xsave);
    encoder.blob(vcpu.msrs);
}

VcpuState decode_vcpu(Decoder& decoder) {
    VcpuState vcpu;
    vcpu.context = decoder.blob(max_context, "bytes of a vCPU's context");
    vcpu.extended = decoder.blob(max_extended, "bytes of a vCPU's extended context");
    vcpu.xsave_features = decoder.number<std::uint64_t>();
    vcpu.xsave = decoder.blob(max_xsave, "bytes of a vCPU's xsave area");
    vcpu.msrs = decoder.blob(max_msrs, "bytes of a vCPU's MSRs");
    return vcpu;
}

}  // namespace

std::vector<std::byte> encode(const MachineState& state) {
    Encoder encoder;
    encoder.bytes().reserve(state.vcpus.size() * max_context + 2 * page_size);
    encoder.number(state.pfn_end);
    encoder.number(state.memory_pages);
    encoder.number(state.start_info);
    encoder.number(state.xenstore);
    encoder.number(state.console);
    encoder.raw(state.shared_info);
    encoder.number(state.tsc.mode);
    encoder.number(state.tsc.khz);
    encoder.number(state.tsc.incarnation);
    encoder.number(state.tsc.elapsed_ns);
    encoder.number(static_cast<std::uint32_t>(state.p2m_pages.size()));
    for (const std::uint64_t pfn : state.p2m_pages)
        encoder.number(pfn);
    encoder.number(static_cast<std::uint16_t>(state.vcpus.size()));
    for (const VcpuState& vcpu : state.vcpus)
        encode_vcpu(vcpu, encoder);
    return std::move(encoder.bytes());
}

MachineState decode_state(Bytes payload) {
    Decoder decoder(payload);
    MachineState state;
    state.pfn_end = decoder.number<std::uint64_t>();
    state.memory_pages = decoder.number<std::uint64_t>();
    state.start_info = decoder.number<std::uint64_t>();
    state.xenstore = decoder.number<std::uint64_t>();
    state.console = decoder.number<std::uint64_t>();
    const Bytes shared_info = decoder.raw(page_size);
    state.shared_info.assign(shared_info.begin(), shared_info.end());
    state.tsc.mode = decoder.number<std::uint32_t>();
    state.tsc.khz = decoder.number<std::uint32_t>();
    state.tsc.incarnation = decoder.number<std::uint32_t>();
    state.tsc.elapsed_ns = decoder.number<std::uint64_t>();
    state.p2m_pages.resize(decoder.count<std::uint32_t>(max_pages / p2m_entries + 1,
                                                        sizeof(std::uint64_t), "pages of its p2m"));
    for (std::uint64_t& pfn : state.p2m_pages)
        pfn = decoder.number<std::uint64_t>();
    constexpr std::size_t least_vcpu = 24;  // four lengths and the features
    state.vcpus.resize(decoder.count<std::uint16_t>(GuestConfig::max_vcpus, least_vcpu, "vCPUs"));
    for (VcpuState& vcpu : state.vcpus)
        vcpu = decode_vcpu(decoder);
    decoder.finish();
    return state;
}

}  // namespace xcl::image
