// SPDX-License-Identifier: BSD-3-Clause
// What an image holds, for people: it is read whole, so what is told is also found in order.
#include <set>
#include <utility>

#include "image/file.hpp"
#include "image/format.hpp"
#include "image/reader.hpp"
#include "xcl/image.hpp"

namespace xcl {
namespace {

// Pages whose last contents are not zero. Of a guest that ran meanwhile a page may be there twice.
std::uint64_t pages_with_contents(const image::WholeImage& whole) {
    if (whole.form == image::MemoryForm::pages)
        return whole.contents;
    std::set<std::uint64_t> pfns;
    for (const image::PageBatch& batch : whole.batches) {
        for (const image::PageId& page : batch.pages)
            pfns.insert(page.pfn);
        for (const image::PageRun& run : batch.zeroed.runs)
            pfns.erase(pfns.lower_bound(run.first.pfn), pfns.lower_bound(run.end()));
    }
    return pfns.size();
}

}  // namespace

ImageInfo read_image_info(const std::string& path) {
    const image::MappedFile file(path);
    image::WholeImage whole = image::read_whole(file.bytes(), path);
    const bool by_libxenguest = whole.form == image::MemoryForm::libxenguest;
    return {
        .version = image::format_version,
        .name = std::move(whole.guest.config.name),
        .memory_kib = whole.guest.memory_pages * image::page_size / 1024,
        .pages = whole.guest.memory_pages,
        .zero_pages = by_libxenguest ? 0 : whole.guest.memory_pages - pages_with_contents(whole),
        .by_libxenguest = by_libxenguest,
        .bytes = whole.bytes,
        .vcpus = whole.guest.config.vcpus,
        .vifs = std::move(whole.guest.config.vifs),
        .store_entries = whole.guest.store.size()};
}

}  // namespace xcl
