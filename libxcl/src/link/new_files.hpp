// SPDX-License-Identifier: BSD-3-Clause
// NewFiles: files of a directory that are made together, or not at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace xcl::link {

class NewFiles {
  public:
    explicit NewFiles(std::string directory) : directory_(std::move(directory)) {}
    NewFiles(const NewFiles&) = delete;
    NewFiles& operator=(const NewFiles&) = delete;
    // Removes them again, unless they were kept.
    ~NewFiles();

    // Whole, on disk and with this mode before it has its name. Throws Error: if there is one of
    // that name, which stays as it is, or if it cannot be written.
    void add(const std::string& name, std::string_view content, mode_t mode);

    void keep();

  private:
    std::string directory_;
    std::vector<std::string> made_;  // paths
};

}  // namespace xcl::link
