// SPDX-License-Identifier: BSD-3-Clause
// Numbers, blobs and texts of a payload, and the runs of pages.
#include "image/encoding.hpp"

#include <limits>

#include <fmt/format.h>

#include "image/format.hpp"

namespace xcl::image {

void Encoder::blob(Bytes bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    raw(bytes);
}

void Encoder::text(std::string_view text) {
    number(static_cast<std::uint16_t>(text.size()));
    raw(std::as_bytes(std::span(text)));
}

Bytes Decoder::raw(std::size_t count) {
    if (count > rest_.size())
        throw Malformed("it is shorter than what it holds");
    const Bytes bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return bytes;
}

std::vector<std::byte> Decoder::blob(std::size_t most, std::string_view what) {
    const Bytes bytes = raw(number_up_to<std::uint32_t>(most, what));
    return {bytes.begin(), bytes.end()};
}

std::string Decoder::text() {
    const Bytes bytes = raw(number<std::uint16_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Decoder::finish() const {
    if (!rest_.empty())
        throw Malformed("it is longer than what it holds");
}

void Decoder::require_at_most(std::uint64_t value, std::uint64_t most, std::string_view what) {
    if (value > most)
        throw Malformed(fmt::format("it has {} {}, more than {}", value, what, most));
}

void Decoder::fail_on_count(std::uint64_t value, std::string_view what) const {
    throw Malformed(fmt::format("it says it has {} {}, and is too short for them", value, what));
}

void encode(const BatchRun& run, Encoder& encoder) {
    const PageId& first = run.run.first;
    encoder.number(first.pfn);
    encoder.number(static_cast<std::uint32_t>(run.run.count));
    encoder.number(static_cast<std::uint8_t>(first.type));
    encoder.number(
        static_cast<std::uint8_t>((first.pinned ? run_pinned : 0) | (run.zero ? run_zero : 0)));
    encoder.number(std::uint16_t{0});
}

BatchRun decode_run(Decoder& decoder) {
    BatchRun run;
    run.run.first.pfn = decoder.number<std::uint64_t>();
    run.run.count = decoder.number<std::uint32_t>();
    const auto type = decoder.number<std::uint8_t>();
    const auto flags = decoder.number<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(PageType::l4_table))
        throw Malformed(
            fmt::format("its page {:#x} is of the unknown type {}", run.run.first.pfn, type));
    if ((flags & ~(run_pinned | run_zero)) != 0 || decoder.number<std::uint16_t>() != 0)
        throw Malformed(fmt::format("its page {:#x} has unknown flags", run.run.first.pfn));
    if (run.run.count == 0 ||
        run.run.count > std::numeric_limits<std::uint64_t>::max() - run.run.first.pfn)
        throw Malformed(
            fmt::format("its run of pages at {:#x} has {}", run.run.first.pfn, run.run.count));
    run.run.first.type = PageType{type};
    run.run.first.pinned = (flags & run_pinned) != 0;
    run.zero = (flags & run_zero) != 0;
    return run;
}

std::vector<std::byte> encode(std::span<const Reference> references) {
    Encoder encoder;
    encoder.bytes().reserve(sizeof(std::uint64_t) + references.size() * reference_bytes);
    encoder.number(std::uint64_t{references.size()});
    for (const Reference& reference : references) {
        encoder.number(reference.pfn);
        encoder.raw(reference.contents);
    }
    return std::move(encoder.bytes());
}

std::vector<Reference> decode_references(Bytes payload) {
    Decoder decoder(payload);
    std::vector<Reference> references(
        decoder.count<std::uint64_t>(max_references, reference_bytes, "references"));
    if (references.empty())
        throw Malformed("it holds no references");
    for (Reference& reference : references) {
        reference.pfn = decoder.number<std::uint64_t>();
        reference.contents = to_checksum(decoder.raw(checksum_bytes));
    }
    decoder.finish();
    return references;
}

std::vector<std::byte> encode(const PageList& list) {
    Encoder encoder;
    encoder.bytes().reserve(list.runs.size() * run_bytes);
    for (const PageRun& run : list.runs)
        encode(BatchRun{.run = run}, encoder);
    return std::move(encoder.bytes());
}

PageList decode_list(Bytes payload) {
    Decoder decoder(payload);
    PageList list;
    list.runs.reserve(payload.size() / run_bytes);
    while (decoder.left() > 0) {
        const BatchRun run = decode_run(decoder);
        if (run.zero)
            throw Malformed(fmt::format("its page {:#x} has unknown flags", run.run.first.pfn));
        list.runs.push_back(run.run);
        list.count += run.run.count;  // at most 2^26 runs of 2^32
    }
    return list;
}

}  // namespace xcl::image
