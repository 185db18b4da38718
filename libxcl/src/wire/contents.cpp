// SPDX-License-Identifier: BSD-3-Clause
// Lays kernels out as a guest's memory has them, and finds pages by their checksum.
#include "wire/contents.hpp"

#include <algorithm>
#include <filesystem>

#include "image/zero.hpp"
#include "kernel/bzimage.hpp"
#include "kernel/compress.hpp"
#include "kernel/file.hpp"
#include "kernel/image.hpp"
#include "xcl/error.hpp"

namespace xcl::wire {
namespace {

using image::page_size;

// Beyond that a kernel is no longer small, and reading them all would take longer than sending.
constexpr std::size_t largest_kernel = std::size_t{16} << 20;
constexpr std::size_t most_kernels = 64;

// What lies from the kernel's first page to its last when it is built.
std::vector<std::byte> laid_out(const kernel::KernelImage& kernel) {
    std::vector<std::byte> memory(kernel.end - kernel.start);
    for (const kernel::Segment& segment : kernel.segments)
        std::ranges::copy(segment.bytes, memory.begin() + static_cast<std::ptrdiff_t>(
                                                              segment.address - kernel.start));
    return memory;
}

}  // namespace

void KernelPages::add_kernel(const std::string& path) {
    std::vector<std::byte> file =
        kernel::read_file(path, largest_kernel, kernel::Origin("kernel", path));
    if (kernel::is_bzimage(file) || kernel::packing_of(file) != kernel::Packing::none)
        return;
    const kernel::KernelImage kernel = kernel::parse_kernel(std::move(file), path, largest_kernel);
    if (kernel.end - kernel.start > largest_kernel)
        return;
    const std::vector<std::byte>& memory = kernels_.emplace_back(laid_out(kernel));
    for (std::size_t at = 0; at < memory.size(); at += page_size) {
        const image::Bytes page = image::Bytes(memory).subspan(at, page_size);
        if (!image::is_zero(page))
            places_.emplace(image::checksum_of(page), page.data());
    }
}

void KernelPages::add_directory(const std::string& directory) {
    std::error_code error;
    for (std::filesystem::directory_iterator file(directory, error), end;
         !error && file != end && kernels_.size() < most_kernels; file.increment(error)) {
        if (!file->is_regular_file(error))
            continue;
        try {
            add_kernel(file->path().string());
        } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it is no kernel
        }
    }
}

image::Bytes KernelPages::find(const image::Checksum& contents) const {
    const auto found = places_.find(contents);
    return found == places_.end() ? image::Bytes() : image::Bytes(found->second, page_size);
}

void KeptContents::keep(image::Bytes page) {
    if (pages_.size() == most_kept)
        return;
    const auto [place, is_new] = places_.try_emplace(image::checksum_of(page), nullptr);
    if (!is_new)
        return;
    Page& kept = pages_.emplace_back();
    std::ranges::copy(page, kept.begin());
    place->second = &kept;
}

image::Bytes KeptContents::find(const image::Checksum& contents) const {
    const auto found = places_.find(contents);
    return found == places_.end() ? kernels_.find(contents) : image::Bytes(*found->second);
}

}  // namespace xcl::wire
