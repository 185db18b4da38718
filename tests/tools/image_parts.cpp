// SPDX-License-Identifier: BSD-3-Clause
// Reads an image with the library's reader, and writes it without the library's rules.
#include "image_parts.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "image/checksum.hpp"
#include "image/encoding.hpp"
#include "image/page_list.hpp"
#include "image/reader.hpp"

namespace xcl::test {
namespace {

using namespace image;

// Sections with their numbers and checksums, and the mark behind them.
class Sections {
  public:
    explicit Sections(const ImageParts& parts) {
        Encoder header;
        header.raw(std::as_bytes(std::span(magic)));
        header.number(parts.version);
        header.number(parts.architecture);
        header.number(static_cast<std::uint16_t>(parts.form));
        header.number(std::uint64_t{0});
        add_with_checksum(header.bytes(), true);
    }

    void add(SectionType type, Bytes payload) {
        Encoder section;
        section.number(static_cast<std::uint32_t>(type));
        section.number(count_);
        section.number(std::uint64_t{payload.size()});
        section.raw(payload);
        add_with_checksum(section.bytes(), type != SectionType::end);
        ++count_;
    }

    [[nodiscard]] ByteVector end(std::uint64_t pages) && {
        Encoder mark;
        mark.number(std::uint64_t{count_});
        mark.number(pages);
        mark.raw(checksum_of(checksums_));
        add(SectionType::end, mark.bytes());
        return std::move(bytes_);
    }

  private:
    void add_with_checksum(const ByteVector& bytes, bool counts) {
        const Checksum checksum = checksum_of(bytes);
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        bytes_.insert(bytes_.end(), checksum.begin(), checksum.end());
        if (counts)
            checksums_.insert(checksums_.end(), checksum.begin(), checksum.end());
    }

    ByteVector bytes_;
    ByteVector checksums_;
    std::uint32_t count_ = 0;
};

ByteVector batch_of(std::span<const PageId> pages, const ImageParts& parts) {
    const PageList list = to_list(pages);
    Encoder batch;
    batch.number(std::uint64_t{list.runs.size()});
    for (const PageRun& run : list.runs)
        encode(BatchRun{.run = run}, batch);
    for (const PageId& page : pages)
        batch.raw(parts.contents.at(page.pfn));
    return batch.bytes();
}

ByteVector batch_of_zeroes(std::span<const PageId> pages) {
    Encoder batch;
    batch.number(std::uint64_t{pages.size()});
    for (const PageId& page : pages)
        encode(BatchRun{.run = {.first = page, .count = 1}, .zero = true}, batch);
    return batch.bytes();
}

std::vector<PageId> pages_with_contents(const ImageParts& parts) {
    std::vector<PageId> filled;
    for (const auto& [pfn, contents] : parts.contents) {
        const auto as = parts.written_as.find(pfn);
        const auto page = std::ranges::find(parts.pages, pfn, &PageId::pfn);
        if (as != parts.written_as.end())
            filled.push_back(as->second);
        else if (page != parts.pages.end())
            filled.push_back(*page);
    }
    return filled;
}

bool is_named(const MachineState& state, std::uint64_t pfn) {
    return pfn == state.start_info || pfn == state.xenstore || pfn == state.console ||
           std::ranges::find(state.p2m_pages, pfn) != state.p2m_pages.end();
}

}  // namespace

ImageParts take_apart(std::span<const std::byte> bytes, const std::string& name) {
    WholeImage whole = read_whole(bytes, name);
    ImageParts parts;
    parts.guest = std::move(whole.guest);
    parts.pages = to_pages(whole.pages);
    for (const PageBatch& batch : whole.batches) {
        for (std::size_t i = 0; i < batch.pages.size(); ++i) {
            const Bytes page = batch.contents.subspan(i * page_size, page_size);
            parts.contents[batch.pages[i].pfn] = {page.begin(), page.end()};
        }
    }
    parts.state = std::move(whole.state);
    parts.form = whole.form == MemoryForm::libxenguest ? whole.form : MemoryForm::pages;
    for (const Bytes part : whole.stream)
        parts.stream.insert(parts.stream.end(), part.begin(), part.end());
    return parts;
}

ByteVector put_together(const ImageParts& parts) {
    Sections sections(parts);
    if (!parts.stream.empty()) {
        sections.add(SectionType::description, encode(parts.guest));
        constexpr std::size_t most = longest_payload(SectionType::libxenguest);
        for (Bytes rest = parts.stream; !rest.empty();
             rest = rest.subspan(std::min(rest.size(), most)))
            sections.add(SectionType::libxenguest, rest.first(std::min(rest.size(), most)));
        sections.add(SectionType::description, encode(parts.guest));
        return std::move(sections).end(0);
    }
    const PageList list = parts.list.value_or(to_list(parts.pages));
    sections.add(SectionType::description, encode(parts.guest));
    sections.add(SectionType::page_list, encode(list));
    const std::vector<PageId> pages = pages_with_contents(parts);
    for (std::size_t i = 0; i < pages.size(); i += max_batch)
        sections.add(
            SectionType::pages,
            batch_of(std::span(pages).subspan(i, std::min(max_batch, pages.size() - i)), parts));
    if (!parts.written_twice.empty())
        sections.add(SectionType::pages, batch_of_zeroes(parts.written_twice));
    if (parts.form == MemoryForm::rounds) {
        sections.add(SectionType::description, encode(parts.guest));
        sections.add(SectionType::page_list, encode(list));
    }
    sections.add(SectionType::machine_state, encode(parts.state));
    return std::move(sections).end(pages.size() - parts.uncounted_pages);
}

PageId& page_at(ImageParts& parts, std::uint64_t pfn) {
    const auto page = std::ranges::find(parts.pages, pfn, &PageId::pfn);
    if (page == parts.pages.end())
        throw std::runtime_error("the image lacks a page that the fault is about");
    return *page;
}

ByteVector& contents_at(ImageParts& parts, std::uint64_t pfn) {
    ByteVector& contents = parts.contents[pfn];
    contents.resize(page_size);
    return contents;
}

std::uint64_t spare_page(const ImageParts& parts) {
    const auto is_spare = [&](const PageId& page) {
        return page.type == PageType::data && !parts.contents.contains(page.pfn) &&
               !is_named(parts.state, page.pfn);
    };
    const auto page = std::find_if(parts.pages.rbegin(), parts.pages.rend(), is_spare);
    if (page == parts.pages.rend())
        throw std::runtime_error("every page of the image is of some use");
    return page->pfn;
}

std::uint64_t filled_page(const ImageParts& parts) {
    const auto is_filled = [&](const PageId& page) {
        return page.type == PageType::data && parts.contents.contains(page.pfn) &&
               !is_named(parts.state, page.pfn);
    };
    const auto page = std::ranges::find_if(parts.pages, is_filled);
    if (page == parts.pages.end())
        throw std::runtime_error("no page of the image has contents");
    return page->pfn;
}

}  // namespace xcl::test
