// SPDX-License-Identifier: BSD-3-Clause
// Puts a batch of pages from an image into a domain's memory.
#pragma once

#include "image/reader.hpp"
#include "ports/hypervisor.hpp"

namespace xcl::verbs {

// But for the pages that it refers to. Later contents win, so pages that became zero are written
// too.
void write(RestoredMemory& memory, const image::PageBatch& batch);

}  // namespace xcl::verbs
