// SPDX-License-Identifier: BSD-3-Clause
// Takes sections apart. Their order, lengths and checksums are checked here; encoding.hpp decodes
// them, and fault_of judges what they say.
#include "image/reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/diagnostics.hpp"
#include "image/encoding.hpp"
#include "image/page_list.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

// Calls `decode` on the payload; what is malformed goes to `refuse`.
template <typename Decode, typename Refuse>
auto decoded(Bytes payload, const Decode& decode, const Refuse& refuse) {
    try {
        return decode(payload);
    } catch (const Malformed& malformed) {
        refuse(malformed.what());
        throw;  // it never returns
    }
}

}  // namespace

ImageReader::ImageReader(ByteSource& source, const std::string& name, Checks checks, Source kind)
    : source_(source), name_(config::printable_origin(name)), checks_(checks), kind_(kind) {}

void ImageReader::refuse(const std::string& problem) const {
    throw Error({.problem = fmt::format("{}: {}", name_, problem)});
}

void ImageReader::refuse_section(const std::string& problem) const {
    refuse(fmt::format("section {} ({}) at byte {}: {}", sections_, section_name_, section_offset_,
                       problem));
}

void ImageReader::require_good(const std::string& fault) const {
    if (!fault.empty())
        refuse_section(fault);
}

Bytes ImageReader::take(std::size_t count, const char* within) {
    const Bytes bytes = source_.take(count);
    offset_ += bytes.size();
    if (bytes.size() < count)
        refuse(fmt::format("truncated: it ends at byte {}, within {}", offset_, within));
    return bytes;
}

void ImageReader::read_header() {
    std::array<std::byte, header_bytes> header{};
    const Bytes bytes = take(header_bytes + checksum_bytes, "its header");
    std::copy_n(bytes.begin(), header.size(), header.begin());
    const Checksum stored = to_checksum(bytes.subspan(header_bytes));
    Decoder decoder(header);
    if (!std::ranges::equal(decoder.raw(magic.size()), std::as_bytes(std::span(magic))))
        refuse("it is no image of a guest");
    if (const auto version = decoder.number<std::uint32_t>(); version != format_version)
        refuse(fmt::format("it is of version {} of the format, and this program reads version {}",
                           version, format_version));
    if (const auto architecture = decoder.number<std::uint16_t>(); architecture != x86_64_pv)
        refuse(fmt::format("it is of the architecture {}, not of a paravirtualised x86-64 guest",
                           architecture));
    const auto form = decoder.number<std::uint16_t>();
    if (form < static_cast<std::uint16_t>(MemoryForm::pages) ||
        form > static_cast<std::uint16_t>(MemoryForm::libxenguest))
        refuse(fmt::format("it holds its memory in the unknown form {}", form));
    if (decoder.number<std::uint64_t>() != 0)
        refuse("its header has unknown flags");
    if (checks_ == Checks::all && checksum_of(header) != stored)
        refuse("the checksum of its header does not fit: it was altered");
    form_ = MemoryForm{form};
    checksums_.insert(checksums_.end(), stored.begin(), stored.end());
}

ImageReader::Section ImageReader::read_section() {
    section_offset_ = offset_;
    std::array<std::byte, section_header_bytes> header{};
    std::ranges::copy(take(section_header_bytes, "the head of a section"), header.begin());
    Decoder decoder(header);
    const SectionType type{decoder.number<std::uint32_t>()};
    const auto number = decoder.number<std::uint32_t>();
    const auto length = decoder.number<std::uint64_t>();
    section_name_ = name_of(type);
    if (longest_payload(type) == 0)
        refuse_section(fmt::format("its type {} is none that this program knows",
                                   static_cast<std::uint32_t>(type)));
    if (!may_have(form_, type))
        refuse_section(form_ == MemoryForm::libxenguest
                           ? "it does not belong into an image that holds libxenguest's stream"
                           : "it does not belong into an image that holds pages");
    if (number != sections_)
        refuse_section(fmt::format("it has the number {}: sections are missing or moved", number));
    if (length > longest_payload(type))
        refuse_section(fmt::format("its length of {} bytes is more than the {} of any", length,
                                   longest_payload(type)));
    const std::uint64_t wanted = length + checksum_bytes;
    if (const auto left = source_.remaining(); left && *left < wanted)
        refuse(
            fmt::format("truncated: section {} ({}) at byte {} goes on for {} bytes, and there "
                        "are {}",
                        sections_, section_name_, section_offset_, wanted, *left));
    const Bytes bytes = take(static_cast<std::size_t>(wanted), "a section");
    const Section section{.type = type, .payload = bytes.first(static_cast<std::size_t>(length))};
    const Checksum stored = to_checksum(bytes.subspan(section.payload.size()));
    const std::array<Bytes, 2> summed{Bytes(header), section.payload};
    if (checks_ == Checks::all && checksum_of(summed) != stored)
        refuse_section("its checksum does not fit: the image was altered");
    if (type != SectionType::end)
        checksums_.insert(checksums_.end(), stored.begin(), stored.end());
    return section;
}

ImageReader::Section ImageReader::read_section(SectionType expected) {
    const Section section = ahead_ ? *std::exchange(ahead_, std::nullopt) : read_section();
    if (section.type != expected)
        refuse_section(fmt::format("expected the section '{}' here", name_of(expected)));
    return section;
}

void ImageReader::read_list(const Section& section) {
    const auto refuse_it = [this](const std::string& problem) { refuse_section(problem); };
    PageList list = decoded(section.payload, decode_list, refuse_it);
    require_good(fault_of(list, guest_));
    if (list_.count != 0 && !same_pfns(list, list_))
        refuse_section("its pages are not those of the first list");
    list_ = std::move(list);
    ++sections_;
}

void ImageReader::begin() {
    const auto refuse_it = [this](const std::string& problem) { refuse_section(problem); };
    read_header();
    guest_ = decoded(read_section(SectionType::description).payload, decode_description, refuse_it);
    if (form_ == MemoryForm::libxenguest) {
        require_good(fault_for_libxenguest(guest_));
        ++sections_;
        return;
    }
    require_good(fault_of(guest_));
    ++sections_;
    read_list(read_section(SectionType::page_list));
}

void ImageReader::check_run(const PageRun& run) {
    const PageId& first = run.first;
    if (first.pfn < next_pfn_)
        refuse_section(fmt::format("its page {:#x} is out of order or there twice", first.pfn));
    if (first.pinned && first.type == PageType::data)
        refuse_section(fmt::format("its page {:#x} is pinned, yet no page table", first.pfn));
    const auto missing = first_missing(list_, run, form_ == MemoryForm::pages);
    if (missing)
        refuse_section(fmt::format("its page {:#x} is not as in the list of pages", *missing));
    next_pfn_ = run.end();
}

PageBatch ImageReader::read_batch(Bytes payload) {
    Decoder decoder(payload);
    PageBatch batch;
    if (form_ == MemoryForm::rounds)
        next_pfn_ = 0;
    const auto runs = decoder.count<std::uint64_t>(max_batch_runs, run_bytes, "runs of pages");
    for (std::size_t i = 0; i < runs; ++i) {
        const BatchRun run = decode_run(decoder);
        check_run(run.run);
        if (run.zero) {
            if (form_ == MemoryForm::pages)
                throw Malformed("it names pages without contents");
            batch.zeroed.runs.push_back(run.run);
            batch.zeroed.count += run.run.count;
            continue;
        }
        if (run.run.count > max_batch - batch.pages.size())
            throw Malformed(fmt::format("it holds more than {} pages", max_batch));
        append_pages(run.run, batch.pages);
    }
    if (runs == 0)
        throw Malformed("it holds no pages");
    batch.contents = decoder.raw(batch.pages.size() * page_size);
    decoder.finish();
    return batch;
}

PageBatch ImageReader::read_references(Bytes payload) {
    if (kind_ == Source::file)
        throw Malformed("it refers to contents that are not in the image");
    PageBatch batch;
    batch.references = decode_references(payload);
    for (const Reference& reference : batch.references)
        if (run_of(list_, reference.pfn) == nullptr)
            throw Malformed(
                fmt::format("its page {:#x} is not in the list of pages", reference.pfn));
    return batch;
}

PageBatch ImageReader::read_mark(Bytes payload) {
    if (kind_ == Source::file)
        throw Malformed("nobody waits for a word of who reads a file");
    Decoder decoder(payload);
    if (decoder.number<std::uint64_t>() != pages_)
        throw Malformed("it does not count the pages before it");
    decoder.finish();
    PageBatch batch;
    batch.mark = true;
    return batch;
}

std::optional<PageBatch> ImageReader::next_pages() {
    if (ahead_)
        return std::nullopt;
    const Section section = read_section();
    PageBatch (ImageReader::*read)(Bytes) = nullptr;
    switch (section.type) {
        case SectionType::pages:
            read = &ImageReader::read_batch;
            break;
        case SectionType::references:
            read = &ImageReader::read_references;
            break;
        case SectionType::mark:
            read = &ImageReader::read_mark;
            break;
        default:
            ahead_ = section;
            return std::nullopt;
    }
    PageBatch batch = decoded(
        section.payload, [&](Bytes payload) { return (this->*read)(payload); },
        [this](const std::string& problem) { refuse_section(problem); });
    pages_ += batch.pages.size();
    ++sections_;
    return batch;
}

std::optional<Bytes> ImageReader::next_part() {
    if (ahead_)
        return std::nullopt;
    const Section section = read_section();
    if (section.type != SectionType::libxenguest) {
        ahead_ = section;
        return std::nullopt;
    }
    if (section.payload.empty())
        refuse_section("it holds nothing");
    ++sections_;
    return section.payload;
}

void ImageReader::read_end_mark() {
    const Checksum all = checksum_of(checksums_);
    Decoder mark(read_section(SectionType::end).payload);
    if (mark.left() != end_bytes)
        refuse_section(fmt::format("it has {} bytes, not {}", mark.left(), end_bytes));
    if (mark.number<std::uint64_t>() != sections_ || mark.number<std::uint64_t>() != pages_)
        refuse_section("it does not count the sections and pages before it");
    if (checks_ == Checks::all && to_checksum(mark.raw(checksum_bytes)) != all)
        refuse_section("its checksum of all sections does not fit: the image was altered");
    ++sections_;
}

// What it keeps in XenStore may have changed while it ran, and nothing else.
void ImageReader::read_description_again() {
    const auto refuse_it = [this](const std::string& problem) { refuse_section(problem); };
    GuestDescription now =
        decoded(read_section(SectionType::description).payload, decode_description, refuse_it);
    require_good(fault_of(now));
    guest_.store = now.store;
    if (encode(now) != encode(guest_))
        refuse_section("it describes another guest than the first one did");
    ++sections_;
}

MachineState ImageReader::end() {
    if (form_ == MemoryForm::libxenguest) {
        read_description_again();
        read_end_mark();
        return {};
    }
    if (form_ == MemoryForm::rounds) {
        read_description_again();
        read_list(read_section(SectionType::page_list));
    }
    MachineState state = decoded(read_section(SectionType::machine_state).payload, decode_state,
                                 [this](const std::string& problem) { refuse_section(problem); });
    require_good(fault_of(state, list_, guest_));
    ++sections_;
    read_end_mark();
    return state;
}

WholeImage read_whole(Bytes bytes, const std::string& name, Checks checks) {
    MemorySource source(bytes);
    ImageReader reader(source, name, checks);
    reader.begin();
    WholeImage whole;
    if (reader.form() == MemoryForm::libxenguest)
        while (const auto part = reader.next_part())
            whole.stream.push_back(*part);
    else
        while (auto batch = reader.next_pages())
            whole.batches.push_back(std::move(*batch));
    whole.state = reader.end();
    if (*source.remaining() != 0)
        throw Error({.problem = fmt::format("{}: {} bytes follow its end mark at byte {}",
                                            config::printable_origin(name), *source.remaining(),
                                            reader.bytes_read())});
    whole.form = reader.form();
    whole.guest = reader.guest();
    whole.pages = reader.pages();
    whole.contents = reader.pages_read();
    whole.bytes = reader.bytes_read();
    return whole;
}

}  // namespace xcl::image
