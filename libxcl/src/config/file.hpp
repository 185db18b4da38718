// SPDX-License-Identifier: BSD-3-Clause
// The text of a config file.
#pragma once

#include <string>

namespace xcl::config {

// All of the regular file at `path`, at most max_config_bytes. Never waits: a FIFO, a device or a
// directory is refused. Throws Error: bad_config for such a file or one too long, failed (with
// errno) where the system refuses.
[[nodiscard]] std::string read_text(const std::string& path);

}  // namespace xcl::config
