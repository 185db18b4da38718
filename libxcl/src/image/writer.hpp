// SPDX-License-Identifier: BSD-3-Clause
// ImageWriter: writes an image, section by section, in the order in which a guest is suspended.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "image/bytes.hpp"
#include "image/checksum.hpp"
#include "image/encoding.hpp"
#include "image/format.hpp"
#include "image/guest_image.hpp"

namespace xcl::image {

// begin, page…, end; of MemoryForm::libxenguest begin_stream, part…, end_stream. An image without
// its end is refused by every reader. What its reader would refuse is refused here, by an Error
// that says what it is.
class ImageWriter {
  public:
    // `sink` outlives it. `name` is for errors.
    ImageWriter(ByteSink& sink, std::string name, MemoryForm form = MemoryForm::pages);
    ImageWriter(const ImageWriter&) = delete;
    ImageWriter& operator=(const ImageWriter&) = delete;
    ~ImageWriter() = default;

    // `pages`: all that it owns, as GuestMemory::pages() has them. For MemoryForm::rounds their
    // types may still change.
    void begin(const GuestDescription& guest, std::span<const PageId> pages);

    // Contents of a page, copied at once. Pages that never come are zero. MemoryForm::pages: PFNs
    // ascending, no page twice. MemoryForm::rounds: any order; the last contents count.
    void page(const PageId& page, Bytes contents);

    // MemoryForm::rounds: a page of data whose contents the reader has.
    void reference(const Reference& page);

    // MemoryForm::rounds: the reader, once it has all that was written so far, is to say a word.
    void mark();

    // Hands to the sink what was gathered; else that happens once `gathered` pages are together.
    void flush();

    // But for MemoryForm::pages: what it keeps in XenStore now that it is suspended.
    void store(std::vector<StoreEntry> entries) { guest_.store = std::move(entries); }

    // `pages` as they are now that it is suspended, the same PFNs as at the beginning.
    void end(const MachineState& state, std::span<const PageId> pages);

    void begin_stream(const GuestDescription& guest);
    // What comes next of libxenguest's stream, any length.
    void part(Bytes bytes);
    void end_stream();

    [[nodiscard]] std::uint64_t bytes_written() const { return bytes_; }
    // Page contents in it.
    [[nodiscard]] std::uint64_t pages_written() const { return pages_; }

  private:
    // Fewer pages than max_batch: the first touch of a page of the buffer costs more than the
    // header of a section.
    static constexpr std::size_t gathered = 8;

    void write_header();
    void write_beginning();
    void write_list();
    void write_end_mark();
    void write_gathered_pages();
    void write_gathered_references();
    void write_section(SectionType type, Bytes payload, Bytes more = {});
    void emit(std::span<const Bytes> parts, const Checksum& checksum);
    void gather_run(const PageId& page, bool zero);
    void require_owned(const PageId& page);
    void require_good(const std::string& fault) const;

    ByteSink& sink_;
    std::string name_;
    MemoryForm form_;
    GuestDescription guest_;
    PageList list_;
    PageRun last_run_;                  // of those in the list that a page came from
    std::vector<std::byte> checksums_;  // of the header and of every section so far
    std::uint32_t sections_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t pages_ = 0;
    std::uint64_t next_pfn_ = 0;       // what a page that may follow here has at least
    std::vector<BatchRun> runs_;       // of the batch
    std::vector<std::byte> contents_;  // of the batch
    std::vector<Reference> references_;
};

}  // namespace xcl::image
