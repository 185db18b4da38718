// SPDX-License-Identifier: BSD-3-Clause
// What a guest may be called.
#pragma once

#include <string>
#include <string_view>

namespace xcl::config {

// What a name has to be and this one is not, as it follows "a name": "without '/'". Empty if the
// name is fine. A name is a node's value in XenStore and a word in listings.
[[nodiscard]] std::string fault_of_name(std::string_view name);

}  // namespace xcl::config
