// SPDX-License-Identifier: BSD-3-Clause
// TlsContext: who this host is and whom it believes, ready for any number of connections.
#pragma once

#include <memory>

#include "link/openssl.hpp"
#include "xcl/link.hpp"

namespace xcl::link {

enum class Side { client, server };

struct TlsContext {
    Own<SSL_CTX> openssl;
    Certificates files;
    Side side;
};

// Reads the files. TLS 1.3 alone, both sides with certificates, nothing resumed. Throws Error.
[[nodiscard]] std::shared_ptr<const TlsContext> new_tls_context(Side side,
                                                                const Certificates& files);

// OpenSSL without the host's configuration file, which could load modules and allow other versions.
// Before anything else of OpenSSL is used.
void start_openssl();

}  // namespace xcl::link
