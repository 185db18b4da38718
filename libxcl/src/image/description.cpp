// SPDX-License-Identifier: BSD-3-Clause
// The payload that says what the guest is to be made again with.
#include <array>

#include <fmt/format.h>

#include "config/vif_values.hpp"
#include "image/encoding.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

constexpr std::string_view choices = "choices of one thing";

// How its CPUs are given.
enum class Affinity : std::uint8_t { placement = 0, one_list = 1, by_vcpu = 2 };

void encode_cpus(const CpuList& cpus, Encoder& encoder) {
    encoder.number(static_cast<std::uint16_t>(cpus.size()));
    for (const std::uint16_t cpu : cpus)
        encoder.number(cpu);
}

CpuList decode_cpus(Decoder& decoder) {
    CpuList cpus(
        decoder.count<std::uint16_t>(GuestConfig::max_cpu + 1U, sizeof(std::uint16_t), "CPUs"));
    for (std::uint16_t& cpu : cpus)
        cpu = decoder.number<std::uint16_t>();
    return cpus;
}

void encode_affinity(const GuestConfig& config, Encoder& encoder) {
    if (!config.cpus_by_vcpu.empty()) {
        encoder.number(static_cast<std::uint8_t>(Affinity::by_vcpu));
        encoder.number(static_cast<std::uint16_t>(config.cpus_by_vcpu.size()));
        for (const CpuList& cpus : config.cpus_by_vcpu)
            encode_cpus(cpus, encoder);
    } else if (config.cpus) {
        encoder.number(static_cast<std::uint8_t>(Affinity::one_list));
        encode_cpus(*config.cpus, encoder);
    } else {
        encoder.number(static_cast<std::uint8_t>(Affinity::placement));
    }
}

void decode_affinity(Decoder& decoder, GuestConfig& config) {
    switch (Affinity{decoder.number_up_to<std::uint8_t>(2, choices)}) {
        case Affinity::placement:
            break;
        case Affinity::one_list:
            config.cpus = decode_cpus(decoder);
            break;
        case Affinity::by_vcpu:
            config.cpus_by_vcpu.resize(decoder.count<std::uint16_t>(
                GuestConfig::max_vcpus, sizeof(std::uint16_t), "lists of CPUs"));
            if (config.cpus_by_vcpu.empty())
                throw Malformed("it has no lists of CPUs where it says so");
            for (CpuList& cpus : config.cpus_by_vcpu)
                cpus = decode_cpus(decoder);
            break;
    }
}

void encode_vif(const VifConfig& vif, Encoder& encoder) {
    const MacAddress mac = vif.mac.value_or(MacAddress{});
    encoder.raw(std::as_bytes(std::span(mac.bytes)));
    encoder.text(vif.bridge);
    encoder.text(address_text(vif.ip));
    encoder.text(vif.script);
    const VifRate rate = vif.rate.value_or(VifRate{});  // 0 bytes: as fast as it goes
    encoder.number(rate.bytes);
    encoder.number(rate.interval_us);
}

VifConfig decode_vif(Decoder& decoder) {
    VifConfig vif;
    vif.mac.emplace();
    for (std::uint8_t& byte : vif.mac->bytes)
        byte = decoder.number<std::uint8_t>();
    vif.bridge = decoder.text();
    const std::string address = decoder.text();
    if (!address.empty()) {
        try {
            vif.ip = config::read_address({.text = address, .place = {}});
        } catch (const Error&) {
            throw Malformed("the IP address of one of its vifs is none");
        }
    }
    vif.script = decoder.text();
    const VifRate rate{.bytes = decoder.number<std::uint32_t>(),
                       .interval_us = decoder.number<std::uint32_t>()};
    if (rate != VifRate{})
        vif.rate = rate;
    return vif;
}

}  // namespace

std::string address_text(const VifAddress& address) {
    switch (address.kind) {
        case VifAddress::Kind::none:
            return {};
        case VifAddress::Kind::automatic:
            return "auto";
        case VifAddress::Kind::fixed:
            break;
    }
    return address.prefix ? fmt::format("{}/{}", address.text, *address.prefix) : address.text;
}

std::vector<std::byte> encode(const GuestDescription& guest) {
    const GuestConfig& config = guest.config;
    Encoder encoder;
    encoder.text(config.name);
    encoder.number(guest.pfn_end);
    encoder.number(guest.memory_pages);
    encoder.number(config.vcpus);
    encode_affinity(config, encoder);
    encoder.number(static_cast<std::uint8_t>(config.console));
    encoder.number(static_cast<std::uint8_t>(config.on_poweroff));
    encoder.number(static_cast<std::uint8_t>(config.on_crash));
    encoder.number(static_cast<std::uint8_t>(config.vifs.size()));
    for (std::size_t i = 0; i < config.vifs.size(); ++i) {
        encoder.number(guest.vif_numbers[i]);
        encode_vif(config.vifs[i], encoder);
    }
    encoder.number(static_cast<std::uint32_t>(guest.store.size()));
    for (const StoreEntry& entry : guest.store) {
        encoder.text(entry.path);
        encoder.text(entry.value);
    }
    return std::move(encoder.bytes());
}

GuestDescription decode_description(Bytes payload) {
    Decoder decoder(payload);
    GuestDescription guest;
    GuestConfig& config = guest.config;
    config.name = decoder.text();
    guest.pfn_end = decoder.number_up_to<std::uint64_t>(max_pages, "page frames");
    guest.memory_pages = decoder.number_up_to<std::uint64_t>(max_pages, "pages");
    config.memory_mib = (guest.memory_pages + pages_per_mib - 1) / pages_per_mib;
    config.vcpus = decoder.number_up_to<std::uint16_t>(GuestConfig::max_vcpus, "vCPUs");
    decode_affinity(decoder, config);
    config.console = ConsoleKind{decoder.number_up_to<std::uint8_t>(1, choices)};
    config.on_poweroff = EndAction{decoder.number_up_to<std::uint8_t>(1, choices)};
    config.on_crash = EndAction{decoder.number_up_to<std::uint8_t>(1, choices)};
    constexpr std::size_t least_vif = 22;  // number, MAC, three empty texts, rate
    config.vifs.resize(decoder.count<std::uint8_t>(GuestConfig::max_vifs, least_vif, "vifs"));
    for (VifConfig& vif : config.vifs) {
        guest.vif_numbers.push_back(decoder.number<std::uint16_t>());
        vif = decode_vif(decoder);
    }
    constexpr std::size_t least_entry = 2 * sizeof(std::uint16_t);
    guest.store.resize(
        decoder.count<std::uint32_t>(max_store_entries, least_entry, "XenStore nodes"));
    for (StoreEntry& entry : guest.store) {
        entry.path = decoder.text();
        entry.value = decoder.text();
    }
    decoder.finish();
    return guest;
}

}  // namespace xcl::image
