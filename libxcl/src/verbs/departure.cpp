// SPDX-License-Identifier: BSD-3-Clause
// Sends a guest page by page, or as libxenguest saves it.
#include "verbs/departure.hpp"

#include <utility>

#include "image/writer.hpp"
#include "record/label.hpp"
#include "verbs/guest_notes.hpp"
#include "verbs/precopy.hpp"
#include "verbs/suspendable.hpp"
#include "wire/messages.hpp"

namespace xcl::verbs {
namespace {

constexpr const char* migrating = "migrate it";

void offer(wire::Stream& stream, const DomainInfo& guest, const MigrateOptions& options) {
    wire::send(stream, {.type = wire::MessageType::offer,
                        .guest = token_of(guest.uuid),
                        .switch_name = options.switch_name});
}

class PageDeparture final : public Departure {
  public:
    // Throws Declined.
    PageDeparture(const Host& host, const DomainInfo& guest, wire::Stream& stream)
        : host_(host),
          guest_(guest),
          stream_(stream),
          memory_(host.hypervisor.open_memory(guest.id)),
          writer_(stream, stream.peer(), image::MemoryForm::rounds) {
        memory_->hold();
        pages_ = memory_->pages();
    }

    void send_running(image::GuestDescription notes, const MigrateOptions& options) override {
        config_ = notes.config;
        describe_memory(notes, memory_->pfn_end(), pages_.size());
        offer(stream_, guest_, options);
        writer_.begin(notes, pages_);
        const wire::Ready ready = wire::receive_ready(stream_);

        precopy_.emplace(*memory_, writer_, memory_->pfn_end());
        if (ready.knows_contents)
            precopy_->ask(stream_, pages_);
        while (another_round_helps(precopy_->rounds())) {
            precopy_->round(pages_);
            if (options.on_round)
                options.on_round(precopy_->rounds().back());
        }
        // Else it would have to wait for what the destination has not taken in yet.
        writer_.mark();
        wire::receive_prepared(stream_);
    }

    void send_rest() override {
        look_again();
        const image::MachineState state = state_of(*memory_, config_);
        writer_.store(read_own_nodes(host_.store, guest_.id));
        precopy_->last_round(
            pages_, [this](std::uint64_t pfn) { refuse_strange_table(guest_.id, pfn, migrating); });
        writer_.end(state, pages_);
        wire::receive_restored(stream_);
    }

    [[nodiscard]] std::vector<MigrationRound> rounds() const override { return precopy_->rounds(); }

  private:
    void look_again() {
        try {
            pages_ = memory_->pages();
        } catch (const Declined& declined) {
            Failure failure = declined.failure();
            failure.hint = "it became so meanwhile: another attempt leaves it to libxenguest";
            throw Error(std::move(failure));
        }
    }

    const Host& host_;
    const DomainInfo& guest_;
    wire::Stream& stream_;
    std::unique_ptr<GuestMemory> memory_;
    image::ImageWriter writer_;
    std::vector<image::PageId> pages_;
    GuestConfig config_;
    std::optional<Precopy> precopy_;
};

// Debian's Xen cannot tell which pages of a paravirtualised guest were written, so libxenguest
// sends all of them once it stands still.
class StreamDeparture final : public Departure {
  public:
    StreamDeparture(const Host& host, const DomainInfo& guest, wire::Stream& stream,
                    const Declined& declined)
        : host_(host),
          guest_(guest),
          stream_(stream),
          why_(declined.failure().problem),
          pages_(declined.pages()),
          writer_(stream, stream.peer(), image::MemoryForm::libxenguest) {}

    void send_running(image::GuestDescription notes, const MigrateOptions& options) override {
        describe_for_libxenguest(host_, guest_, pages_, why_, notes);
        if (options.on_declined)
            options.on_declined(guest_.id, why_);
        offer(stream_, guest_, options);
        writer_.begin_stream(notes);
        static_cast<void>(wire::receive_ready(stream_));
        wire::receive_prepared(stream_);
    }

    void send_rest() override {
        const std::uint64_t before = writer_.bytes_written();
        write_stream(host_.hypervisor, guest_.id, why_, writer_);
        rounds_ = {{.bytes = writer_.bytes_written() - before}};
        writer_.store(read_own_nodes(host_.store, guest_.id));
        writer_.end_stream();
        wire::receive_restored(stream_);
    }

    [[nodiscard]] std::vector<MigrationRound> rounds() const override { return rounds_; }

  private:
    const Host& host_;
    const DomainInfo& guest_;
    wire::Stream& stream_;
    std::string why_;
    std::uint64_t pages_;
    image::ImageWriter writer_;
    std::vector<MigrationRound> rounds_;
};

}  // namespace

std::unique_ptr<Departure> depart(const Host& host, const DomainInfo& guest, wire::Stream& stream,
                                  std::string& declined) {
    try {
        return std::make_unique<PageDeparture>(host, guest, stream);
    } catch (const Declined& error) {
        declined = error.failure().problem;
        return std::make_unique<StreamDeparture>(host, guest, stream, error);
    }
}

}  // namespace xcl::verbs
