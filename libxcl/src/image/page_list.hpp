// SPDX-License-Identifier: BSD-3-Clause
// Questions to a list of pages that is kept as runs. Those of a list are ascending.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "image/guest_image.hpp"

namespace xcl::image {

// Whether the run grows by this page.
[[nodiscard]] bool continues(const PageRun& run, const PageId& page);

void append_pages(const PageRun& run, std::vector<PageId>& pages);

// The run that a page lies in; nothing if it is not in the list.
[[nodiscard]] const PageRun* run_of(const PageList& list, std::uint64_t pfn);

// The first of these pages that is not in the list; nothing if all are. `alike`: with the same type
// and pin, too.
[[nodiscard]] std::optional<std::uint64_t> first_missing(const PageList& list, const PageRun& pages,
                                                         bool alike);

// Whether they are the same pages, types and pins aside.
[[nodiscard]] bool same_pfns(const PageList& one, const PageList& other);

}  // namespace xcl::image
