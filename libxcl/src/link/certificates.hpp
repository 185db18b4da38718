// SPDX-License-Identifier: BSD-3-Clause
// Certificates and keys that are made here, in memory.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "link/openssl.hpp"

namespace xcl::link {

struct Identity {
    Own<X509> certificate;
    Own<EVP_PKEY> key;
};

// Seconds since 1970.
struct Validity {
    std::time_t from = 0;
    std::time_t to = 0;
};

// From an hour ago, for the clocks of two hosts may differ. Throws Error if that is no number of
// days that a certificate can be valid.
[[nodiscard]] Validity valid_for_days(unsigned days);

// Signs certificates of hosts and nothing else. All of these throw Error.
[[nodiscard]] Identity new_authority(const Validity& validity);

// `names`: at least one name or numeric address. Never valid for longer than the authority is.
[[nodiscard]] Identity new_host(const Identity& authority, const std::vector<std::string>& names,
                                const Validity& validity);

// Reads an authority from the texts of its files and checks that it can sign.
[[nodiscard]] Identity authority_of(const std::string& certificate, const std::string& key);

// PEM.
[[nodiscard]] std::string pem_of(const X509& certificate);
[[nodiscard]] std::string pem_of(const EVP_PKEY& key);

}  // namespace xcl::link
