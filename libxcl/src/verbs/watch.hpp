// SPDX-License-Identifier: BSD-3-Clause
// Watch: a XenStore watch that ends with its scope.
#pragma once

#include <string>

#include "ports/store.hpp"

namespace xcl::verbs {

class Watch {
  public:
    Watch(Store& store, std::string path) : store_(store), path_(std::move(path)) {
        store_.watch(path_, token);
    }
    ~Watch() {
        try {
            store_.unwatch(path_, token);
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the daemon is gone
        }
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    static constexpr std::string_view token = "xcl";

    Store& store_;
    std::string path_;
};

}  // namespace xcl::verbs
