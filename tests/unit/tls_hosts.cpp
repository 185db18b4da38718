// SPDX-License-Identifier: BSD-3-Clause
#include "tls_hosts.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace xcl::test {
namespace {

void check(bool is_good, const char* call) {
    if (!is_good)
        throw std::system_error(errno, std::generic_category(), call);
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "xcl-tls-XXXXXX";
    check(mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, std::string_view content) {
    std::ofstream(path) << content;
}

void write_secret(const std::string& path, std::string_view content) {
    write_file(path, content);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
}

std::string read_file(const std::string& path) {
    std::ostringstream content;
    content << std::ifstream(path).rdbuf();
    return content.str();
}

link::Validity valid_between(std::int64_t from, std::int64_t to) {
    const std::time_t now = std::time(nullptr);
    return {.from = now + from, .to = now + to};
}

Certificates Authority::host(const std::vector<std::string>& names,
                             const link::Validity& validity) {
    const std::string directory = files_ / std::to_string(++hosts_);
    std::filesystem::create_directory(directory);
    const link::Identity made = link::new_host(identity_, names, validity);
    const Certificates files = certificates_in(directory);
    write_file(files.authority, link::pem_of(*identity_.certificate));
    write_file(files.certificate, link::pem_of(*made.certificate));
    write_secret(files.key, link::pem_of(*made.key));
    return files;
}

Link::Clock::time_point in(std::chrono::milliseconds time) {
    return Link::Clock::now() + time;
}

std::uint16_t port_of(const Listener& listener) {
    const std::string& address = listener.address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

std::future<std::unique_ptr<Link>> admit_next(Listener& listener,
                                              std::chrono::milliseconds patience) {
    return std::async(std::launch::async, [&listener, patience] {
        const std::unique_ptr<Listener::Caller> caller = listener.accept();
        if (!caller)
            throw std::runtime_error("the listener was stopped");
        return caller->admit(in(patience));
    });
}

Descriptor tcp_client(std::uint16_t port, int flags) {
    Descriptor made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    const sockaddr_in there = loopback(port);
    const int result = connect(made.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there);
    check(result == 0 || errno == EINPROGRESS, "connect");
    return made;
}

TcpServer::TcpServer(int backlog) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in here = loopback(0);
    socklen_t size = sizeof here;
    auto* const address = reinterpret_cast<sockaddr*>(&here);
    check(bind(socket_.get(), address, size) == 0, "bind");
    check(listen(socket_.get(), backlog) == 0, "listen");
    check(getsockname(socket_.get(), address, &size) == 0, "getsockname");
    port_ = ntohs(here.sin_port);
}

Descriptor TcpServer::accept() const {
    return Descriptor(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

Stranger::Stranger(Role role, Descriptor socket, const Certificates* certificates, int version)
    : socket_(std::move(socket)), context_(SSL_CTX_new(TLS_method())), role_(role) {
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    if (role == Role::server)
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    if (certificates != nullptr) {
        const bool is_good = SSL_CTX_use_certificate_chain_file(
                                 context_.get(), certificates->certificate.c_str()) == 1 &&
                             SSL_CTX_use_PrivateKey_file(context_.get(), certificates->key.c_str(),
                                                         SSL_FILETYPE_PEM) == 1;
        check(is_good, "SSL_CTX_use_certificate");
    }
    constexpr timeval patience{.tv_sec = 2, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.get());
}

bool Stranger::shake_hands() {
    ERR_clear_error();
    return (role_ == Role::client ? SSL_connect(ssl_.get()) : SSL_accept(ssl_.get())) == 1;
}

bool Stranger::write(std::string_view text) {
    ERR_clear_error();
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) > 0;
}

int Stranger::read(std::span<std::byte> into) {
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
    if (count > 0)
        return count;
    return SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

}  // namespace xcl::test
