// SPDX-License-Identifier: BSD-3-Clause
// Precopy: sends a guest's pages while it runs, and again what changed since. Xen does not tell
// which pages of a paravirtualised guest were written, so they are told apart by their contents.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "image/writer.hpp"
#include "ports/hypervisor.hpp"
#include "wire/contents.hpp"
#include "wire/stream.hpp"
#include "xcl/toolstack.hpp"

namespace xcl::verbs {

// Whether one more round, while the guest runs, leaves clearly less for the last one. `sent`: pages
// of each round so far.
[[nodiscard]] bool another_round_helps(std::span<const MigrationRound> sent);

class Precopy {
  public:
    // Both outlive it. `pfn_end`: every PFN is less.
    Precopy(GuestMemory& memory, image::ImageWriter& writer, std::uint64_t pfn_end);

    // Asks the destination which of their contents it knows.
    void ask(wire::Stream& stream, std::span<const image::PageId> pages);

    // Sends what the destination has not, but no page tables: they may change their type while the
    // guest runs.
    void round(std::span<const image::PageId> pages);

    // Sends all that is still to be sent, page tables too. `refuse` is called for one that names
    // memory which is not the guest's, and throws.
    void last_round(std::span<const image::PageId> pages,
                    const std::function<void(std::uint64_t pfn)>& refuse);

    [[nodiscard]] const std::vector<MigrationRound>& rounds() const { return rounds_; }

  private:
    // What the destination has of a page.
    struct Sent {
        enum class As : std::uint8_t { nothing, zero, data, table };
        As as = As::nothing;
        image::Checksum contents{};

        friend bool operator==(const Sent&, const Sent&) = default;
    };

    [[nodiscard]] Sent& sent_of(const image::PageId& page);
    [[nodiscard]] bool has_zero(const image::PageId& page);
    void begin_round();
    void end_round();
    void send_table(const image::PageId& page, image::Bytes bytes);
    void send_data(const image::PageId& page, image::Bytes bytes);

    GuestMemory& memory_;
    image::ImageWriter& writer_;
    std::vector<Sent> sent_;  // by PFN
    wire::SentContents contents_;
    std::vector<MigrationRound> rounds_;
    std::uint64_t bytes_before_ = 0;  // this round
};

}  // namespace xcl::verbs
