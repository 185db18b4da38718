// SPDX-License-Identifier: BSD-3-Clause
// Streams that libxenguest has to refuse (docs/specs/libxc-migration-stream.pandoc in Xen's tree
// has their format).
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "image_parts.hpp"

namespace xcl::test {
namespace {

using image::page_size;

// Headers of the image and of the domain.
constexpr std::size_t first_record = 24 + 16;
constexpr std::size_t record_head = 8;

enum class Record : std::uint32_t {
    page_data = 1,
    pv_info = 2,
    p2m_frames = 3,
    vcpu_basic = 4,
};

// A type of page lies in the highest bits of its PFN.
constexpr unsigned type_shift = 60;
constexpr std::uint64_t l1_table = 1;
constexpr std::uint64_t first_without_contents = 13;

template <typename Number>
Number get(const ByteVector& bytes, std::size_t at) {
    Number number{};
    if (at + sizeof number > bytes.size())
        throw std::runtime_error("the stream is shorter than its records say");
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}

template <typename Number>
void put(ByteVector& bytes, std::size_t at, Number number) {
    static_cast<void>(get<Number>(bytes, at));
    std::memcpy(bytes.data() + at, &number, sizeof number);
}

// Where the first record of that type has its head.
std::size_t find_record(const ByteVector& stream, Record type) {
    for (std::size_t at = first_record;;) {
        if (get<std::uint32_t>(stream, at) == static_cast<std::uint32_t>(type))
            return at;
        const std::size_t length = get<std::uint32_t>(stream, at + 4);
        at += record_head + (length + 7) / 8 * 8;
    }
}

// A record of the stream's p2m frames that names so many pages, and all its frames.
void name_pages(ByteVector& stream, std::uint32_t count) {
    constexpr std::uint32_t per_frame = page_size / sizeof(std::uint64_t);
    const std::size_t head = find_record(stream, Record::p2m_frames);
    const auto length = get<std::uint32_t>(stream, head + 4);
    const std::size_t frames = (count + per_frame - 1) / per_frame;
    const std::size_t body = head + record_head;
    const std::size_t wanted = 8 + frames * sizeof(std::uint64_t);
    stream.insert(stream.begin() + static_cast<std::ptrdiff_t>(body + length), wanted - length,
                  std::byte{});
    put(stream, head + 4, static_cast<std::uint32_t>(wanted));
    put(stream, body + 4, count - 1);
}

std::size_t find_body(const ByteVector& stream, Record type) {
    return find_record(stream, type) + record_head;
}

// The number of pages in the first record of them; their PFNs follow behind eight bytes.
std::size_t page_count(const ByteVector& stream) {
    return get<std::uint32_t>(stream, find_body(stream, Record::page_data));
}

std::size_t place_of_pfn(const ByteVector& stream, std::size_t number) {
    return find_body(stream, Record::page_data) + 8 + number * sizeof(std::uint64_t);
}

// The contents of the first page table of the lowest level.
std::size_t find_l1_table(const ByteVector& stream) {
    const std::size_t count = page_count(stream);
    std::size_t contents = place_of_pfn(stream, count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t type =
            get<std::uint64_t>(stream, place_of_pfn(stream, i)) >> type_shift;
        if ((type & 7) == l1_table)
            return contents;
        if (type < first_without_contents)
            contents += page_size;
    }
    throw std::runtime_error("the stream begins without a page table");
}

// Its first entry that names a page names `pfn`.
void name_in_table(ByteVector& stream, std::uint64_t pfn) {
    const std::size_t table = find_l1_table(stream);
    for (std::size_t at = table; at < table + page_size; at += sizeof(std::uint64_t)) {
        const auto entry = get<std::uint64_t>(stream, at);
        if ((entry & 1) == 0)
            continue;
        put(stream, at, (entry & 0xfff) | pfn << 12);
        return;
    }
    throw std::runtime_error("the page table is empty");
}

constexpr std::array faults{
    Fault{"stream-of-garbage",
          [](ImageParts& parts) { std::ranges::fill(parts.stream, std::byte{0xa5}); }},
    Fault{"stream-of-one-byte", [](ImageParts& parts) { parts.stream.resize(1); }},
    Fault{"stream-cut-in-half",
          [](ImageParts& parts) { parts.stream.resize(parts.stream.size() / 2); }},
    Fault{"stream-of-another-version",
          [](ImageParts& parts) { put(parts.stream, 12, std::uint32_t{0x09000000}); }},
    Fault{"stream-of-an-hvm-guest",
          [](ImageParts& parts) { put(parts.stream, 24, std::uint32_t{2}); }},
    Fault{"stream-with-a-record-of-4-gib",
          [](ImageParts& parts) {
              put(parts.stream, find_record(parts.stream, Record::page_data) + 4,
                  ~std::uint32_t{0});
          }},
    Fault{"stream-with-a-record-of-no-known-type",
          [](ImageParts& parts) {
              put(parts.stream, find_record(parts.stream, Record::page_data), std::uint32_t{0x77});
          }},
    Fault{"stream-of-more-pages-than-there-are",
          [](ImageParts& parts) {
              put(parts.stream, find_body(parts.stream, Record::page_data), ~std::uint32_t{0});
          }},
    Fault{"stream-with-a-page-outside",
          [](ImageParts& parts) {
              put(parts.stream, place_of_pfn(parts.stream, 0), std::uint64_t{1} << 40);
          }},
    Fault{"stream-with-a-page-of-no-known-type",
          [](ImageParts& parts) {
              put(parts.stream, place_of_pfn(parts.stream, 0), std::uint64_t{5} << type_shift);
          }},
    Fault{"stream-whose-table-names-a-page-outside",
          [](ImageParts& parts) { name_in_table(parts.stream, 1ULL << 30); }},
    Fault{"stream-of-frames-that-overflow",
          [](ImageParts& parts) {
              put(parts.stream, find_body(parts.stream, Record::p2m_frames) + 4, ~std::uint32_t{0});
          }},
    // Tables of 400 MiB in the control domain; each record is as long as it says.
    Fault{"stream-of-pages-beyond-measure",
          [](ImageParts& parts) { name_pages(parts.stream, 35U << 20); }},
    Fault{"stream-with-a-byte-behind-its-end",
          [](ImageParts& parts) { parts.stream.push_back(std::byte{}); }},
    Fault{"stream-with-much-behind-its-end",
          [](ImageParts& parts) {
              parts.stream.resize(parts.stream.size() + (std::size_t{4} << 20));
          }},
    Fault{"stream-of-a-32-bit-guest",
          [](ImageParts& parts) {
              put(parts.stream, find_body(parts.stream, Record::pv_info), std::uint8_t{4});
          }},
    Fault{"stream-of-a-vcpu-that-there-is-not",
          [](ImageParts& parts) {
              put(parts.stream, find_body(parts.stream, Record::vcpu_basic), std::uint32_t{500});
          }},
};

}  // namespace

std::span<const Fault> stream_faults() {
    return faults;
}

}  // namespace xcl::test
