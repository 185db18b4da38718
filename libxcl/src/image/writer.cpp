// SPDX-License-Identifier: BSD-3-Clause
// Puts sections together and their checksums behind them.
#include "image/writer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "image/page_list.hpp"
#include "image/zero.hpp"
#include "xcl/error.hpp"

namespace xcl::image {

ImageWriter::ImageWriter(ByteSink& sink, std::string name, MemoryForm form)
    : sink_(sink), name_(std::move(name)), form_(form) {}

void ImageWriter::require_good(const std::string& fault) const {
    if (!fault.empty())
        throw Error({.doing = fmt::format("write the image {}", name_), .problem = fault});
}

void ImageWriter::emit(std::span<const Bytes> parts, const Checksum& checksum) {
    sink_.write(parts);
    checksums_.insert(checksums_.end(), checksum.begin(), checksum.end());
    for (const Bytes part : parts)
        bytes_ += part.size();
}

void ImageWriter::write_header() {
    Encoder header;
    header.raw(std::as_bytes(std::span(magic)));
    header.number(format_version);
    header.number(x86_64_pv);
    header.number(static_cast<std::uint16_t>(form_));
    header.number(std::uint64_t{0});
    const Checksum checksum = checksum_of(header.bytes());
    const std::array<Bytes, 2> parts{header.bytes(), checksum};
    emit(parts, checksum);
}

void ImageWriter::write_section(SectionType type, Bytes payload, Bytes more) {
    const std::uint64_t length = payload.size() + more.size();
    if (length > longest_payload(type))
        require_good(fmt::format("the section '{}' would have {} bytes, more than {}",
                                 name_of(type), length, longest_payload(type)));
    Encoder header;
    header.number(static_cast<std::uint32_t>(type));
    header.number(sections_++);
    header.number(length);
    const std::array<Bytes, 3> summed{header.bytes(), payload, more};
    const Checksum checksum = checksum_of(summed);
    const std::array<Bytes, 4> parts{header.bytes(), payload, more, checksum};
    emit(parts, checksum);
}

void ImageWriter::write_list() {
    require_good(fault_of(list_, guest_));
    write_section(SectionType::page_list, encode(list_));
}

void ImageWriter::write_beginning() {
    write_header();
    write_section(SectionType::description, encode(guest_));
}

void ImageWriter::begin(const GuestDescription& guest, std::span<const PageId> pages) {
    require_good(fault_of(guest));
    guest_ = guest;
    list_ = to_list(pages);
    require_good(fault_of(list_, guest_));
    write_beginning();
    write_list();
}

// Neighbours mostly lie in the same run of the list.
void ImageWriter::require_owned(const PageId& page) {
    const auto is_in = [&](const PageRun& run) {
        return page.pfn >= run.first.pfn && page.pfn < run.end() &&
               (form_ == MemoryForm::rounds ||
                (page.type == run.first.type && page.pinned == run.first.pinned));
    };
    if (!is_in(last_run_)) {
        const PageRun* const run = run_of(list_, page.pfn);
        if (run == nullptr || !is_in(*run))
            require_good(fmt::format("its page {:#x} is not in the list of its pages", page.pfn));
        else
            last_run_ = *run;
    }
    if (page.pinned && page.type == PageType::data)
        require_good(fmt::format("its page {:#x} is pinned, yet no page table", page.pfn));
}

void ImageWriter::gather_run(const PageId& page, bool zero) {
    const bool grows = !runs_.empty() && runs_.back().zero == zero &&
                       continues(runs_.back().run, page) &&
                       runs_.back().run.count < std::numeric_limits<std::uint32_t>::max();
    if (grows)
        ++runs_.back().run.count;
    else
        runs_.push_back({.run = {.first = page, .count = 1}, .zero = zero});
}

void ImageWriter::page(const PageId& page, Bytes contents) {
    if (contents.size() != page_size)
        require_good(fmt::format("its page {:#x} has {} bytes", page.pfn, contents.size()));
    require_owned(page);
    if (page.pfn < next_pfn_) {
        if (form_ == MemoryForm::pages)
            require_good(fmt::format("its page {:#x} comes twice or too late", page.pfn));
        flush();  // a batch is ascending
    }
    next_pfn_ = page.pfn + 1;
    const bool zero = is_zero(contents);
    if (zero && form_ == MemoryForm::pages)
        return;
    if (contents_.size() == gathered * page_size || runs_.size() == max_batch_runs)
        flush();
    next_pfn_ = page.pfn + 1;
    gather_run(page, zero);
    contents_.reserve(gathered * page_size);
    if (!zero)
        contents_.insert(contents_.end(), contents.begin(), contents.end());
}

void ImageWriter::reference(const Reference& page) {
    if (form_ != MemoryForm::rounds)
        require_good("it refers to contents that are not in it");
    require_owned({.pfn = page.pfn});
    if (references_.size() == max_references)
        flush();
    references_.push_back(page);
}

void ImageWriter::write_gathered_pages() {
    if (runs_.empty())
        return;
    Encoder head;
    head.bytes().reserve(sizeof(std::uint64_t) + runs_.size() * run_bytes);
    head.number(std::uint64_t{runs_.size()});
    for (const BatchRun& run : runs_)
        encode(run, head);
    write_section(SectionType::pages, head.bytes(), contents_);
    pages_ += contents_.size() / page_size;
    runs_.clear();
    contents_.clear();
}

void ImageWriter::write_gathered_references() {
    if (references_.empty())
        return;
    write_section(SectionType::references, encode(references_));
    references_.clear();
}

void ImageWriter::mark() {
    if (form_ != MemoryForm::rounds)
        require_good("there is nobody who would answer");
    flush();
    Encoder mark;
    mark.number(pages_);
    write_section(SectionType::mark, mark.bytes());
}

// The pages first: references may be to what is in them.
void ImageWriter::flush() {
    write_gathered_pages();
    write_gathered_references();
    if (form_ == MemoryForm::rounds)
        next_pfn_ = 0;
}

void ImageWriter::end(const MachineState& state, std::span<const PageId> pages) {
    flush();
    PageList now = to_list(pages);
    if (form_ == MemoryForm::pages && now != list_)
        require_good("its pages are not those it began with");
    if (form_ == MemoryForm::rounds) {
        require_good(fault_of(guest_));
        write_section(SectionType::description, encode(guest_));
        require_good(fault_of(now, guest_));
        if (!same_pfns(now, list_))
            require_good("its pages are not those it began with");
        list_ = std::move(now);
        write_list();
    }
    require_good(fault_of(state, list_, guest_));
    write_section(SectionType::machine_state, encode(state));
    write_end_mark();
}

void ImageWriter::begin_stream(const GuestDescription& guest) {
    require_good(fault_for_libxenguest(guest));
    guest_ = guest;
    write_beginning();
}

void ImageWriter::part(Bytes bytes) {
    constexpr std::size_t most = longest_payload(SectionType::libxenguest);
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), most)))
        write_section(SectionType::libxenguest, bytes.first(std::min(bytes.size(), most)));
}

void ImageWriter::end_stream() {
    require_good(fault_for_libxenguest(guest_));
    write_section(SectionType::description, encode(guest_));
    write_end_mark();
}

void ImageWriter::write_end_mark() {
    Encoder mark;
    mark.number(std::uint64_t{sections_});
    mark.number(pages_);
    mark.raw(checksum_of(checksums_));
    write_section(SectionType::end, mark.bytes());
}

}  // namespace xcl::image
