// SPDX-License-Identifier: BSD-3-Clause
// Certificates for a start: what is in them and in which files.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure_of.hpp"
#include "link/tls_words.hpp"
#include "tls_hosts.hpp"

namespace xcl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
}

std::vector<std::string> files_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

link::Own<X509> certificate_in(const std::string& path) {
    const std::string text = read_file(path);
    const link::Own<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    return link::Own<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

bool is_signed_by(const std::string& certificate, const std::string& authority) {
    const link::Own<X509> signer = certificate_in(authority);
    return X509_verify(certificate_in(certificate).get(), X509_get0_pubkey(signer.get())) == 1;
}

class MakeCertificates : public testing::Test {
  protected:
    ScratchDirectory scratch;
    std::string directory = scratch / "certs";
    Certificates files = certificates_in(directory);
};

TEST_F(MakeCertificates, FilesAreTheOwnersAlone) {
    const mode_t before = umask(0);
    make_certificates(directory, {"one"}, 365);
    umask(before);
    EXPECT_THAT(files_in(directory), ElementsAre("ca.key", "ca.pem", "host.key", "host.pem"));
    EXPECT_EQ(mode_of(directory), 0700U);
    EXPECT_EQ(mode_of(directory + "/ca.key"), 0600U);
    EXPECT_EQ(mode_of(directory + "/host.key"), 0600U);
    EXPECT_EQ(mode_of(directory + "/ca.pem"), 0644U);
    EXPECT_EQ(mode_of(directory + "/host.pem"), 0644U);
}

TEST_F(MakeCertificates, AreWhatTlsTakes) {
    make_certificates(directory, {"localhost", "127.0.0.1"}, 1);
    const auto listener = listen_tls("127.0.0.1", 0, files);
    auto admitted = admit_next(*listener);
    EXPECT_NE(connect_tls("127.0.0.1", port_of(*listener), files, in(std::chrono::seconds(10))),
              nullptr);
    EXPECT_NE(admitted.get(), nullptr);
}

TEST_F(MakeCertificates, TheAuthorityMaySignHostsAndNothingElse) {
    make_certificates(directory, {"one"}, 365);
    const link::Own<X509> authority = certificate_in(files.authority);
    EXPECT_EQ(X509_check_ca(authority.get()), 1);
    EXPECT_EQ(X509_get_pathlen(authority.get()), 0);
    EXPECT_EQ(X509_get_key_usage(authority.get()), static_cast<std::uint32_t>(KU_KEY_CERT_SIGN));
    EXPECT_GE(X509_get_ext_by_critical(authority.get(), 1, -1), 0);
}

TEST_F(MakeCertificates, AHostIsServerAndClientAndNoAuthority) {
    make_certificates(directory, {"one", "10.0.0.1", "2001:db8::1", "one.example"}, 365);
    const link::Own<X509> host = certificate_in(files.certificate);
    EXPECT_EQ(X509_check_ca(host.get()), 0);
    EXPECT_EQ(X509_get_extended_key_usage(host.get()),
              static_cast<std::uint32_t>(XKU_SSL_SERVER | XKU_SSL_CLIENT));
    EXPECT_EQ(link::names_in(*host), "one, 10.0.0.1, 2001:db8::1, one.example");
    EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(host.get())), 256);
}

TEST_F(MakeCertificates, AreValidForSoManyDays) {
    make_certificates(directory, {"one"}, 30);
    const link::Own<X509> host = certificate_in(files.certificate);
    int days = 0;
    int seconds = 0;
    ASSERT_EQ(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(host.get())), 1);
    EXPECT_TRUE(days == 30 || (days == 29 && seconds > 86'000)) << days << " " << seconds;
}

TEST_F(MakeCertificates, SerialNumbersAreRandom) {
    std::set<std::string> numbers;
    for (const char* name : {"a", "b", "c", "d"}) {
        make_certificates(scratch / name, {name}, 1);
        for (const char* file : {"/ca.pem", "/host.pem"}) {
            const link::Own<X509> certificate = certificate_in((scratch / name) + file);
            const ASN1_INTEGER* const number = X509_get0_serialNumber(certificate.get());
            EXPECT_LE(ASN1_STRING_length(number), 16);
            EXPECT_GE(ASN1_STRING_length(number), 12);  // shorter: once in four billion
            numbers.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
                            static_cast<std::size_t>(ASN1_STRING_length(number)));
        }
    }
    EXPECT_EQ(numbers.size(), 8U);
}

TEST_F(MakeCertificates, AnAuthorityThatIsThereSignsTheNextHost) {
    make_certificates(directory, {"one"}, 365);
    const std::string second = scratch / "second";
    std::filesystem::create_directory(second);
    for (const char* file : {"/ca.pem", "/ca.key"})
        std::filesystem::copy(directory + file, second + file);
    make_certificates(second, {"two"}, 3650);
    EXPECT_EQ(read_file(second + "/ca.pem"), read_file(files.authority));
    EXPECT_TRUE(is_signed_by(second + "/host.pem", files.authority));
    // Its authority ends before that.
    EXPECT_EQ(ASN1_TIME_compare(X509_get0_notAfter(certificate_in(second + "/host.pem").get()),
                                X509_get0_notAfter(certificate_in(files.authority).get())),
              0);
}

TEST_F(MakeCertificates, NeverReplacesAHostsKey) {
    make_certificates(directory, {"one"}, 365);
    const std::string key = read_file(files.key);
    const std::string certificate = read_file(files.certificate);
    EXPECT_THAT(failure_of([&] { make_certificates(directory, {"two"}, 365); }).problem,
                HasSubstr("host.key is there already"));
    std::filesystem::remove(files.certificate);
    EXPECT_THROW(make_certificates(directory, {"two"}, 365), Error);
    EXPECT_EQ(read_file(files.key), key);
    EXPECT_THAT(files_in(directory), ElementsAre("ca.key", "ca.pem", "host.key"));

    std::filesystem::remove(files.key);
    write_file(files.certificate, certificate);
    EXPECT_THAT(failure_of([&] { make_certificates(directory, {"two"}, 365); }).problem,
                HasSubstr("host.pem is there already"));
    EXPECT_EQ(read_file(files.certificate), certificate);
}

TEST_F(MakeCertificates, HalfAnAuthorityIsNone) {
    make_certificates(directory, {"one"}, 365);
    std::filesystem::remove(files.key);
    std::filesystem::remove(files.certificate);
    std::filesystem::rename(directory + "/ca.key", scratch / "safe");
    const Failure failure = failure_of([&] { make_certificates(directory, {"two"}, 365); });
    EXPECT_EQ(failure.problem, "ca.pem is there, but no ca.key");
    EXPECT_THAT(files_in(directory), ElementsAre("ca.pem"));
}

TEST_F(MakeCertificates, RefusesAnAuthorityThatCannotSign) {
    make_certificates(directory, {"one"}, 365);
    make_certificates(scratch / "other", {"other"}, 365);
    std::filesystem::remove(files.key);
    std::filesystem::remove(files.certificate);
    const auto problem_with = [&](const std::string& certificate, const std::string& key) {
        const auto over = std::filesystem::copy_options::overwrite_existing;
        std::filesystem::copy(certificate, files.authority, over);
        std::filesystem::copy(key, directory + "/ca.key", over);
        return failure_of([&] { make_certificates(directory, {"two"}, 365); }).problem;
    };
    const std::string other = scratch / "other/";
    EXPECT_EQ(problem_with(other + "ca.pem", other + "host.key"),
              "ca.key is not the key of ca.pem");
    EXPECT_EQ(problem_with(other + "host.pem", other + "host.key"),
              "ca.pem is a certificate that may sign no others");
    EXPECT_EQ(problem_with(other + "ca.key", other + "ca.key"),
              "there is no certificate in ca.pem");
    EXPECT_THAT(problem_with(other + "ca.pem", other + "ca.pem"), HasSubstr("no private key"));
    EXPECT_THAT(files_in(directory), ElementsAre("ca.key", "ca.pem"));

    Authority old(valid_between(-200, -100));
    write_file(scratch / "old.pem", link::pem_of(*old.identity().certificate));
    write_file(scratch / "old.key", link::pem_of(*old.identity().key));
    EXPECT_EQ(problem_with(scratch / "old.pem", scratch / "old.key"), "it has expired");
}

TEST_F(MakeCertificates, RefusesWhatNamesNoHost) {
    const std::vector<std::string> wrong = {"",   "*",  "*.example", "a b", "a,DNS:b",
                                            "-x", ".x", "ä",         "x\n", std::string(254, 'a')};
    for (const std::string& name : wrong) {
        EXPECT_THROW(make_certificates(directory, {"one", name}, 365), Error) << name;
        EXPECT_FALSE(std::filesystem::exists(directory));
    }
    EXPECT_THROW(make_certificates(directory, {}, 365), Error);
    EXPECT_THAT(files_in(scratch.path()), IsEmpty());
}

TEST_F(MakeCertificates, ALongNameIsNoProblem) {
    const std::string name(200, 'a');
    make_certificates(directory, {name}, 1);
    EXPECT_EQ(link::names_in(*certificate_in(files.certificate)), name);
}

TEST_F(MakeCertificates, LeavesNothingOfAFailure) {
    std::filesystem::create_directory(directory);
    EXPECT_THROW(make_certificates(directory, {"a b"}, 365), Error);
    EXPECT_THAT(files_in(directory), IsEmpty());  // the authority was made by then
}

TEST_F(MakeCertificates, RefusesDaysThatNoCertificateHas) {
    EXPECT_THROW(make_certificates(directory, {"one"}, 0), Error);
    EXPECT_THROW(make_certificates(directory, {"one"}, 36501), Error);
    EXPECT_FALSE(std::filesystem::exists(directory));
    EXPECT_NO_THROW(make_certificates(directory, {"one"}, 36500));
}

TEST_F(MakeCertificates, SaysWhereItCannotWrite) {
    const Failure no_parent =
        failure_of([&] { make_certificates(scratch / "not/there", {"one"}, 365); });
    EXPECT_EQ(no_parent.call, "mkdir");
    EXPECT_EQ(no_parent.error, ENOENT);
    // Nobody makes files in there, not even root.
    const Failure read_only = failure_of([&] { make_certificates("/proc/self", {"one"}, 365); });
    EXPECT_EQ(read_only.doing, "write /proc/self/ca.key");
    EXPECT_EQ(read_only.call, "mkostemp");
    write_file(scratch / "file", "");
    EXPECT_EQ(failure_of([&] { make_certificates(scratch / "file", {"one"}, 365); }).error,
              ENOTDIR);
}

}  // namespace
}  // namespace xcl::test
