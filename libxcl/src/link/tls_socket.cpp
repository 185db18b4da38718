// SPDX-License-Identifier: BSD-3-Clause
// Stands between OpenSSL and a socket: no SIGPIPE, and nothing lost at the end.
#include "link/tls_socket.hpp"

#include <array>
#include <cerrno>
#include <new>

#include <sys/socket.h>

namespace xcl::link {
namespace {

TlsSocket& socket_of(BIO* bio) {
    return *static_cast<TlsSocket*>(BIO_get_data(bio));
}

int read_bio(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const int count = socket_of(bio).read(into, size);
    if (count < 0 && socket_of(bio).error() == EAGAIN)
        BIO_set_retry_read(bio);
    return count;
}

int write_bio(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const int count = socket_of(bio).write(from, size);
    if (count < 0 && socket_of(bio).error() == EAGAIN)
        BIO_set_retry_write(bio);
    return count;
}

long control_bio(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is held back; nothing else is supported
}

struct FreeMethod {
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, FreeMethod> made([] {
        BIO_METHOD* const fresh =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "TlsSocket");
        if (fresh == nullptr)
            throw std::bad_alloc();
        BIO_meth_set_read(fresh, read_bio);
        BIO_meth_set_write(fresh, write_bio);
        BIO_meth_set_ctrl(fresh, control_bio);
        return fresh;
    }());
    return made.get();
}

}  // namespace

// close(2) with bytes unread would reset the connection, and what was sent could be lost.
TlsSocket::~TlsSocket() {
    if (!socket_.is_open())
        return;
    shutdown(socket_.get(), SHUT_WR);
    constexpr int most_reads = 64;  // a stranger could send for ever
    std::array<char, 16384> unread{};
    for (int i = 0; i < most_reads && recv(socket_.get(), unread.data(), unread.size(), 0) > 0; ++i)
        ;
}

Own<BIO> TlsSocket::new_bio() {
    Own<BIO> bio(BIO_new(method()));
    if (!bio)
        throw std::bad_alloc();
    BIO_set_data(bio.get(), this);
    BIO_set_init(bio.get(), 1);
    return bio;
}

int TlsSocket::result(const char* call, long count) {
    call_ = call;
    error_ = count < 0 ? errno : 0;
    return static_cast<int>(count);
}

int TlsSocket::read(char* into, int size) {
    for (;;) {
        const ssize_t count = recv(socket_.get(), into, static_cast<std::size_t>(size), 0);
        if (count >= 0 || errno != EINTR)
            return result("recv", count);
    }
}

int TlsSocket::write(const char* from, int size) {
    for (;;) {
        const ssize_t count =
            send(socket_.get(), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (count >= 0 || errno != EINTR)
            return result("send", count);
    }
}

}  // namespace xcl::link
