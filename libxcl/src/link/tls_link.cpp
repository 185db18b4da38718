// SPDX-License-Identifier: BSD-3-Clause
// Tries first and waits only where that would block.
#include "link/tls_link.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <poll.h>

#include "link/addresses.hpp"
#include "link/tls_words.hpp"
#include "link/waiting.hpp"

namespace xcl::link {
namespace {

constexpr std::size_t record_size = SSL3_RT_MAX_PLAIN_LENGTH;  // 16 KiB: RFC 8446, 5.1

constexpr const char* is_it_running = "is 'cosmos receive --listen' running there?";

}  // namespace

TlsLink::TlsLink(std::shared_ptr<const TlsContext> context, Descriptor socket, std::string peer)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      ssl_(SSL_new(context_->openssl.get())),
      peer_(std::move(peer)) {
    if (!ssl_)
        throw Error({.doing = "set up TLS", .problem = reason_of(take_error())});
    BIO* const bio = socket_.new_bio().release();
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_verify(ssl_.get(), SSL_CTX_get_verify_mode(context_->openssl.get()), on_certificate);
}

TlsLink::~TlsLink() {
    if (is_open_)
        SSL_shutdown(ssl_.get());  // tells the other side that nothing is missing
    ERR_clear_error();
}

// OpenSSL forgets the certificate that it did not believe.
int TlsLink::on_certificate(int is_valid, X509_STORE_CTX* store) {
    if (is_valid == 1)
        return 1;
    const auto* const ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    Verdict& verdict = static_cast<TlsLink*>(SSL_get_app_data(ssl))->verdict_;
    verdict.error = X509_STORE_CTX_get_error(store);
    verdict.depth = X509_STORE_CTX_get_error_depth(store);
    X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate != nullptr && X509_up_ref(certificate) == 1)
        verdict.certificate.reset(certificate);
    return 0;
}

// `call` returns what OpenSSL does: 1 for success.
template <typename Call>
TlsLink::Outcome TlsLink::locked(const Call& call) {
    const std::lock_guard lock(mutex_);
    ERR_clear_error();
    const int returned = call(*ssl_);
    if (returned == 1)
        return {};
    const int result = SSL_get_error(ssl_.get(), returned);
    return {.result = result,
            .error = take_error(),
            .call = socket_.call(),
            .call_error = socket_.error()};
}

void TlsLink::wait(int result, const std::string& doing) {
    const short events = result == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (!wait_for(socket_.get(), events, deadline_, peer_))
        throw Error({.doing = doing,
                     .problem = events == POLLIN ? "it has been silent for too long"
                                                 : "it has taken nothing for too long"});
}

void TlsLink::expect(const std::string& host) {
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl_.get());
    X509_VERIFY_PARAM_set_hostflags(
        rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const std::string address = without_scope(host);
    const int is_set = is_numeric(address) ? X509_VERIFY_PARAM_set1_ip_asc(rules, address.c_str())
                                           : X509_VERIFY_PARAM_set1_host(rules, host.c_str(), 0);
    // OpenSSL takes an empty name for none that is to be checked.
    if (is_set != 1 || host.empty())
        throw Error({.doing = fmt::format("connect to {}", peer_),
                     .problem = fmt::format("'{}' cannot be the name of a host", host)});
}

void TlsLink::shake_hands(const std::string& host, Clock::time_point deadline) {
    const bool is_client = context_->side == Side::client;
    const std::string doing =
        fmt::format("{} {} (TLS handshake)", is_client ? "connect to" : "admit", peer_);
    deadline_ = deadline;
    if (is_client)
        expect(host);
    for (;;) {
        const Outcome outcome =
            locked([&](SSL& ssl) { return is_client ? SSL_connect(&ssl) : SSL_accept(&ssl); });
        if (outcome.result == SSL_ERROR_NONE)
            break;
        if (outcome.result != SSL_ERROR_WANT_READ && outcome.result != SSL_ERROR_WANT_WRITE)
            throw not_let_in(outcome, host, doing);
        wait(outcome.result, doing);
    }
    SSL_set_read_ahead(ssl_.get(), 1);
    is_open_ = true;
    deadline_ = Clock::time_point::max();
}

Error TlsLink::not_let_in(const Outcome& outcome, const std::string& host,
                          const std::string& doing) const {
    if (verdict_.error == X509_V_OK)
        return failed(outcome, doing);
    Words words = why_not_believed(verdict_.error, verdict_.depth, verdict_.certificate.get(), host,
                                   context_->files.authority);
    return Error(
        {.doing = doing, .problem = std::move(words.problem), .hint = std::move(words.hint)});
}

Error TlsLink::failed(const Outcome& outcome, const std::string& doing) const {
    if (outcome.result == SSL_ERROR_SYSCALL && outcome.call_error != 0)
        return Error({.doing = doing, .call = outcome.call, .error = outcome.call_error});
    if (outcome.result == SSL_ERROR_SYSCALL || outcome.result == SSL_ERROR_ZERO_RETURN)
        return Error({.doing = doing,
                      .problem = "it has closed the connection half way",
                      .hint = context_->side == Side::client ? is_it_running : ""});
    Words words = why_failed(outcome.error, context_->files.certificate);
    return Error(
        {.doing = doing, .problem = std::move(words.problem), .hint = std::move(words.hint)});
}

void TlsLink::write(std::span<const std::span<const std::byte>> parts) {
    record_.clear();
    for (std::span<const std::byte> part : parts)
        while (!part.empty()) {
            if (record_.empty() && part.size() >= record_size) {
                const std::size_t whole = part.size() - part.size() % record_size;
                write_record(part.first(whole));
                part = part.subspan(whole);
                continue;
            }
            const auto now = part.first(std::min(part.size(), record_size - record_.size()));
            record_.insert(record_.end(), now.begin(), now.end());
            part = part.subspan(now.size());
            if (record_.size() == record_size) {
                write_record(record_);
                record_.clear();
            }
        }
    write_record(record_);
}

// One, or several full ones.
void TlsLink::write_record(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        std::size_t written = 0;
        Outcome outcome = locked(
            [&](SSL& ssl) { return SSL_write_ex(&ssl, bytes.data(), bytes.size(), &written); });
        bytes = bytes.subspan(written);
        if (outcome.result == SSL_ERROR_NONE)
            continue;
        const std::string doing = fmt::format("send to {}", peer_);
        if (outcome.result == SSL_ERROR_WANT_READ || outcome.result == SSL_ERROR_WANT_WRITE) {
            wait(outcome.result, doing);
            continue;
        }
        is_open_ = false;
        // A server that refuses the certificate says so and closes: that is what to tell.
        if (outcome.result == SSL_ERROR_SYSCALL) {
            std::byte unread{};
            const Outcome last = locked([&](SSL& ssl) {
                std::size_t count = 0;
                return SSL_peek_ex(&ssl, &unread, sizeof unread, &count);
            });
            if (last.result == SSL_ERROR_SSL)
                outcome = last;
        }
        throw failed(outcome, doing);
    }
}

std::size_t TlsLink::read(std::span<std::byte> into) {
    for (;;) {
        std::size_t count = 0;
        const Outcome outcome =
            locked([&](SSL& ssl) { return SSL_read_ex(&ssl, into.data(), into.size(), &count); });
        if (outcome.result == SSL_ERROR_NONE)
            return count;
        if (outcome.result == SSL_ERROR_ZERO_RETURN)
            return 0;
        const std::string doing = fmt::format("receive from {}", peer_);
        if (outcome.result != SSL_ERROR_WANT_READ && outcome.result != SSL_ERROR_WANT_WRITE) {
            is_open_ = false;
            throw failed(outcome, doing);
        }
        wait(outcome.result, doing);
    }
}

}  // namespace xcl::link
