// SPDX-License-Identifier: BSD-3-Clause
// What a guest's UUID was before it was marked as in doubt.
#pragma once

#include "ports/store.hpp"
#include "xcl/domain_info.hpp"

namespace xcl::verbs {

// That of another toolstack's guest is in XenStore, where libxl notes it.
[[nodiscard]] Uuid uuid_without_doubt(Store& store, const DomainInfo& guest);

}  // namespace xcl::verbs
