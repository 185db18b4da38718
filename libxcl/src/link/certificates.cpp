// SPDX-License-Identifier: BSD-3-Clause
// RFC 5280: what each extension is for.
#include "link/certificates.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "link/addresses.hpp"
#include "link/tls_context.hpp"
#include "link/tls_words.hpp"
#include "xcl/error.hpp"

namespace xcl::link {
namespace {

constexpr std::size_t longest_common_name = 64;  // RFC 5280, ub-common-name
constexpr std::size_t longest_host_name = 253;   // RFC 1035
constexpr std::time_t day = std::time_t{24} * 60 * 60;

void check(bool is_good, const char* doing) {
    if (!is_good)
        throw Error({.doing = doing, .problem = reason_of(take_error())});
}

Own<EVP_PKEY> new_key() {
    Own<EVP_PKEY> key(EVP_EC_gen("P-256"));
    check(key != nullptr, "make a key");
    return key;
}

// Positive and of 16 bytes in DER, which nobody can guess.
std::array<unsigned char, 16> random_serial() {
    std::array<unsigned char, 16> bytes{};
    check(RAND_bytes(bytes.data(), bytes.size()) == 1, "draw a serial number");
    return bytes;
}

void set_serial(X509& certificate, const std::array<unsigned char, 16>& bytes) {
    BIGNUM* const number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
    const bool is_set =
        number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate));
    BN_free(number);
    check(is_set, "set a serial number");
}

void add_to_name(X509_NAME* name, const char* field, const std::string& value) {
    check(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0) == 1,
          "name a certificate");
}

// `text` in the language of OpenSSL's configuration; nothing of a caller's.
void add_extension(X509& certificate, const X509& issuer, int kind, const char* text) {
    X509V3_CTX context{};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, const_cast<X509*>(&issuer), &certificate, nullptr, nullptr, 0);
    const Own<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, text));
    check(extension && X509_add_ext(&certificate, extension.get(), -1) == 1,
          "add an extension to a certificate");
}

// Version 3, with a random serial number; the rest is the caller's.
Own<X509> new_certificate(EVP_PKEY& key, const Validity& validity,
                          const std::array<unsigned char, 16>& serial) {
    Own<X509> certificate(X509_new());
    check(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
              X509_set_pubkey(certificate.get(), &key) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.from) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.to) != nullptr,
          "make a certificate");
    set_serial(*certificate, serial);
    return certificate;
}

void sign(X509& certificate, EVP_PKEY& key) {
    check(X509_sign(&certificate, &key, EVP_sha256()) != 0, "sign a certificate");
}

// No wildcards: such a certificate would be that of other hosts too.
void check_host_name(const std::string& name) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    if (name.empty() || name.size() > longest_host_name || name.front() == '.' ||
        name.front() == '-' || !std::ranges::all_of(name, is_allowed))
        throw Error({.doing = "make a certificate",
                     .problem = fmt::format("'{}' is neither a host's name nor its address", name),
                     .hint = "a name has letters, digits, '-', '_' and '.'"});
}

Own<GENERAL_NAME> alternative_name(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    int size = 0;
    if (inet_pton(AF_INET, name.c_str(), address.data()) == 1)
        size = sizeof(in_addr);
    else if (inet_pton(AF_INET6, name.c_str(), address.data()) == 1)
        size = sizeof(in6_addr);
    else
        check_host_name(name);
    const bool is_address = size > 0;
    Own<GENERAL_NAME> result(GENERAL_NAME_new());
    ASN1_STRING* const value =
        ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    check(result && value != nullptr, "make a certificate");
    GENERAL_NAME_set0_value(result.get(), is_address ? GEN_IPADD : GEN_DNS, value);
    check(
        ASN1_STRING_set(value, is_address ? static_cast<const void*>(address.data()) : name.data(),
                        is_address ? size : static_cast<int>(name.size())) == 1,
        "make a certificate");
    return result;
}

void add_names(X509& certificate, const std::vector<std::string>& names) {
    const Own<GENERAL_NAMES> list(GENERAL_NAMES_new());
    check(list != nullptr, "make a certificate");
    for (const std::string& name : names) {
        Own<GENERAL_NAME> one = alternative_name(name);
        check(sk_GENERAL_NAME_push(list.get(), one.get()) > 0, "make a certificate");
        static_cast<void>(one.release());
    }
    check(X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list.get(), 0, 0) == 1,
          "name a certificate");
}

Own<BIO> bio_of(const std::string& text) {
    Own<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    check(bio != nullptr, "read PEM");
    return bio;
}

template <typename Write>
std::string text_by(const Write& write) {
    const Own<BIO> bio(BIO_new(BIO_s_mem()));
    check(bio && write(bio.get()) == 1, "write PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    std::string text(data, static_cast<std::size_t>(size));
    OPENSSL_cleanse(data, static_cast<std::size_t>(size));
    return text;
}

}  // namespace

Validity valid_for_days(unsigned days) {
    constexpr unsigned most = 36500;  // a century: years have four digits in a certificate
    constexpr std::time_t hour = std::time_t{60} * 60;
    if (days == 0 || days > most)
        throw Error({.doing = "make a certificate",
                     .problem = fmt::format("{} days: it can be valid for 1 to {}", days, most)});
    const std::time_t now = std::time(nullptr);
    return {.from = now - hour, .to = now + days * day};
}

Identity new_authority(const Validity& validity) {
    start_openssl();
    Identity made{.certificate = {}, .key = new_key()};
    const auto serial = random_serial();
    made.certificate = new_certificate(*made.key, validity, serial);
    X509& certificate = *made.certificate;
    // Authorities of two directories must not be taken for each other.
    X509_NAME* const name = X509_get_subject_name(&certificate);
    add_to_name(name, "O", "cosmos");
    add_to_name(name, "CN",
                fmt::format("cosmos authority {:02x}{:02x}{:02x}{:02x}", serial[0], serial[1],
                            serial[2], serial[3]));
    check(X509_set_issuer_name(&certificate, name) == 1, "name a certificate");
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
    add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
    sign(certificate, *made.key);
    return made;
}

Identity new_host(const Identity& authority, const std::vector<std::string>& names,
                  const Validity& validity) {
    start_openssl();
    if (names.empty())
        throw Error({.doing = "make a certificate", .problem = "it is for no name"});
    Identity made{.certificate = {}, .key = new_key()};
    made.certificate = new_certificate(*made.key, validity, random_serial());
    X509& certificate = *made.certificate;
    X509& issuer = *authority.certificate;
    if (ASN1_TIME_compare(X509_get0_notAfter(&certificate), X509_get0_notAfter(&issuer)) > 0)
        check(X509_set1_notAfter(&certificate, X509_get0_notAfter(&issuer)) == 1,
              "make a certificate");
    X509_NAME* const name = X509_get_subject_name(&certificate);
    add_to_name(name, "O", "cosmos");
    add_names(certificate, names);  // checks them
    if (names.front().size() <= longest_common_name)
        add_to_name(name, "CN", names.front());
    check(X509_set_issuer_name(&certificate, X509_get_subject_name(&issuer)) == 1,
          "name a certificate");
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature");
    add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
    sign(certificate, *authority.key);
    return made;
}

Identity authority_of(const std::string& certificate, const std::string& key) {
    start_openssl();
    constexpr const char* doing = "use the authority that is there";
    Identity found{.certificate = Own<X509>(
                       PEM_read_bio_X509(bio_of(certificate).get(), nullptr, no_password, nullptr)),
                   .key = Own<EVP_PKEY>(
                       PEM_read_bio_PrivateKey(bio_of(key).get(), nullptr, no_password, nullptr))};
    ERR_clear_error();
    const auto refuse = [](const char* problem, const char* hint) {
        throw Error({.doing = doing, .problem = problem, .hint = hint});
    };
    if (!found.certificate)
        refuse("there is no certificate in ca.pem", "");
    if (!found.key)
        refuse("there is no private key in ca.key, or it is encrypted", "");
    if (X509_check_private_key(found.certificate.get(), found.key.get()) != 1) {
        ERR_clear_error();
        refuse("ca.key is not the key of ca.pem", "copy both from one host");
    }
    if (X509_check_ca(found.certificate.get()) == 0)
        refuse("ca.pem is a certificate that may sign no others", "");
    if (X509_cmp_current_time(X509_get0_notAfter(found.certificate.get())) < 0)
        refuse("it has expired",
               "remove ca.pem and ca.key for a new one; all hosts then need certificates of it");
    return found;
}

std::string pem_of(const X509& certificate) {
    return text_by([&](BIO* bio) { return PEM_write_bio_X509(bio, &certificate); });
}

std::string pem_of(const EVP_PKEY& key) {
    return text_by([&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, &key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

}  // namespace xcl::link
