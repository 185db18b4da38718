// SPDX-License-Identifier: BSD-3-Clause
// NameLock: a name that one process of this machine has at a time. It leaves nothing on disk and
// goes with the process, however that ends.
#pragma once

#include <optional>
#include <string>

#include "core/descriptor.hpp"

namespace xcl {

// The name is taken until the Descriptor is closed; nothing if another has it. Throws Error.
[[nodiscard]] std::optional<Descriptor> take_name(const std::string& name);

}  // namespace xcl
