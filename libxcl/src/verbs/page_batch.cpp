// SPDX-License-Identifier: BSD-3-Clause
// Contents first, then the pages that have none.
#include "verbs/page_batch.hpp"

#include <array>

namespace xcl::verbs {

void write(RestoredMemory& memory, const image::PageBatch& batch) {
    static constexpr std::array<std::byte, image::page_size> zero{};
    if (!batch.pages.empty())
        memory.write(batch.pages, batch.contents);
    for (const image::PageId& page : image::to_pages(batch.zeroed))
        memory.write({&page, 1}, zero);
}

}  // namespace xcl::verbs
