// SPDX-License-Identifier: BSD-3-Clause
// libFuzzer target: any bytes as what the other side of a migration says. A host that refuses them
// holds what it held, a guest is in doubt only if it was told to go, a message that is accepted is
// the one that says so, and every error is one line of text. Most inputs have their checksums
// mended, since no fuzzer finds one that fits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "image/format.hpp"
#include "scripted_link.hpp"
#include "wire_input.hpp"
#include "xcl/error.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace xcl;
using namespace xcl::test;

using ByteVector = std::vector<std::byte>;

void require(bool condition) {
    if (!condition)
        std::abort();
}

void check_error(const Error& error) {
    for (const std::string_view text :
         {std::string_view(error.what()), std::string_view(error.failure().hint)}) {
        require(text.size() < 5 * wire::longest_text);
        require(std::none_of(text.begin(), text.end(),
                             [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }));
    }
    require(*error.what() != '\0');
}

bool contains(const ByteVector& bytes, const ByteVector& part) {
    return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

void arrive(const ByteVector& words, const wire::KernelPages& kernels) {
    FakeHost host;
    host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
    host.store.write("/local/domain/0/backend/vif", "");
    host.store.write("/local/domain/0/error/backend/vif", "");
    host.hypervisor.free_pages = 1U << 12;
    const Holdings before = holdings(host);
    ScriptedLink link(words);
    std::optional<ReceivedGuest> received;
    try {
        received = verbs::receive(host.ports(), link, {.timeout = std::chrono::milliseconds(0)},
                                  kernels, any_name);
    } catch (const Error& error) {
        check_error(error);
    }
    host.network.settle();
    if (received) {
        require(is_whole(host, received->id) && runs(host, received->id));
        require(contains(words, sent_by(wire::send_go)));
    } else {
        require(holdings(host) == before && host.hypervisor.free_pages == 1U << 12);
    }
}

void leave(const ByteVector& words) {
    GuestConfig config = small_guest();
    config.memory_mib = 1;
    FakeHost host;
    const DomainId id = host.add_guest(config);
    make_sparse(host.hypervisor.domain(id).memory);
    answers_by_channel(host, id);
    const Uuid uuid = host.hypervisor.domain(id).uuid;
    ScriptedLink link(words);
    bool left = false;
    try {
        static_cast<void>(verbs::migrate(host.ports(), id, link, {}, any_name));
        left = true;
    } catch (const Error& error) {
        check_error(error);
    }
    const bool went = contains(link.written, sent_by(wire::send_go));
    const auto guest = host.hypervisor.info(id);
    require(guest.has_value() != left);
    require(went || !left);
    if (left)
        return;
    require(is_whole(host, id));
    if (guest->in_doubt)
        require(went && !runs(host, id));
    else
        require(runs(host, id) && guest->uuid == uuid);
}

// `read` what was sent, and it is what would be sent again.
template <typename Message, typename Send>
void check_again(const ByteVector& bytes, const Message& message, const Send& send_it) {
    const ByteVector again = sent_by([&](wire::Stream& stream) { send_it(stream, message); });
    require(again.size() <= bytes.size() && std::equal(again.begin(), again.end(), bytes.begin()));
}

void read_message(wire::MessageType type, const ByteVector& bytes) {
    using wire::MessageType;
    ScriptedLink link(bytes);
    wire::Stream stream(link, {});
    const auto send_it = [](wire::Stream& to, const auto& message) { wire::send(to, message); };
    switch (type) {
        case MessageType::offer:
        case MessageType::question:
            return check_again(bytes, receive_opening(stream), send_it);
        case MessageType::ready:
            return check_again(bytes, receive_ready(stream), send_it);
        case MessageType::contents:
            return check_again(bytes, receive_contents(stream), wire::send_contents);
        case MessageType::known:
            return check_again(bytes, receive_known(stream, 10), wire::send_known);
        case MessageType::prepared:
            return receive_prepared(stream);
        case MessageType::restored:
            return receive_restored(stream);
        case MessageType::go:
            return receive_go(stream);
        case MessageType::answer:
            return check_again(bytes, receive_answer(stream), send_it);
        case MessageType::refusal:
        case MessageType::running:
            break;
    }
    const auto outcome = receive_outcome(stream);
    if (const auto* running = std::get_if<wire::Running>(&outcome)) {
        check_again(bytes, *running, send_it);
    } else {
        const auto& refusal = std::get<wire::Refusal>(outcome);
        check_error(Error({.problem = refusal.problem, .hint = refusal.hint}));
    }
}

// Makes the checksums and the numbers of sections fit in whatever looks like messages and images.
class Mender {
  public:
    explicit Mender(std::span<std::byte> bytes) : rest_(bytes) {}

    void mend() {
        while (mend_header() || mend_section() || mend_message()) {
        }
    }

  private:
    template <typename Number>
    [[nodiscard]] Number number(std::size_t at) const {
        return image::Decoder(rest_.subspan(at)).number<Number>();
    }
    void put(std::size_t at, image::Bytes bytes) {
        std::ranges::copy(bytes, rest_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    template <typename Number>
    void put_number(std::size_t at, Number value) {
        image::Encoder encoder;
        encoder.number(value);
        put(at, encoder.bytes());
    }
    // Puts the checksum of so many bytes behind them, and goes on after it.
    image::Checksum pass(std::size_t size) {
        const image::Checksum checksum = image::checksum_of(image::Bytes(rest_.first(size)));
        put(size, checksum);
        rest_ = rest_.subspan(size + checksum.size());
        return checksum;
    }
    [[nodiscard]] bool has(std::uint64_t size) const {
        return rest_.size() >= image::checksum_bytes &&
               size <= rest_.size() - image::checksum_bytes;
    }

    bool mend_header() {
        if (!has(image::header_bytes) ||
            !std::ranges::equal(rest_.first(image::magic.size()),
                                std::as_bytes(std::span(image::magic))))
            return false;
        const image::Checksum checksum = pass(image::header_bytes);
        checksums_.assign(checksum.begin(), checksum.end());
        sections_ = 0;
        within_ = true;
        return true;
    }

    bool mend_section() {
        if (!within_ || !has(image::section_header_bytes))
            return false;
        const image::SectionType type{number<std::uint32_t>(0)};
        const auto length = number<std::uint64_t>(8);
        if (longest_payload(type) == 0 || length > longest_payload(type) ||
            !has(image::section_header_bytes + length))
            return false;
        put_number(4, sections_);
        if (type == image::SectionType::end && length == image::end_bytes) {
            within_ = false;
            put_number(image::section_header_bytes, std::uint64_t{sections_});
            put(image::section_header_bytes + image::end_bytes - image::checksum_bytes,
                image::checksum_of(image::Bytes(checksums_)));
        }
        ++sections_;
        const image::Checksum checksum = pass(image::section_header_bytes + length);
        checksums_.insert(checksums_.end(), checksum.begin(), checksum.end());
        return true;
    }

    bool mend_message() {
        constexpr std::size_t head = 8;
        if (!has(head) || !has(head + number<std::uint32_t>(4)))
            return false;
        pass(head + number<std::uint32_t>(4));
        return true;
    }

    std::span<std::byte> rest_;
    ByteVector checksums_;
    std::uint32_t sections_ = 0;
    bool within_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
    // What the fakes expect is as good as what is required here.
    testing::FLAGS_gtest_break_on_failure = true;
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
    constexpr unsigned seldom = 8;
    size = LLVMFuzzerMutate(data, size, most);
    const std::size_t begin = size > 0 && reader_of(data[0]) == Reader::message ? 2 : 1;
    if (seed % seldom != 0 && size > begin)
        Mender(std::as_writable_bytes(std::span(data, size)).subspan(begin)).mend();
    return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const wire::KernelPages kernels = small_kernels();
    static const wire::KernelPages no_kernels;
    if (size < 2)
        return 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    const ByteVector words(bytes.begin() + 1, bytes.end());
    switch (reader_of(data[0])) {
        case Reader::destination:
            arrive(words, no_kernels);
            break;
        case Reader::destination_with_kernels:
            arrive(words, kernels);
            break;
        case Reader::source:
            leave(words);
            break;
        case Reader::message:
            try {
                read_message(wire::MessageType{std::uint32_t{data[1]} % 12},
                             {words.begin() + 1, words.end()});
            } catch (const Error& error) {
                check_error(error);
            }
            break;
    }
    return 0;
}
