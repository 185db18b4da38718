// SPDX-License-Identifier: BSD-3-Clause
// Error: the one exception libxcl throws, with what was being done, to which domain, which call
// failed and why.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "xcl/domain_id.hpp"

namespace xcl {

// What a program can do about an error. The command line's exit statuses follow from it.
enum class ErrorKind {
    failed,         // something that should work did not
    bad_config,     // the text of a guest config, or a value in it, is wrong
    no_such_guest,  // no domain has this id (or name)
    no_xen,         // this machine is not the control domain of a Xen host
};

// The parts of an error; the unused ones stay empty.
struct Failure {
    ErrorKind kind = ErrorKind::failed;
    std::optional<DomainId> domain = {};  // the guest concerned
    std::string doing = {};               // "build the guest's memory"; completes "cannot …"
    std::string call = {};     // the failing call, as its manual names it: "XS_INTRODUCE"
    int error = 0;             // its errno, 0 if it has none
    std::string problem = {};  // instead of call and errno: a whole clause, "it is not ELF"
    std::string hint = {};     // what to do next, a sentence without its full stop
};

class Error : public std::exception {
  public:
    explicit Error(Failure failure);

    // One line: "domain 5: cannot build the guest's memory: XENMEM_populate_physmap: Cannot
    // allocate memory". The hint is not part of it.
    [[nodiscard]] const char* what() const noexcept override { return line_.c_str(); }

    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
    [[nodiscard]] ErrorKind kind() const noexcept { return failure_.kind; }

  private:
    Failure failure_;
    std::string line_;
};

}  // namespace xcl
