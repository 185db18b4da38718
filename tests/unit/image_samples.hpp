// SPDX-License-Identifier: BSD-3-Clause
// A small guest as an image has it, and where its bytes can go to and come from in a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "image/reader.hpp"
#include "image/writer.hpp"

namespace xcl::test {

using ByteVector = std::vector<std::byte>;

// All that goes into an image. Its pages and what they hold are one by one.
struct SampleGuest {
    image::GuestDescription description;
    std::vector<image::PageId> pages;
    std::vector<ByteVector> contents;  // of pages[i]; empty: zero
    image::MachineState state;
};

// Two vCPUs, two vifs, XenStore nodes; 12 pages below PFN 14, of which 8 and 9 are missing, 4 is a
// page table, 5 a pinned one, and 1, 4, 5 and 13 are not zero.
[[nodiscard]] SampleGuest sample_guest();

// The parts of what libxenguest might have saved; its guest has a console.
[[nodiscard]] std::vector<ByteVector> sample_stream();

[[nodiscard]] ByteVector page_of(unsigned char byte);

// In memory; fails with ENOSPC at the write of this number, counted from 0.
class MemorySink final : public image::ByteSink {
  public:
    explicit MemorySink(std::optional<std::size_t> fails_at = {}) : fails_at_(fails_at) {}

    void write(std::span<const image::Bytes> parts) override;

    ByteVector bytes;
    std::size_t writes = 0;

  private:
    std::optional<std::size_t> fails_at_;
};

// As a socket has them: how much there is still to come is not known, and what was taken is gone
// at the next call.
class StreamSource final : public image::ByteSource {
  public:
    explicit StreamSource(image::Bytes bytes) : rest_(bytes) {}

    [[nodiscard]] image::Bytes take(std::size_t count) override;
    [[nodiscard]] std::optional<std::uint64_t> remaining() const override { return {}; }

    [[nodiscard]] std::size_t left() const { return rest_.size(); }

  private:
    image::Bytes rest_;
    ByteVector taken_;
};

void write_guest(const SampleGuest& guest, image::ByteSink& sink,
                 image::MemoryForm form = image::MemoryForm::pages);
[[nodiscard]] ByteVector image_of(const SampleGuest& guest,
                                  image::MemoryForm form = image::MemoryForm::pages);

// The text of the Error that reading the whole image ends in, without the name "img: "; "accepted"
// if there is none.
[[nodiscard]] std::string refusal_of(image::Bytes bytes, image::Checks checks = image::Checks::all);

// A section of an image: where its head, its payload and its checksum begin.
struct SectionPlace {
    image::SectionType type{};
    std::size_t head = 0;
    std::size_t payload = 0;
    std::size_t checksum = 0;
};

[[nodiscard]] std::vector<SectionPlace> sections_of(const ByteVector& bytes);

// Makes every checksum fit again, in the end mark too.
void mend_checksums(ByteVector& bytes);

}  // namespace xcl::test
