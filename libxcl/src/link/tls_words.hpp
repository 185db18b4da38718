// SPDX-License-Identifier: BSD-3-Clause
// What OpenSSL says, in words for people.
#pragma once

#include <string>

#include "link/openssl.hpp"

namespace xcl::link {

// A problem and what to do about it, as Failure has them.
struct Words {
    std::string problem;
    std::string hint;
};

// OpenSSL's first error of this thread, whose queue is empty afterwards: 0 if there is none.
[[nodiscard]] unsigned long take_error();

// That error by OpenSSL's own name for it: "key values mismatch".
[[nodiscard]] std::string reason_of(unsigned long error);

// The names and addresses that a certificate is for: "two, 10.0.0.2". It may be a stranger's: what
// is no plain text is left out.
[[nodiscard]] std::string names_in(const X509& certificate);

// "2026-11-26 16:20:06 UTC".
[[nodiscard]] std::string moment_of(const ASN1_TIME& time);

// Why a certificate of the other side is not believed. `wanted`: the name that it has to have, for
// a client; `authority`: the file of those who may sign.
[[nodiscard]] Words why_not_believed(int verify_error, int depth, const X509* certificate,
                                     const std::string& wanted, const std::string& authority);

// Why a handshake or a connection failed, other than by a certificate of the other side.
// `certificate`: the file of this side's.
[[nodiscard]] Words why_failed(unsigned long error, const std::string& certificate);

}  // namespace xcl::link
