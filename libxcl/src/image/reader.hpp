// SPDX-License-Identifier: BSD-3-Clause
// ImageReader: reads an image that others wrote, and believes none of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "image/bytes.hpp"
#include "image/checksum.hpp"
#include "image/encoding.hpp"
#include "image/format.hpp"
#include "image/guest_image.hpp"

namespace xcl::image {

// Contents of pages: those of pages[i] at contents[i * page_size].
struct PageBatch {
    std::vector<PageId> pages;
    Bytes contents;
    // MemoryForm::rounds only:
    PageList zeroed;                    // further pages, that became zero
    std::vector<Reference> references;  // further pages of data, whose contents the reader has
    bool mark = false;                  // nothing else: the writer waits for a word
};

// Of tests: a fuzzer finds no checksum that fits.
enum class Checks { all, all_but_checksums };
// Only who keeps contents from elsewhere can make something of references, and only who can answer
// of marks.
enum class Source { file, wire };

// begin, next_pages (of MemoryForm::libxenguest: next_part) until there are none, end. Each throws
// Error, "NAME: section 3 (pages) at byte 4096: its checksum does not fit: the image was altered",
// and after that none may be called.
class ImageReader {
  public:
    // `source` outlives it. `name` is for errors.
    ImageReader(ByteSource& source, const std::string& name, Checks checks = Checks::all,
                Source kind = Source::file);

    // Everything that can be known before a domain exists.
    void begin();
    [[nodiscard]] MemoryForm form() const { return form_; }
    // But for MemoryForm::pages, its nodes in XenStore are those of the suspended guest once `end`
    // was called.
    [[nodiscard]] const GuestDescription& guest() const { return guest_; }
    // All it owns; empty for MemoryForm::libxenguest. The types are those of the suspended guest
    // once `end` was called, before that only for MemoryForm::pages.
    [[nodiscard]] const PageList& pages() const { return list_; }

    // What is in it is the guest's own. Its contents are good until the next call, or, from a
    // MemorySource, as long as that one's bytes.
    [[nodiscard]] std::optional<PageBatch> next_pages();

    // What comes next of libxenguest's stream, good as long as what next_pages returns.
    [[nodiscard]] std::optional<Bytes> next_part();

    // The rest, which is there once next_pages returned nothing. Reads nothing behind the end mark.
    // Empty for MemoryForm::libxenguest: its stream has the machine's state.
    [[nodiscard]] MachineState end();

    [[nodiscard]] std::uint64_t bytes_read() const { return offset_; }
    [[nodiscard]] std::uint64_t pages_read() const { return pages_; }

  private:
    struct Section {
        SectionType type{};
        Bytes payload;
    };

    Bytes take(std::size_t count, const char* within);
    void read_header();
    Section read_section();
    Section read_section(SectionType expected);
    void read_list(const Section& section);
    PageBatch read_batch(Bytes payload);
    PageBatch read_references(Bytes payload);
    PageBatch read_mark(Bytes payload);
    void read_description_again();
    void check_run(const PageRun& run);
    void read_end_mark();
    void require_good(const std::string& fault) const;
    [[noreturn]] void refuse(const std::string& problem) const;
    [[noreturn]] void refuse_section(const std::string& problem) const;

    ByteSource& source_;
    std::string name_;
    Checks checks_;
    Source kind_;
    MemoryForm form_ = MemoryForm::pages;
    GuestDescription guest_;
    PageList list_;
    std::vector<std::byte> checksums_;  // of the header and of every section so far
    std::uint64_t offset_ = 0;
    std::uint64_t pages_ = 0;
    std::uint32_t sections_ = 0;        // read whole
    std::uint64_t section_offset_ = 0;  // of the one that is being read
    std::string section_name_;
    std::uint64_t next_pfn_ = 0;    // what the next run may begin with
    std::optional<Section> ahead_;  // the one behind the last batch
};

// An image that is in memory whole, all of it checked.
struct WholeImage {
    MemoryForm form{};
    GuestDescription guest;
    PageList pages;
    std::vector<PageBatch> batches;  // their contents lie in the bytes that were read
    std::vector<Bytes> stream;       // MemoryForm::libxenguest, instead: its parts lie there, too
    MachineState state;
    std::uint64_t contents = 0;  // pages in the batches
    std::uint64_t bytes = 0;
};

// `bytes` outlive what is returned. Also refuses anything behind the end mark.
[[nodiscard]] WholeImage read_whole(Bytes bytes, const std::string& name,
                                    Checks checks = Checks::all);

}  // namespace xcl::image
