// SPDX-License-Identifier: BSD-3-Clause
// Says of each file what is wrong with it, before anybody is talked to.
#include "link/tls_context.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pemerr.h>
#include <openssl/x509err.h>
#include <sys/stat.h>

#include "core/descriptor.hpp"
#include "link/tls_words.hpp"
#include "xcl/error.hpp"

namespace xcl::link {
namespace {

constexpr const char* how_to_make =
    "'cosmos receive --make-certs DIR' makes ca.pem, host.pem and host.key";

// OpenSSL tells a file that is not there from one that makes no sense in words of its own.
void check_readable(const std::string& doing, const std::string& path) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open())
        throw Error({.doing = doing,
                     .call = "open",
                     .error = errno,
                     .hint = errno == ENOENT ? how_to_make : ""});
}

// Who reads a host's key can speak in its name: take guests from others, and give them away.
void check_is_secret(const std::string& doing, const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        throw Error({.doing = doing, .call = "stat", .error = errno});
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        throw Error(
            {.doing = doing,
             .problem = fmt::format("it is open to others (mode {:o})", status.st_mode & 07777U),
             .hint = fmt::format("'chmod 600 {}' closes it to them", path)});
}

[[noreturn]] void throw_bad_file(const std::string& doing, const char* content) {
    const unsigned long error = take_error();
    const auto is = [error](int library, int reason) {
        return ERR_GET_LIB(error) == library && ERR_GET_REASON(error) == reason;
    };
    if (is(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH) || is(ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH))
        throw Error({.doing = doing,
                     .problem = "it is not the key of the certificate",
                     .hint = "host.pem and host.key belong together"});
    if (is(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ) ||
        ERR_GET_REASON(error) == ERR_R_INTERRUPTED_OR_CANCELLED)
        throw Error({.doing = doing,
                     .problem = "it is encrypted",
                     .hint = "'openssl pkey' writes it without a password"});
    if (error == 0 || is(ERR_LIB_PEM, PEM_R_NO_START_LINE) || ERR_GET_LIB(error) == ERR_LIB_X509 ||
        ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER)
        throw Error({.doing = doing,
                     .problem = fmt::format("there is no {} in PEM form in it", content),
                     .hint = how_to_make});
    throw Error({.doing = doing, .problem = reason_of(error)});
}

void load_authority(SSL_CTX& context, const std::string& path) {
    const std::string doing = fmt::format("read the authority's certificates in {}", path);
    check_readable(doing, path);
    if (SSL_CTX_load_verify_file(&context, path.c_str()) != 1)
        throw_bad_file(doing, "certificate");
}

void load_certificate(SSL_CTX& context, const std::string& path) {
    const std::string doing = fmt::format("read this host's certificate in {}", path);
    check_readable(doing, path);
    if (SSL_CTX_use_certificate_chain_file(&context, path.c_str()) != 1)
        throw_bad_file(doing, "certificate");
    const ASN1_TIME& end = *X509_get0_notAfter(SSL_CTX_get0_certificate(&context));
    if (X509_cmp_current_time(&end) < 0)
        throw Error({.doing = fmt::format("use this host's certificate in {}", path),
                     .problem = fmt::format("it expired at {}", moment_of(end)),
                     .hint = "remove it and its key and run 'cosmos receive --make-certs'"});
}

void load_key(SSL_CTX& context, const std::string& path) {
    const std::string doing = fmt::format("read this host's key in {}", path);
    check_readable(doing, path);
    check_is_secret(doing, path);
    if (SSL_CTX_use_PrivateKey_file(&context, path.c_str(), SSL_FILETYPE_PEM) != 1)
        throw_bad_file(doing, "private key");
}

void set_rules(SSL_CTX& context, Side side) {
    // Several records for one recv.
    constexpr std::size_t read_at_once = std::size_t{64} << 10;
    SSL_CTX_set_options(&context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
    // What links a certificate to the authority is in its own file; those who believe it have the
    // authority's.
    SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_default_read_buffer_len(&context, read_at_once);
    SSL_CTX_set_default_passwd_cb(&context, no_password);
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const bool is_set =
        SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(&context, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_num_tickets(&context, 0) == 1 &&
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context), X509_V_FLAG_X509_STRICT) == 1 &&
        SSL_CTX_set_purpose(&context, side == Side::client ? X509_PURPOSE_SSL_SERVER
                                                           : X509_PURPOSE_SSL_CLIENT) == 1;
    if (!is_set)
        throw Error({.doing = "set up TLS", .problem = reason_of(take_error())});
}

}  // namespace

void start_openssl() {
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1)
        throw Error({.doing = "start OpenSSL", .problem = reason_of(take_error())});
    ERR_clear_error();
}

std::shared_ptr<const TlsContext> new_tls_context(Side side, const Certificates& files) {
    start_openssl();
    Own<SSL_CTX> context(
        SSL_CTX_new(side == Side::client ? TLS_client_method() : TLS_server_method()));
    if (!context)
        throw Error({.doing = "set up TLS", .problem = reason_of(take_error())});
    set_rules(*context, side);
    load_authority(*context, files.authority);
    load_certificate(*context, files.certificate);
    load_key(*context, files.key);
    return std::make_shared<const TlsContext>(TlsContext{std::move(context), files, side});
}

}  // namespace xcl::link
