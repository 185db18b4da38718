// SPDX-License-Identifier: BSD-3-Clause
// Links over TLS: what arrives, who is let in, and what operators read when it fails.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include "failure_of.hpp"
#include "tls_hosts.hpp"

namespace xcl::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using Bytes = std::span<const std::byte>;

constexpr const char* here = "127.0.0.1";

void write_text(Link& link, std::string_view text) {
    const std::array parts{std::as_bytes(std::span(text))};
    link.write(parts);
}

std::string read_text(Link& link, std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const std::size_t came = link.read(std::as_writable_bytes(std::span(text)).subspan(have));
        if (came == 0)
            break;
        have += came;
    }
    text.resize(have);
    return text;
}

std::string problem_of(const std::function<void()>& step) {
    return failure_of(step).problem;
}

// Two hosts of one authority, one of which listens.
class TlsLinkTest : public testing::Test {
  protected:
    void connect_both() {
        auto admitted = admit_next(*listener);
        client = connect_tls(here, port_of(*listener), there, in(10s));
        server = admitted.get();
    }
    std::unique_ptr<Link> connect(const Certificates& files) {
        return connect_tls(here, port_of(*listener), files, in(10s));
    }

    Authority authority;
    Certificates mine = authority.host({here, "localhost"});
    Certificates there = authority.host({"two"});
    std::unique_ptr<Listener> listener = listen_tls(here, 0, mine);
    std::unique_ptr<Link> client;
    std::unique_ptr<Link> server;
};

// A sequence without period, and pieces of all the sizes about which a record could stumble.
std::byte byte_at(std::size_t position) {
    std::uint64_t mixed = position * 0x9e3779b97f4a7c15U;
    mixed ^= mixed >> 29U;
    return static_cast<std::byte>(mixed & 0xffU);
}

std::vector<std::byte> bytes_from(std::size_t first, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = byte_at(first + i);
    return bytes;
}

constexpr std::size_t piece_sizes[] = {1, 0, 24, 16383, 7, 16384, 16385, 4096, 100'003, 2};
constexpr std::size_t parts_per_write = 7;
constexpr std::size_t much = std::size_t{4} << 20;

void write_much(Link& link, std::size_t seed) {
    std::size_t piece = seed;
    for (std::size_t sent = 0; sent < much;) {
        std::vector<std::vector<std::byte>> pieces;
        for (std::size_t i = 0; i < parts_per_write; ++i) {
            const std::size_t size =
                std::min(piece_sizes[piece++ % std::size(piece_sizes)], much - sent);
            pieces.push_back(bytes_from(seed + sent, size));
            sent += size;
        }
        link.write(std::vector<Bytes>(pieces.begin(), pieces.end()));
    }
}

// Nothing if all is as it was sent; else where it is not.
std::string read_much(Link& link, std::size_t seed) {
    std::vector<std::byte> buffer(70'000);
    std::size_t have = 0;
    for (std::size_t size = 1; have < much; size = size * 5 % buffer.size() + 1) {
        const std::size_t came = link.read(std::span(buffer).first(std::min(size, much - have)));
        if (came == 0)
            return "the end after " + std::to_string(have);
        for (std::size_t i = 0; i < came; ++i)
            if (buffer[i] != byte_at(seed + have + i))
                return "a wrong byte at " + std::to_string(have + i);
        have += came;
    }
    return {};
}

TEST_F(TlsLinkTest, CarriesMegabytesBothWaysAtOnce) {
    connect_both();
    for (Link* link : {client.get(), server.get()})
        link->set_deadline(in(30s));
    auto to_server = std::async(std::launch::async, [&] { write_much(*client, 3); });
    auto to_client = std::async(std::launch::async, [&] { write_much(*server, 5); });
    auto at_server = std::async(std::launch::async, [&] { return read_much(*server, 3); });
    EXPECT_EQ(read_much(*client, 5), "");
    EXPECT_EQ(at_server.get(), "");
    to_server.get();
    to_client.get();
}

TEST_F(TlsLinkTest, PutsSmallPartsTogetherIntoFullRecords) {
    auto answer =
        std::async(std::launch::async, [&] { return listener->accept()->admit(in(10s)); });
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &there);
    ASSERT_TRUE(stranger.shake_hands());
    server = answer.get();
    const std::vector<std::byte> bytes = bytes_from(0, 8);
    server->write(std::vector<Bytes>(4000, bytes));
    std::vector<std::byte> record(20'000);
    EXPECT_EQ(stranger.read(record), 16384);
    EXPECT_EQ(stranger.read(record), 32000 - 16384);
}

TEST_F(TlsLinkTest, NamesTheOtherSide) {
    connect_both();
    EXPECT_EQ(client->peer(), "127.0.0.1:" + std::to_string(port_of(*listener)));
    EXPECT_THAT(server->peer(), testing::StartsWith("127.0.0.1:"));
}

TEST_F(TlsLinkTest, ConnectsByName) {
    auto admitted = admit_next(*listener);
    client = connect_tls("localhost", port_of(*listener), there, in(10s));
    server = admitted.get();
    write_text(*client, "hello");
    EXPECT_EQ(read_text(*server, 5), "hello");
}

TEST_F(TlsLinkTest, ListensAtAllAddresses) {
    listener = listen_tls("", 0, mine);
    EXPECT_THAT(listener->address(),
                AnyOf(testing::StartsWith("[::]:"), testing::StartsWith("0.0.0.0:")));
    connect_both();
    EXPECT_THAT(server->peer(), testing::StartsWith("127.0.0.1:"));
}

TEST_F(TlsLinkTest, SpeaksIpv6) {
    const Certificates host = authority.host({"::1"});
    try {
        listener = listen_tls("::1", 0, host);
    } catch (const Error& error) {
        GTEST_SKIP() << "no IPv6 here: " << error.what();
    }
    EXPECT_THAT(listener->address(), testing::StartsWith("[::1]:"));
    auto admitted = admit_next(*listener);
    client = connect_tls("::1", port_of(*listener), there, in(10s));
    server = admitted.get();
    EXPECT_EQ(client->peer(), listener->address());
}

TEST_F(TlsLinkTest, ReadEndsAtItsDeadline) {
    connect_both();
    client->set_deadline(in(50ms));
    const auto start = Link::Clock::now();
    EXPECT_THAT(problem_of([&] { std::ignore = read_text(*client, 1); }), HasSubstr("silent"));
    EXPECT_GE(Link::Clock::now() - start, 50ms);
    EXPECT_LT(Link::Clock::now() - start, 1s);
}

TEST_F(TlsLinkTest, ReadTakesWhatIsThereAfterTheDeadline) {
    connect_both();
    write_text(*server, "late");
    client->set_deadline(in(2s));
    EXPECT_EQ(read_text(*client, 1), "l");  // the rest of the record is here now
    client->set_deadline(in(-1s));
    EXPECT_EQ(read_text(*client, 3), "ate");
}

TEST_F(TlsLinkTest, WriteEndsAtItsDeadline) {
    connect_both();
    client->set_deadline(in(100ms));
    const std::vector<std::byte> mebibyte(std::size_t{1} << 20);
    EXPECT_THAT(problem_of([&] { client->write(std::vector<Bytes>(64, mebibyte)); }),
                HasSubstr("taken nothing"));
}

TEST_F(TlsLinkTest, ReadsTheEndWhereTheOtherSideClosed) {
    connect_both();
    write_text(*server, "bye");
    server.reset();
    EXPECT_EQ(read_text(*client, 10), "bye");
    std::array<std::byte, 1> more{};
    EXPECT_EQ(client->read(more), 0U);
}

// What the other side did not read must not destroy what it said last.
TEST_F(TlsLinkTest, LastWordsArriveAlthoughMuchWasUnread) {
    connect_both();
    const std::vector<std::byte> unread(50'000);
    client->write(std::vector<Bytes>{unread});
    write_text(*server, "no");
    server.reset();
    EXPECT_EQ(read_text(*client, 10), "no");
}

TEST_F(TlsLinkTest, WritingToAClosedLinkIsAnErrorAndNoSignal) {
    connect_both();
    server.reset();
    const Failure failure = failure_of([&] {
        for (int i = 0; i < 1000; ++i) {
            write_text(*client, "anybody?");
            std::this_thread::sleep_for(1ms);
        }
    });
    EXPECT_THAT(failure.error, AnyOf(EPIPE, ECONNRESET));
    EXPECT_EQ(failure.call, "send");
}

TEST_F(TlsLinkTest, AnEndWithoutGoodbyeIsAnError) {
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &there);
    ASSERT_TRUE(stranger.shake_hands());
    ASSERT_TRUE(stranger.write("half"));
    server = admitted.get();
    EXPECT_EQ(read_text(*server, 4), "half");
    stranger.vanish();
    EXPECT_THAT(problem_of([&] { std::ignore = read_text(*server, 1); }),
                HasSubstr("closed the connection half way"));
}

TEST_F(TlsLinkTest, RefusesACallerWithoutCertificate) {
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), nullptr);
    ASSERT_TRUE(stranger.shake_hands());  // as far as the client is concerned: RFC 8446, 4.4.2.4
    static_cast<void>(stranger.write("let me in"));
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("shown no certificate"));
    std::array<std::byte, 10> answer{};
    EXPECT_EQ(stranger.read(answer), -1);
}

TEST_F(TlsLinkTest, RefusesACallerOfAnotherAuthority) {
    Authority other;
    Certificates files = other.host({"mallory"});
    files.authority = mine.authority;  // he believes this host
    auto admitted = admit_next(*listener);
    client = connect(files);
    const Failure at_server = failure_of([&] { admitted.get(); });
    EXPECT_THAT(at_server.problem, AllOf(HasSubstr("its certificate (for mallory)"),
                                         HasSubstr("'O = cosmos, CN = cosmos authority"),
                                         HasSubstr("no authority in " + mine.authority)));
    EXPECT_THAT(at_server.hint, HasSubstr("--make-certs"));
    const Failure at_client = failure_of([&] { std::ignore = read_text(*client, 1); });
    EXPECT_THAT(at_client.problem,
                AllOf(HasSubstr("it refused our certificate " + files.certificate),
                      HasSubstr("its authority is none that the other side believes")));
}

TEST_F(TlsLinkTest, ARefusedCallerWhoOnlyWritesLearnsWhy) {
    Authority other;
    Certificates files = other.host({"mallory"});
    files.authority = mine.authority;
    auto admitted = admit_next(*listener);
    client = connect(files);
    EXPECT_THROW(admitted.get(), Error);
    const std::string problem = problem_of([&] {
        for (int i = 0; i < 1000; ++i) {
            write_text(*client, "offer");
            std::this_thread::sleep_for(1ms);
        }
    });
    EXPECT_THAT(problem, HasSubstr("it refused our certificate"));
}

TEST_F(TlsLinkTest, RefusesAServerOfAnotherAuthority) {
    Authority other;
    Certificates files = other.host({"two"});  // believes the other authority alone
    auto admitted = admit_next(*listener);
    EXPECT_THAT(problem_of([&] { std::ignore = connect(files); }),
                AllOf(HasSubstr("its certificate (for 127.0.0.1, localhost)"),
                      HasSubstr("no authority in " + files.authority)));
    EXPECT_THAT(problem_of([&] { admitted.get(); }),
                HasSubstr("it refused our certificate " + mine.certificate));
}

TEST_F(TlsLinkTest, RefusesAServerOfAnotherName) {
    listener = listen_tls(here, 0, authority.host({"web", "10.0.0.9", "2001:db8::7"}));
    auto admitted = admit_next(*listener);
    const Failure failure = failure_of([&] { std::ignore = connect(there); });
    EXPECT_EQ(failure.problem,
              "its certificate is for web, 10.0.0.9, 2001:db8::7, not for 127.0.0.1");
    EXPECT_THAT(failure.hint, HasSubstr("--make-certs"));
    EXPECT_THROW(admitted.get(), Error);
    auto again = admit_next(*listener);
    EXPECT_THAT(problem_of([&] {
                    std::ignore = connect_tls("localhost", port_of(*listener), there, in(10s));
                }),
                HasSubstr("not for localhost"));
    EXPECT_THROW(again.get(), Error);
}

TEST_F(TlsLinkTest, RefusesAnExpiredCaller) {
    const Certificates old = authority.host({"old"}, valid_between(-200, -100));
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &old);
    static_cast<void>(stranger.shake_hands());
    EXPECT_THAT(problem_of([&] { admitted.get(); }),
                HasSubstr("its certificate (for old) expired at 2"));
}

TEST_F(TlsLinkTest, RefusesACallerFromTheFuture) {
    const Certificates early = authority.host({"early"}, valid_between(1000, 2000));
    auto admitted = admit_next(*listener);
    client = connect(early);
    const Failure failure = failure_of([&] { admitted.get(); });
    EXPECT_THAT(failure.problem, HasSubstr("its certificate (for early) is not valid before 2"));
    EXPECT_THAT(failure.hint, HasSubstr("clocks"));
}

TEST_F(TlsLinkTest, RefusesAnExpiredServer) {
    const Certificates old = authority.host({here}, valid_between(-200, -100));
    const TcpServer server_socket;
    auto served = std::async(std::launch::async, [&] {
        Stranger stranger(Stranger::Role::server, server_socket.accept(), &old);
        return stranger.shake_hands();
    });
    EXPECT_THAT(
        problem_of([&] { std::ignore = connect_tls(here, server_socket.port(), there, in(10s)); }),
        HasSubstr("its certificate (for 127.0.0.1) expired at 2"));
    EXPECT_FALSE(served.get());
}

TEST_F(TlsLinkTest, RefusesAnExpiredAuthority) {
    Authority old(valid_between(-200, -100));
    Certificates files = old.host({"old"}, valid_between(-200, -100));
    listener = listen_tls(
        here, 0, {.authority = files.authority, .certificate = mine.certificate, .key = mine.key});
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &files);
    static_cast<void>(stranger.shake_hands());
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("expired at 2"));
}

// It signs hosts but is none, although it is trusted.
TEST_F(TlsLinkTest, RefusesAnAuthorityAsCaller) {
    const ScratchDirectory directory;
    write_secret(directory / "ca.key", link::pem_of(*authority.identity().key));
    auto admitted = admit_next(*listener);
    client = connect(
        {.authority = mine.authority, .certificate = mine.authority, .key = directory / "ca.key"});
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("not made for this use"));
}

// RFC 5280, 4.2.1.1: without it, the issuer would be a guess by its name.
TEST_F(TlsLinkTest, RefusesACertificateThatDoesNotSayWhoseKeySignedIt) {
    const Certificates bare = authority.host({"bare"});
    const std::string text = read_file(bare.certificate);
    const link::Own<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const link::Own<X509> it(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    ASSERT_NE(it, nullptr);
    const int place = X509_get_ext_by_NID(it.get(), NID_authority_key_identifier, -1);
    ASSERT_GE(place, 0);
    X509_EXTENSION_free(X509_delete_ext(it.get(), place));
    ASSERT_GT(X509_sign(it.get(), authority.identity().key.get(), EVP_sha256()), 0);
    write_file(bare.certificate, link::pem_of(*it));
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &bare);
    static_cast<void>(stranger.shake_hands());
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("Missing Authority Key Identifier"));
}

TEST_F(TlsLinkTest, RefusesPlainBytes) {
    auto admitted = admit_next(*listener);
    const Descriptor plain = tcp_client(port_of(*listener));
    constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    ASSERT_EQ(send(plain.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("does not speak TLS"));

    auto again = admit_next(*listener);
    const Descriptor noise = tcp_client(port_of(*listener));
    const std::string zeros(1000, '\0');
    ASSERT_EQ(send(noise.get(), zeros.data(), zeros.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(zeros.size()));
    EXPECT_THAT(problem_of([&] { again.get(); }), HasSubstr("does not speak TLS"));
}

TEST_F(TlsLinkTest, RefusesTls12) {
    auto admitted = admit_next(*listener);
    Stranger stranger(Stranger::Role::client, tcp_client(port_of(*listener)), &there,
                      TLS1_2_VERSION);
    EXPECT_FALSE(stranger.shake_hands());
    EXPECT_EQ(problem_of([&] { admitted.get(); }), "it does not speak TLS 1.3");

    const TcpServer server_socket;
    auto served = std::async(std::launch::async, [&] {
        Stranger old(Stranger::Role::server, server_socket.accept(), &mine, TLS1_2_VERSION);
        return old.shake_hands();
    });
    EXPECT_EQ(
        problem_of([&] { std::ignore = connect_tls(here, server_socket.port(), there, in(10s)); }),
        "it does not speak TLS 1.3");
    EXPECT_FALSE(served.get());
}

TEST_F(TlsLinkTest, DoesNotWaitForASilentCaller) {
    auto admitted = admit_next(*listener, 100ms);
    const Descriptor silent = tcp_client(port_of(*listener));
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("silent"));
}

// Each byte of a slow one moves no deadline.
TEST_F(TlsLinkTest, DoesNotWaitForASlowCaller) {
    auto admitted = admit_next(*listener, 150ms);
    const Descriptor slow = tcp_client(port_of(*listener));
    constexpr std::array<char, 5> record_of_512_bytes{0x16, 3, 1, 2, 0};
    static_cast<void>(
        send(slow.get(), record_of_512_bytes.data(), record_of_512_bytes.size(), MSG_NOSIGNAL));
    const auto start = Link::Clock::now();
    while (admitted.wait_for(20ms) == std::future_status::timeout &&
           Link::Clock::now() - start < 2s)
        static_cast<void>(send(slow.get(), "\1", 1, MSG_NOSIGNAL));
    EXPECT_LT(Link::Clock::now() - start, 1s);
    EXPECT_THAT(problem_of([&] { admitted.get(); }), HasSubstr("silent"));
}

TEST_F(TlsLinkTest, DoesNotWaitForASilentServer) {
    const TcpServer silent;
    EXPECT_THAT(
        problem_of([&] { std::ignore = connect_tls(here, silent.port(), there, in(100ms)); }),
        HasSubstr("silent"));
}

TEST_F(TlsLinkTest, DoesNotWaitForAHostThatDoesNotAnswer) {
    const TcpServer full(0);
    std::vector<Descriptor> queue;  // whoever comes after them is not answered
    for (int i = 0; i < 4; ++i)
        queue.push_back(tcp_client(full.port(), SOCK_NONBLOCK));
    const Failure failure =
        failure_of([&] { std::ignore = connect_tls(here, full.port(), there, in(150ms)); });
    EXPECT_EQ(failure.call, "connect");
    EXPECT_EQ(failure.error, ETIMEDOUT);
}

TEST_F(TlsLinkTest, SaysThatNobodyListens) {
    const std::uint16_t port = port_of(*listener);
    listener.reset();
    const Failure failure =
        failure_of([&] { std::ignore = connect_tls(here, port, there, in(1s)); });
    EXPECT_EQ(failure.doing, "connect to 127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(failure.call, "connect");
    EXPECT_EQ(failure.error, ECONNREFUSED);
    EXPECT_THAT(failure.hint, HasSubstr("cosmos receive --listen"));
}

TEST_F(TlsLinkTest, SaysThatAHostIsUnknown) {
    const Failure failure =
        failure_of([&] { std::ignore = connect_tls("a b", 8117, there, in(1s)); });
    EXPECT_EQ(failure.call, "getaddrinfo");
    EXPECT_THAT(failure.problem, testing::StartsWith("a b: "));
}

TEST_F(TlsLinkTest, SaysThatAnotherListens) {
    const Failure failure =
        failure_of([&] { std::ignore = listen_tls(here, port_of(*listener), mine); });
    EXPECT_EQ(failure.call, "bind");
    EXPECT_EQ(failure.error, EADDRINUSE);
}

TEST_F(TlsLinkTest, StopWakesWhoWaitsForCallers) {
    auto accepted = std::async(std::launch::async, [&] { return listener->accept(); });
    EXPECT_EQ(accepted.wait_for(30ms), std::future_status::timeout);
    listener->stop();
    ASSERT_EQ(accepted.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(accepted.get(), nullptr);
    EXPECT_EQ(listener->accept(), nullptr);
}

TEST_F(TlsLinkTest, ACallerOutlivesTheListener) {
    auto connected = std::async(std::launch::async, [&] { return connect(there); });
    std::unique_ptr<Listener::Caller> caller = listener->accept();
    const std::uint16_t port = port_of(*listener);
    ASSERT_NE(port, 0);
    auto admitted = std::async(std::launch::async, [&] { return caller->admit(in(10s)); });
    client = connected.get();
    server = admitted.get();
    listener.reset();
    write_text(*client, "hello");
    EXPECT_EQ(read_text(*server, 5), "hello");
    EXPECT_THROW(std::ignore = caller->admit(in(1s)), Error);
}

TEST_F(TlsLinkTest, SaysWhichFileIsMissing) {
    Certificates files = mine;
    files.key += ".gone";
    const Failure failure = failure_of([&] { std::ignore = listen_tls(here, 0, files); });
    EXPECT_EQ(failure.doing, "read this host's key in " + files.key);
    EXPECT_EQ(failure.error, ENOENT);
    EXPECT_THAT(failure.hint, HasSubstr("--make-certs"));
}

TEST_F(TlsLinkTest, SaysWhichFileMakesNoSense) {
    const ScratchDirectory directory;
    write_secret(directory / "bad", "no PEM\n");
    for (std::string Certificates::*const file :
         {&Certificates::authority, &Certificates::certificate, &Certificates::key}) {
        Certificates files = mine;
        files.*file = directory / "bad";
        const Failure failure = failure_of([&] { std::ignore = connect(files); });
        EXPECT_THAT(failure.doing, HasSubstr(files.*file));
        EXPECT_THAT(failure.problem, HasSubstr("in PEM form"));
    }
}

TEST_F(TlsLinkTest, RefusesAKeyOfAnotherCertificate) {
    Certificates files = mine;
    files.key = there.key;
    EXPECT_EQ(problem_of([&] { std::ignore = listen_tls(here, 0, files); }),
              "it is not the key of the certificate");
}

TEST_F(TlsLinkTest, RefusesAKeyThatIsOpenToOthers) {
    for (const unsigned bits : {0640U, 0604U, 0620U, 0601U}) {
        std::filesystem::permissions(mine.key, static_cast<std::filesystem::perms>(bits));
        const Failure failure = failure_of([&] { std::ignore = listen_tls(here, 0, mine); });
        EXPECT_EQ(failure.doing, "read this host's key in " + mine.key);
        EXPECT_EQ(failure.problem, fmt::format("it is open to others (mode {:o})", bits));
        EXPECT_EQ(problem_of([&] { std::ignore = connect(mine); }), failure.problem);
    }
    std::filesystem::permissions(mine.key, std::filesystem::perms::owner_read);
    EXPECT_NE(listen_tls(here, 0, mine), nullptr);
}

// And does not ask for the password on a terminal.
TEST_F(TlsLinkTest, RefusesAnEncryptedKey) {
    const ScratchDirectory directory;
    const link::Own<BIO> text(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_PrivateKey(
                  text.get(), authority.identity().key.get(), EVP_aes_256_cbc(),
                  reinterpret_cast<const unsigned char*>("word"), 4, nullptr, nullptr),
              1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    write_secret(directory / "key", {data, static_cast<std::size_t>(size)});
    Certificates files = mine;
    files.key = directory / "key";
    EXPECT_EQ(problem_of([&] { std::ignore = listen_tls(here, 0, files); }), "it is encrypted");
}

TEST_F(TlsLinkTest, SaysThatItsOwnCertificateExpired) {
    const Certificates old = authority.host({here}, valid_between(-200, -100));
    EXPECT_THAT(problem_of([&] { std::ignore = listen_tls(here, 0, old); }),
                HasSubstr("it expired at 2"));
}

}  // namespace
}  // namespace xcl::test
