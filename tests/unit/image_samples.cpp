// SPDX-License-Identifier: BSD-3-Clause
// Makes a small guest, and reads images as bytes.
#include "image_samples.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "xcl/error.hpp"

namespace xcl::test {
namespace {

using namespace image;

template <typename Number>
Number number_at(const ByteVector& bytes, std::size_t at) {
    Number number{};
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}

void put(ByteVector& bytes, std::size_t at, const Checksum& checksum) {
    std::ranges::copy(checksum, bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

MachineState small_state() {
    MachineState state{.pfn_end = 14,
                       .memory_pages = 12,
                       .start_info = 2,
                       .xenstore = 3,
                       .console = 6,
                       .shared_info = page_of(0x51),
                       .p2m_pages = {13},
                       .tsc = {.mode = 1, .khz = 2400000, .incarnation = 3, .elapsed_ns = 1U << 20},
                       .vcpus = {}};
    VcpuState first;
    first.context.assign(5168, std::byte{7});
    first.extended.assign(128, std::byte{8});
    first.xsave_features = 0x7;
    first.xsave.assign(1024, std::byte{9});
    first.msrs.assign(32, std::byte{10});
    state.vcpus = {first, VcpuState{}};
    return state;
}

}  // namespace

ByteVector page_of(unsigned char byte) {
    return ByteVector(page_size, std::byte{byte});
}

SampleGuest sample_guest() {
    SampleGuest guest;
    GuestDescription& description = guest.description;
    description.config.name = "web";
    description.config.memory_mib = 1;
    description.config.vcpus = 2;
    description.config.cpus_by_vcpu = {{1, 3}, {}};
    description.config.console = ConsoleKind::none;
    description.config.on_crash = EndAction::preserve;
    description.config.vifs.resize(2);
    description.config.vifs[0].mac = parse_mac("00:16:3e:80:00:01");
    description.config.vifs[0].bridge = "xenbr0";
    description.config.vifs[0].ip = {
        .kind = VifAddress::Kind::fixed, .text = "10.0.0.2", .prefix = 24};
    description.config.vifs[1].mac = parse_mac("00:16:3e:80:00:02");
    description.config.vifs[1].script = "vif-cosmos";
    description.config.vifs[1].rate = VifRate{.bytes = 62500, .interval_us = 50000};
    description.vif_numbers = {0, 2};
    description.pfn_end = 14;
    description.memory_pages = 12;
    description.store = {{.path = "data/motd", .value = "hello"},
                         {.path = "data/empty", .value = ""},
                         {.path = "attr/binary", .value = std::string("\0\xff\n", 3)}};
    for (const std::uint64_t pfn : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 10U, 11U, 12U, 13U}) {
        PageId page{.pfn = pfn};
        if (pfn == 4)
            page.type = PageType::l1_table;
        if (pfn == 5)
            page = {.pfn = pfn, .type = PageType::l4_table, .pinned = true};
        guest.pages.push_back(page);
        const bool filled = pfn == 1 || pfn == 4 || pfn == 5 || pfn == 13;
        guest.contents.push_back(filled ? page_of(static_cast<unsigned char>(pfn)) : ByteVector{});
    }
    guest.state = small_state();
    return guest;
}

std::vector<ByteVector> sample_stream() {
    return {ByteVector(3000, std::byte{0xd6}), ByteVector(1, std::byte{0}),
            ByteVector(5000, std::byte{0x2b})};
}

void MemorySink::write(std::span<const Bytes> parts) {
    if (fails_at_ == writes)
        throw Error({.doing = "write", .call = "writev", .error = ENOSPC});
    ++writes;
    for (const Bytes part : parts)
        bytes.insert(bytes.end(), part.begin(), part.end());
}

Bytes StreamSource::take(std::size_t count) {
    const Bytes next = rest_.first(std::min(count, rest_.size()));
    // In memory of its own each time, so that AddressSanitizer sees a use of what is gone.
    taken_ = ByteVector(next.begin(), next.end());
    rest_ = rest_.subspan(next.size());
    return taken_;
}

void write_guest(const SampleGuest& guest, ByteSink& sink, MemoryForm form) {
    const ByteVector zero(page_size);
    ImageWriter writer(sink, "img", form);
    if (form == MemoryForm::libxenguest) {
        GuestDescription description = guest.description;
        description.config.console = ConsoleKind::pty;
        writer.begin_stream(description);
        for (const ByteVector& part : sample_stream())
            writer.part(part);
        writer.end_stream();
        return;
    }
    writer.begin(guest.description, guest.pages);
    for (std::size_t i = 0; i < guest.pages.size(); ++i)
        writer.page(guest.pages[i], guest.contents[i].empty() ? zero : guest.contents[i]);
    writer.end(guest.state, guest.pages);
}

ByteVector image_of(const SampleGuest& guest, MemoryForm form) {
    MemorySink sink;
    write_guest(guest, sink, form);
    return sink.bytes;
}

std::string refusal_of(Bytes bytes, Checks checks) {
    try {
        static_cast<void>(read_whole(bytes, "img", checks));
    } catch (const Error& error) {
        const std::string line = error.what();
        EXPECT_TRUE(line.starts_with("img: ")) << line;
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        for (const char c : line)
            EXPECT_FALSE((c >= 0 && c < ' ') || c == 0x7f) << line;
        return line.substr(std::min<std::size_t>(line.size(), 5));
    }
    return "accepted";
}

std::vector<SectionPlace> sections_of(const ByteVector& bytes) {
    std::vector<SectionPlace> places;
    for (std::size_t at = header_bytes + checksum_bytes; at < bytes.size();) {
        const std::size_t payload = at + section_header_bytes;
        const std::size_t end = payload + number_at<std::uint64_t>(bytes, at + 8);
        places.push_back({.type = SectionType{number_at<std::uint32_t>(bytes, at)},
                          .head = at,
                          .payload = payload,
                          .checksum = end});
        at = end + checksum_bytes;
    }
    return places;
}

void mend_checksums(ByteVector& bytes) {
    ByteVector all;
    const auto mend = [&](std::size_t begin, std::size_t end) {
        const Checksum checksum = checksum_of(Bytes(bytes).subspan(begin, end - begin));
        put(bytes, end, checksum);
        all.insert(all.end(), checksum.begin(), checksum.end());
    };
    mend(0, header_bytes);
    for (const SectionPlace& place : sections_of(bytes)) {
        if (place.type == SectionType::end)
            put(bytes, place.payload + end_bytes - checksum_bytes, checksum_of(all));
        mend(place.head, place.checksum);
    }
}

}  // namespace xcl::test
