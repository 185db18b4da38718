// SPDX-License-Identifier: BSD-3-Clause
// A vCPU's context in an image, as Xen's header lays it out.
#pragma once

#include <cstring>
#include <stdexcept>

#include <xenctrl.h>

#include "image_parts.hpp"

namespace xcl::test {

using Context = vcpu_guest_context_t;

[[nodiscard]] inline Context context_of(const ImageParts& parts) {
    const std::vector<std::byte>& bytes = parts.state.vcpus.front().context;
    Context context;
    if (bytes.size() != sizeof context)
        throw std::runtime_error("the image has a context of another size");
    std::memcpy(&context, bytes.data(), sizeof context);
    return context;
}

// Lets `edit` change the context of the first vCPU.
template <typename Edit>
void edit_context(ImageParts& parts, Edit edit) {
    Context context = context_of(parts);
    edit(context);
    std::memcpy(parts.state.vcpus.front().context.data(), &context, sizeof context);
}

// The PFN of its level 4 table.
[[nodiscard]] inline std::uint64_t top_table(const ImageParts& parts) {
    return xen_cr3_to_pfn(context_of(parts).ctrlreg[3]);
}

}  // namespace xcl::test
