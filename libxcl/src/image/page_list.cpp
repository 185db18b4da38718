// SPDX-License-Identifier: BSD-3-Clause
// Pages one by one, and as runs.
#include "image/page_list.hpp"

#include <algorithm>

namespace xcl::image {

bool continues(const PageRun& run, const PageId& page) {
    return page.pfn == run.end() && page.type == run.first.type && page.pinned == run.first.pinned;
}

PageList to_list(std::span<const PageId> pages) {
    PageList list;
    list.count = pages.size();
    for (const PageId& page : pages) {
        if (!list.runs.empty() && continues(list.runs.back(), page))
            ++list.runs.back().count;
        else
            list.runs.push_back({.first = page, .count = 1});
    }
    return list;
}

void append_pages(const PageRun& run, std::vector<PageId>& pages) {
    PageId page = run.first;
    for (; page.pfn < run.end(); ++page.pfn)
        pages.push_back(page);
}

std::vector<PageId> to_pages(const PageList& list) {
    std::vector<PageId> pages;
    pages.reserve(list.count);
    for (const PageRun& run : list.runs)
        append_pages(run, pages);
    return pages;
}

std::vector<std::uint64_t> to_pfns(const PageList& list) {
    std::vector<std::uint64_t> pfns;
    pfns.reserve(list.count);
    for (const PageRun& run : list.runs)
        for (std::uint64_t pfn = run.first.pfn; pfn < run.end(); ++pfn)
            pfns.push_back(pfn);
    return pfns;
}

const PageRun* run_of(const PageList& list, std::uint64_t pfn) {
    const auto behind = std::upper_bound(
        list.runs.begin(), list.runs.end(), pfn,
        [](std::uint64_t value, const PageRun& run) { return value < run.first.pfn; });
    if (behind == list.runs.begin())
        return nullptr;
    const PageRun& run = *(behind - 1);
    return pfn < run.end() ? &run : nullptr;
}

std::optional<std::uint64_t> first_missing(const PageList& list, const PageRun& pages, bool alike) {
    for (std::uint64_t pfn = pages.first.pfn; pfn < pages.end();) {
        const PageRun* const run = run_of(list, pfn);
        if (run == nullptr || (alike && (run->first.type != pages.first.type ||
                                         run->first.pinned != pages.first.pinned)))
            return pfn;
        pfn = run->end();
    }
    return std::nullopt;
}

bool same_pfns(const PageList& one, const PageList& other) {
    if (one.count != other.count)
        return false;
    return std::all_of(one.runs.begin(), one.runs.end(),
                       [&other](const PageRun& run) { return !first_missing(other, run, false); });
}

}  // namespace xcl::image
