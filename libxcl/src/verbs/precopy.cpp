// SPDX-License-Identifier: BSD-3-Clause
// Compares every page with what the destination has of it.
#include "verbs/precopy.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/format.h>

#include "image/zero.hpp"
#include "wire/messages.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

using image::PageId;
using image::PageType;

bool another_round_helps(std::span<const MigrationRound> sent) {
    constexpr std::size_t most_rounds = 8;
    constexpr std::uint64_t few_pages = 16;  // cost less than the stop around them
    if (sent.empty())
        return true;
    if (sent.size() == most_rounds || sent.back().pages <= few_pages)
        return false;
    return sent.size() == 1 || 2 * sent.back().pages <= sent[sent.size() - 2].pages;
}

Precopy::Precopy(GuestMemory& memory, image::ImageWriter& writer, std::uint64_t pfn_end)
    : memory_(memory), writer_(writer), sent_(pfn_end) {}

void Precopy::ask(wire::Stream& stream, std::span<const PageId> pages) {
    std::vector<image::Checksum> asked;
    std::unordered_set<image::Checksum, wire::HashOfChecksum> seen;
    memory_.read(pages, [&](const PageId& page, auto bytes) {
        if (page.type != PageType::data || !bytes || image::is_zero(*bytes) ||
            asked.size() == wire::most_contents)
            return;
        const image::Checksum contents = image::checksum_of(*bytes);
        if (seen.insert(contents).second)
            asked.push_back(contents);
    });
    wire::send_contents(stream, asked);
    const std::vector<bool> known = wire::receive_known(stream, asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i)
        if (known[i])
            contents_.add_known(asked[i]);
}

void Precopy::begin_round() {
    rounds_.emplace_back();
    bytes_before_ = writer_.bytes_written();
}

void Precopy::end_round() {
    writer_.flush();
    rounds_.back().bytes = writer_.bytes_written() - bytes_before_;
}

void Precopy::round(std::span<const PageId> pages) {
    begin_round();
    memory_.read(pages, [&](const PageId& page, auto bytes) {
        if (page.type == PageType::data && bytes)
            send_data(page, *bytes);
    });
    end_round();
}

void Precopy::last_round(std::span<const PageId> pages,
                         const std::function<void(std::uint64_t pfn)>& refuse) {
    begin_round();
    memory_.read(pages, [&](const PageId& page, auto bytes) {
        if (!bytes)
            refuse(page.pfn);
        else if (page.type == PageType::data)
            send_data(page, *bytes);
        else
            send_table(page, *bytes);
    });
    end_round();
}

// A guest may have grown since its migration began.
Precopy::Sent& Precopy::sent_of(const PageId& page) {
    if (page.pfn >= sent_.size())
        throw Error(
            {.problem = fmt::format("its page {:#x} is not one of those it began with", page.pfn)});
    return sent_[page.pfn];
}

bool Precopy::has_zero(const PageId& page) {
    const Sent::As as = sent_of(page).as;
    return as == Sent::As::nothing || as == Sent::As::zero;
}

void Precopy::send_table(const PageId& page, image::Bytes bytes) {
    writer_.page(page, bytes);
    sent_of(page).as = Sent::As::table;
    ++rounds_.back().pages;
}

// The guest may write while its page is looked at, and netback into the buffers of one that stands
// still: what is compared and what is sent has to be the same.
void Precopy::send_data(const PageId& page, image::Bytes bytes) {
    if (has_zero(page) && image::is_zero(bytes))
        return;
    std::array<std::byte, image::page_size> copy;  // NOLINT: filled at once
    std::ranges::copy(bytes, copy.begin());
    Sent& sent = sent_of(page);
    const bool zero = image::is_zero(copy);
    const Sent now{.as = zero ? Sent::As::zero : Sent::As::data,
                   .contents = zero ? image::Checksum{} : image::checksum_of(copy)};
    if (now == sent || (zero && has_zero(page)))
        return;
    if (!zero && contents_.has(now.contents)) {
        writer_.reference({.pfn = page.pfn, .contents = now.contents});
        ++rounds_.back().known_pages;
    } else {
        writer_.page(page, copy);
        if (!zero)
            contents_.add_sent(now.contents);
    }
    sent = now;
    ++rounds_.back().pages;
}

}  // namespace xcl::verbs
