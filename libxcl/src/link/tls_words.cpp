// SPDX-License-Identifier: BSD-3-Clause
// The cases that operators meet; for the rest OpenSSL's own text has to do.
#include "link/tls_words.hpp"

#include <array>
#include <ctime>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>

namespace xcl::link {
namespace {

constexpr std::size_t most_names = 8;
constexpr std::size_t longest_name = 253;  // RFC 1035

std::string_view bytes_of(const ASN1_STRING& string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&string)),
            static_cast<std::size_t>(ASN1_STRING_length(&string))};
}

bool is_plain(std::string_view text) {
    for (const char c : text)
        if (c <= ' ' || c > '~')
            return false;
    return !text.empty() && text.size() <= longest_name;
}

std::string text_of(const GENERAL_NAME& name) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(&name, &type);
    const std::string_view bytes = bytes_of(*static_cast<const ASN1_STRING*>(value));
    if (type == GEN_DNS)
        return is_plain(bytes) ? std::string(bytes) : std::string();
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
    if (bytes.size() != sizeof(in_addr) && bytes.size() != sizeof(in6_addr))
        return {};
    return inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr ? std::string()
                                                                                : text.data();
}

// Escapes what is no plain text.
std::string issuer_of(const X509& certificate) {
    const Own<BIO> text(BIO_new(BIO_s_mem()));
    char* data = nullptr;
    if (!text ||
        X509_NAME_print_ex(text.get(), X509_get_issuer_name(&certificate), 0, XN_FLAG_ONELINE) < 0)
        return "somebody";
    const long size = BIO_get_mem_data(text.get(), &data);
    return std::string(data, static_cast<std::size_t>(size)).substr(0, longest_name);
}

std::string whose(int depth, const X509* certificate) {
    const std::string names = certificate == nullptr ? std::string() : names_in(*certificate);
    if (depth > 0)
        return "the certificate of its authority";
    return names.empty() ? "its certificate" : fmt::format("its certificate (for {})", names);
}

constexpr const char* one_authority =
    "both hosts need certificates of one authority: copy its ca.pem and ca.key to the host whose "
    "certificate is wrong, and run 'cosmos receive --make-certs' there";
constexpr const char* anew =
    "remove host.pem and host.key there (and ca.pem and ca.key, if the authority's have expired) "
    "and run 'cosmos receive --make-certs' there";

// The alerts of RFC 8446, 6.2, about a certificate; nothing for others.
const char* refusal(int reason) {
    switch (reason) {
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "its authority is none that the other side believes";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            return "it has expired, or is not valid yet";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
            return "it was revoked";
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return "none was shown";
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            return "it is not made for this use";
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
            return "it does not say why";
        default:
            return nullptr;
    }
}

}  // namespace

unsigned long take_error() {
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    return error;
}

std::string reason_of(unsigned long error) {
    const char* const reason = ERR_reason_error_string(error);
    return reason == nullptr ? fmt::format("OpenSSL's error {:#x}", error) : reason;
}

std::string names_in(const X509& certificate) {
    const Own<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string list;
    std::size_t count = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        const std::string text = text_of(*name);
        if (text.empty())
            continue;
        if (++count > most_names)
            return list + ", …";
        list += list.empty() ? text : ", " + text;
    }
    return list;
}

std::string moment_of(const ASN1_TIME& time) {
    std::tm when{};
    if (ASN1_TIME_to_tm(&time, &when) != 1)
        return "a time that is none";
    constexpr int first_year = 1900;
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", when.tm_year + first_year,
                       when.tm_mon + 1, when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec);
}

Words why_not_believed(int verify_error, int depth, const X509* certificate,
                       const std::string& wanted, const std::string& authority) {
    const std::string subject = whose(depth, certificate);
    switch (certificate == nullptr ? X509_V_ERR_UNSPECIFIED : verify_error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {fmt::format("{} expired at {}", subject,
                                moment_of(*X509_get0_notAfter(certificate))),
                    anew};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {fmt::format("{} is not valid before {}", subject,
                                moment_of(*X509_get0_notBefore(certificate))),
                    "see that the clocks of both hosts are right"};
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: {
            const std::string names = names_in(*certificate);
            return {fmt::format("its certificate is for {}, not for {}",
                                names.empty() ? "no host" : names, wanted),
                    fmt::format("use a name that it has, or make a certificate for {} there: "
                                "'cosmos receive --make-certs DIR {}'",
                                wanted, wanted)};
        }
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return {fmt::format("{} was signed by '{}', which is no authority in {}",
                                depth > 0 ? "its certificate" : subject, issuer_of(*certificate),
                                authority),
                    one_authority};
        case X509_V_ERR_INVALID_PURPOSE:
            return {
                fmt::format("{} is not made for this use (keyUsage, extendedKeyUsage)", subject),
                "certificates of 'cosmos receive --make-certs' are"};
        default:
            return {fmt::format("{} is not valid: {}", subject,
                                X509_verify_cert_error_string(verify_error)),
                    {}};
    }
}

Words why_failed(unsigned long error, const std::string& certificate) {
    const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    if (const char* const why = refusal(reason); why != nullptr)
        return {fmt::format("it refused our certificate {}: {}", certificate, why),
                reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA
                    ? one_authority
                    : "its own messages, on that host, say more"};
    switch (reason) {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return {"it has shown no certificate", one_authority};
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return {"it does not speak TLS 1.3", {}};
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_BAD_RECORD_TYPE:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_LENGTH_TOO_SHORT:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_RECORD_TOO_SMALL:
            return {fmt::format("it does not speak TLS ({})", reason_of(error)),
                    "see that the port is that of 'cosmos receive --listen'"};
        case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
        case SSL_R_SSLV3_ALERT_BAD_RECORD_MAC:
            return {"bytes were altered on their way", {}};
        default:
            return {reason_of(error), {}};
    }
}

}  // namespace xcl::link
