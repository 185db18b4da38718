// SPDX-License-Identifier: BSD-3-Clause
// Writes the seeds of wire_fuzz into a folder: what both sides of a few migrations said, and a
// message of each kind. They are committed, so this runs only when the protocol or the format of
// images changes.
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "scripted_link.hpp"
#include "wire_input.hpp"
#include "xcl/error.hpp"

namespace {

using namespace xcl;
using namespace xcl::test;

using ByteVector = std::vector<std::byte>;

// Keeps what is written to another link.
class Recorded final : public Link {
  public:
    Recorded(std::unique_ptr<Link> link, ByteVector& written)
        : link_(std::move(link)), written_(written) {}

    void write(std::span<const std::span<const std::byte>> parts) override {
        for (const auto part : parts)
            written_.insert(written_.end(), part.begin(), part.end());
        link_->write(parts);
    }
    std::size_t read(std::span<std::byte> into) override { return link_->read(into); }
    void set_deadline(Clock::time_point deadline) override { link_->set_deadline(deadline); }
    const std::string& peer() const override { return link_->peer(); }

  private:
    std::unique_ptr<Link> link_;
    ByteVector& written_;
};

struct Said {
    ByteVector by_source;
    ByteVector by_destination;
};

Said said_in(GuestConfig config, const wire::KernelPages& kernels,
             const MigrateOptions& options = {}, const std::string& declined = {}) {
    config.memory_mib = 1;
    Hosts hosts(config);
    hosts.source.hypervisor.domain(hosts.id).memory.declined = declined;
    make_sparse(hosts.source.hypervisor.domain(hosts.id).memory);
    LinkPair links;
    Said said;
    std::thread receiver([&, link = links.destination()]() mutable {
        Recorded recorded(std::move(link), said.by_destination);
        try {
            static_cast<void>(
                verbs::receive(hosts.destination.ports(), recorded, {}, kernels, any_name));
        } catch (const Error& error) {
            std::fprintf(stderr, "destination: %s\n", error.what());
        }
    });
    try {
        Recorded recorded(links.source(), said.by_source);
        static_cast<void>(
            verbs::migrate(hosts.source.ports(), hosts.id, recorded, options, any_name));
    } catch (const Error& error) {
        std::fprintf(stderr, "source: %s\n", error.what());
    }
    receiver.join();
    return said;
}

class Seeds {
  public:
    explicit Seeds(std::string folder) : folder_(std::move(folder)) {}

    void add(const std::string& name, Reader reader, const ByteVector& bytes) const {
        ByteVector seed{first_byte(reader)};
        seed.insert(seed.end(), bytes.begin(), bytes.end());
        std::ofstream file(folder_ + "/" + name, std::ios::binary);
        file.write(reinterpret_cast<const char*>(seed.data()),
                   static_cast<std::streamsize>(seed.size()));
        if (!file.flush())
            throw Error({.doing = "write a seed", .problem = folder_ + "/" + name});
    }
    void add_migration(const std::string& name, Reader destination, const Said& said) const {
        add("destination-" + name, destination, said.by_source);
        add("source-" + name, Reader::source, said.by_destination);
    }
    template <typename Send>
    void add_message(const std::string& name, wire::MessageType type, const Send& send) const {
        ByteVector bytes{static_cast<std::byte>(type)};
        const ByteVector message = sent_by(send);
        bytes.insert(bytes.end(), message.begin(), message.end());
        add("message-" + name, Reader::message, bytes);
    }

  private:
    std::string folder_;
};

void add_messages(const Seeds& seeds) {
    using wire::MessageType;
    using wire::Stream;
    const Uuid token{1, 2, 3};
    seeds.add_message("offer", MessageType::offer, [&](Stream& stream) {
        send(stream, {.type = MessageType::offer, .guest = token, .switch_name = "xenbr0"});
    });
    seeds.add_message("ready", MessageType::ready,
                      [](Stream& stream) { send(stream, wire::Ready{.knows_contents = true}); });
    seeds.add_message("refusal", MessageType::running, [](Stream& stream) {
        send(stream, wire::Refusal{.problem = "no", .hint = "\x1b[m"});
    });
    seeds.add_message("contents", MessageType::contents, [](Stream& stream) {
        send_contents(stream, std::vector<image::Checksum>(2));
    });
    seeds.add_message("known", MessageType::known, [](Stream& stream) {
        send_known(stream, {true, false, true, false, true, false, true, true, true, true});
    });
    seeds.add_message("running", MessageType::running,
                      [](Stream& stream) { send(stream, wire::Running{.id = DomainId(5)}); });
    seeds.add_message("answer", MessageType::answer, [](Stream& stream) {
        send(stream, wire::Answer{.kind = wire::Answer::Kind::runs, .id = DomainId(5)});
    });
    seeds.add_message("prepared", MessageType::prepared, wire::send_prepared);
    seeds.add_message("restored", MessageType::restored, wire::send_restored);
    seeds.add_message("go", MessageType::go, wire::send_go);
    seeds.add("destination-question", Reader::destination, sent_by([&](Stream& stream) {
                  send(stream, {.type = MessageType::question, .guest = token, .switch_name = {}});
              }));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: make_wire_seeds FOLDER\n", stderr);
        return 2;
    }
    try {
        const Seeds seeds(argv[1]);
        seeds.add_migration("plain", Reader::destination, said_in(small_guest(), {}));
        seeds.add_migration("vif", Reader::destination, said_in(guest_with_vif(), {}));
        seeds.add_migration("kernels", Reader::destination_with_kernels,
                            said_in(small_guest(), small_kernels()));
        seeds.add_migration("refused", Reader::destination,
                            said_in(guest_with_vif(), {}, {.switch_name = "missing"}));
        seeds.add_migration("declined", Reader::destination,
                            said_in(small_guest(), {}, {}, "its p2m is strange"));
        add_messages(seeds);
    } catch (const Error& error) {
        std::fprintf(stderr, "make_wire_seeds: %s\n", error.what());
        return 1;
    }
    return 0;
}
