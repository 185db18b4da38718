// SPDX-License-Identifier: BSD-3-Clause
// TlsLink: a Link over TLS.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "link/tls_context.hpp"
#include "link/tls_socket.hpp"
#include "xcl/error.hpp"

namespace xcl::link {

// One thread may read while another writes.
class TlsLink final : public Link {
  public:
    // A connected socket that does not block.
    TlsLink(std::shared_ptr<const TlsContext> context, Descriptor socket, std::string peer);
    TlsLink(const TlsLink&) = delete;
    TlsLink& operator=(const TlsLink&) = delete;
    ~TlsLink() override;

    // Throws Error unless the other side is by the deadline who it should be: for a client, `host`.
    void shake_hands(const std::string& host, Clock::time_point deadline);

    void write(std::span<const std::span<const std::byte>> parts) override;
    [[nodiscard]] std::size_t read(std::span<std::byte> into) override;
    void set_deadline(Clock::time_point deadline) override { deadline_ = deadline; }
    [[nodiscard]] const std::string& peer() const override { return peer_; }

  private:
    // How a call of OpenSSL ended: SSL_get_error's answer, and what this thread and the socket have
    // to say on it.
    struct Outcome {
        int result = SSL_ERROR_NONE;
        unsigned long error = 0;
        const char* call = "";
        int call_error = 0;
    };
    // The certificate that was not believed.
    struct Verdict {
        int error = X509_V_OK;
        int depth = 0;
        Own<X509> certificate;
    };

    static int on_certificate(int is_valid, X509_STORE_CTX* store);
    template <typename Call>
    [[nodiscard]] Outcome locked(const Call& call);
    void expect(const std::string& host);
    void wait(int result, const std::string& doing);
    void write_record(std::span<const std::byte> bytes);
    [[nodiscard]] Error failed(const Outcome& outcome, const std::string& doing) const;
    [[nodiscard]] Error not_let_in(const Outcome& outcome, const std::string& host,
                                   const std::string& doing) const;

    std::shared_ptr<const TlsContext> context_;
    TlsSocket socket_;
    Own<SSL> ssl_;
    std::mutex mutex_;  // of ssl_; nobody sleeps with it
    std::string peer_;
    std::atomic<Clock::time_point> deadline_ = Clock::time_point::max();
    Verdict verdict_;
    std::vector<std::byte> record_;  // parts of a write, until they fill one
    bool is_open_ = false;           // a goodbye can be said
};

}  // namespace xcl::link
