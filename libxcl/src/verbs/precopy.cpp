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

// The guest may write while its page is looked at: what is compared and what is sent has to be the
// same.
void Precopy::round(std::span<const PageId> pages) {
    std::array<std::byte, image::page_size> copy{};
    begin_round();
    memory_.read(pages, [&](const PageId& page, auto bytes) {
        if (page.type != PageType::data || !bytes || (has_zero(page) && image::is_zero(*bytes)))
            return;
        std::ranges::copy(*bytes, copy.begin());
        send(page, copy);
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

void Precopy::send(const PageId& page, image::Bytes bytes) {
    Sent& sent = sent_of(page);
    if (page.type != PageType::data) {
        writer_.page(page, bytes);
        sent.as = Sent::As::table;
    } else if (!image::is_zero(bytes)) {
        send_data(page, bytes);
        return;
    } else if (has_zero(page)) {
        return;
    } else {
        writer_.page(page, bytes);
        sent.as = Sent::As::zero;
    }
    ++rounds_.back().pages;
}

void Precopy::send_data(const PageId& page, image::Bytes bytes) {
    Sent& sent = sent_of(page);
    const image::Checksum contents = image::checksum_of(bytes);
    if (sent.as == Sent::As::data && sent.contents == contents)
        return;
    if (contents_.has(contents)) {
        writer_.reference({.pfn = page.pfn, .contents = contents});
        ++rounds_.back().known_pages;
    } else {
        writer_.page(page, bytes);
        contents_.add_sent(contents);
    }
    sent = {.as = Sent::As::data, .contents = contents};
    ++rounds_.back().pages;
}

}  // namespace xcl::verbs
