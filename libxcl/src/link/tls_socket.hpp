// SPDX-License-Identifier: BSD-3-Clause
// TlsSocket: a TCP socket as OpenSSL reads and writes it.
#pragma once

#include "core/descriptor.hpp"
#include "link/openssl.hpp"

namespace xcl::link {

// OpenSSL's own does not suppress SIGPIPE, and forgets how a call failed.
class TlsSocket {
  public:
    // The socket must not block.
    explicit TlsSocket(Descriptor socket) : socket_(std::move(socket)) {}
    TlsSocket(const TlsSocket&) = delete;
    TlsSocket& operator=(const TlsSocket&) = delete;
    // What was sent still arrives, although nobody reads any more what the other side sends.
    ~TlsSocket();

    [[nodiscard]] int get() const { return socket_.get(); }

    // The call that failed last and its errno.
    [[nodiscard]] const char* call() const { return call_; }
    [[nodiscard]] int error() const { return error_; }

    // It must not outlive this.
    [[nodiscard]] Own<BIO> new_bio();

    // For the BIO.
    int read(char* into, int size);
    int write(const char* from, int size);

  private:
    int result(const char* call, long count);

    Descriptor socket_;
    const char* call_ = "";
    int error_ = 0;
};

}  // namespace xcl::link
