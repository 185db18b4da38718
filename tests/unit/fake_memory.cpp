// SPDX-License-Identifier: BSD-3-Clause
// Memory of fake domains: read from one, and put into another.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "fake_hypervisor.hpp"
#include "image/reader.hpp"
#include "image/writer.hpp"
#include "image_samples.hpp"
#include "xcl/error.hpp"

namespace xcl::test {
namespace {

using image::page_size;
using image::PageId;
using image::PageType;

[[noreturn]] void refuse(const std::string& call, int error) {
    throw Error({.doing = "do what a test asks", .call = call, .error = error});
}

std::vector<std::byte> page_filled_with(std::uint64_t pfn) {
    return std::vector<std::byte>(page_size, static_cast<std::byte>(pfn % 255 + 1));
}

bool is_suspended(const FakeDomain& domain) {
    return domain.ended == ShutdownReason::suspend;
}

}  // namespace

FakeMemory some_memory(std::uint64_t pages, std::uint16_t vcpus) {
    FakeMemory memory;
    const std::uint64_t p2m_pages = (pages - 1) / image::p2m_entries + 1;
    for (std::uint64_t pfn = 0; pfn < pages; ++pfn) {
        PageId page{.pfn = pfn};
        if (pfn == 8)
            page.type = PageType::l1_table;
        if (pfn == 9)
            page = {.pfn = pfn, .type = PageType::l4_table, .pinned = true};
        memory.pages.push_back(page);
        if (pfn % 3 == 0)
            memory.contents[pfn] = page_filled_with(pfn);
    }
    image::MachineState& state = memory.state;
    state.pfn_end = state.memory_pages = pages;
    state.start_info = 1;
    state.xenstore = 2;
    state.console = 4;
    state.shared_info.assign(page_size, std::byte{7});
    for (std::uint64_t page = 0; page < p2m_pages; ++page) {
        state.p2m_pages.push_back(pages - p2m_pages + page);
        memory.contents.erase(state.p2m_pages.back());
    }
    state.vcpus.resize(vcpus);
    for (image::VcpuState& vcpu : state.vcpus)
        vcpu.context.assign(8, std::byte{9});
    return memory;
}

class FakeSuspensionEvents final : public SuspensionEvents {
  public:
    FakeSuspensionEvents(FakeHypervisor& hypervisor, DomainId id)
        : hypervisor_(hypervisor), id_(id) {
        ++hypervisor_.heard;
        hypervisor_.domain(id).suspends_unheard = true;
    }
    ~FakeSuspensionEvents() override {
        --hypervisor_.heard;
        if (hypervisor_.exists(id_))
            hypervisor_.domain(id_).suspends_unheard = false;
    }

    void notify() override {
        ++hypervisor_.begin("notify", id_).notified;
        hypervisor_.on_notify(id_.value());
    }

    bool wait(std::chrono::steady_clock::time_point /*deadline*/) override {
        if (hypervisor_.while_listening.empty())
            return false;
        const auto next = std::move(hypervisor_.while_listening.front());
        hypervisor_.while_listening.pop_front();
        next();
        return true;
    }

  private:
    FakeHypervisor& hypervisor_;
    DomainId id_;
};

class FakeGuestMemory final : public GuestMemory {
  public:
    FakeGuestMemory(FakeHypervisor& hypervisor, DomainId id) : hypervisor_(hypervisor), id_(id) {}

    std::vector<PageId> pages() override {
        const FakeMemory& memory = begin("pages").memory;
        if (!memory.declined.empty())
            throw Declined({.domain = id_, .problem = memory.declined}, memory.pages.size());
        return memory.pages;
    }

    std::uint64_t pfn_end() const override { return hypervisor_.domain(id_).memory.state.pfn_end; }

    void read(std::span<const PageId> pages, const Sink& sink) override {
        const FakeMemory memory = begin("read").memory;
        const std::vector<std::byte> zero(page_size);
        for (const PageId& page : pages) {
            const auto found = memory.contents.find(page.pfn);
            if (memory.names_strangers && page.type != PageType::data)
                sink(page, std::nullopt);
            else
                sink(page, found == memory.contents.end() ? zero : found->second);
        }
    }

    void hold() override { hypervisor_.calls.push_back(fmt::format("hold {}", id_.value())); }

    image::MachineState state() override {
        const FakeDomain& domain = begin("state");
        if (!is_suspended(domain))
            refuse("state", EINVAL);
        return domain.memory.state;
    }

  private:
    FakeDomain& begin(const std::string& call) { return hypervisor_.begin(call, id_); }

    FakeHypervisor& hypervisor_;
    DomainId id_;
};

class FakeRestoredMemory final : public RestoredMemory {
  public:
    FakeRestoredMemory(FakeHypervisor& hypervisor, DomainId id, std::uint64_t pfn_end,
                       std::span<const std::uint64_t> owned)
        : hypervisor_(hypervisor), id_(id), pfn_end_(pfn_end), owned_(owned.begin(), owned.end()) {}

    void write(std::span<const PageId> pages, std::span<const std::byte> bytes) override {
        FakeMemory& memory = hypervisor_.begin("write", id_).memory;
        if (bytes.size() != pages.size() * page_size)
            refuse("write", EINVAL);
        for (std::size_t i = 0; i < pages.size(); ++i) {
            require_owned(pages[i].pfn);
            const auto page = bytes.subspan(i * page_size, page_size);
            memory.contents[pages[i].pfn].assign(page.begin(), page.end());
        }
    }

    void clear() override { hypervisor_.begin("clear", id_); }

    RingFrames finish(const image::MachineState& state, std::span<const PageId> pages,
                      EventPort store_port, std::optional<EventPort> console_port) override {
        FakeDomain& domain = hypervisor_.begin("finish", id_);
        const auto is_port = [&](EventPort port) { return port >= 1 && port <= domain.ports; };
        if (!is_port(store_port) || (console_port && !is_port(*console_port)) ||
            state.pfn_end != pfn_end_ || state.vcpus.size() != domain.vcpus)
            refuse("finish", EINVAL);
        for (const PageId& page : pages)
            require_owned(page.pfn);
        domain.memory.pages.assign(pages.begin(), pages.end());
        domain.memory.state = state;
        domain.built = true;
        return {.xenstore = xenstore_frame(id_), .console = console_port ? console_frame(id_) : 0};
    }

  private:
    void require_owned(std::uint64_t pfn) const {
        if (!std::ranges::binary_search(owned_, pfn))
            refuse(fmt::format("page {}", pfn), ENXIO);
    }

    FakeHypervisor& hypervisor_;
    DomainId id_;
    std::uint64_t pfn_end_;
    std::vector<std::uint64_t> owned_;
};

std::unique_ptr<GuestMemory> FakeHypervisor::open_memory(DomainId id) {
    begin("open_memory", id);
    return std::make_unique<FakeGuestMemory>(*this, id);
}

void FakeHypervisor::give_pages(DomainId id, std::uint64_t pages) {
    if (!exists(id))
        return;
    domain(id).pages = std::min(domain(id).max_pages, pages);
    free_pages -= domain(id).pages;
}

void FakeHypervisor::require_libxenguest() {
    begin("require_libxenguest", "require_libxenguest");
}

void FakeHypervisor::save_by_libxenguest(DomainId id, const StreamSink& sink) {
    constexpr std::size_t part = 100'000;
    FakeDomain& domain = begin("save_by_libxenguest", id);
    if (!is_suspended(domain))
        refuse("xc_domain_save", EINVAL);
    ++domain.pauses;
    MemorySink stream;
    image::GuestDescription description;
    description.config.memory_mib = (domain.memory.pages.size() + 255) / 256;
    description.config.vcpus = domain.vcpus;
    description.pfn_end = domain.memory.state.pfn_end;
    description.memory_pages = domain.memory.pages.size();
    image::ImageWriter writer(stream, "the stream");
    writer.begin(description, domain.memory.pages);
    for (const PageId& page : domain.memory.pages)
        if (const auto found = domain.memory.contents.find(page.pfn);
            found != domain.memory.contents.end())
            writer.page(page, found->second);
    writer.end(domain.memory.state, domain.memory.pages);
    try {
        for (std::span<const std::byte> rest = stream.bytes; !rest.empty();
             rest = rest.subspan(std::min(rest.size(), part))) {
            begin("save a part", id);
            sink(rest.first(std::min(rest.size(), part)));
        }
    } catch (const Error&) {  // one that is killed leaves it paused
        --domain.pauses;
        throw;
    }
    --domain.pauses;
}

RingFrames FakeHypervisor::restore_by_libxenguest(DomainId id, EventPort store_port,
                                                  EventPort console_port,
                                                  const StreamSource& source) {
    ByteVector stream;
    begin("restore_by_libxenguest", id);
    while (const auto part = source())
        stream.insert(stream.end(), part->begin(), part->end());
    const image::WholeImage whole = image::read_whole(stream, "the stream");
    give_pages(id, whole.guest.memory_pages);  // also one that fails
    FakeDomain& domain = begin("restore the stream", id);
    const auto is_port = [&](EventPort port) { return port >= 1 && port <= domain.ports; };
    if (whole.guest.memory_pages > domain.max_pages || whole.guest.config.vcpus != domain.vcpus ||
        !is_port(store_port) || !is_port(console_port))
        refuse("xc_domain_restore", EINVAL);
    domain.memory = {.pages = image::to_pages(whole.pages), .state = whole.state};
    for (const image::PageBatch& batch : whole.batches)
        for (std::size_t i = 0; i < batch.pages.size(); ++i) {
            const auto page = batch.contents.subspan(i * page_size, page_size);
            domain.memory.contents[batch.pages[i].pfn].assign(page.begin(), page.end());
        }
    domain.built = true;
    return {.xenstore = xenstore_frame(id), .console = console_frame(id)};
}

std::unique_ptr<RestoredMemory> FakeHypervisor::restore(DomainId id, std::uint64_t pfn_end,
                                                        std::span<const std::uint64_t> owned) {
    give_pages(id, owned.size());  // also one that fails
    const FakeDomain& domain = begin("restore", id);
    if (owned.size() > domain.max_pages)
        refuse("restore", ENOMEM);
    return std::make_unique<FakeRestoredMemory>(*this, id, pfn_end, owned);
}

std::unique_ptr<SuspensionEvents> FakeHypervisor::hear_suspension(DomainId id, EventPort port) {
    FakeDomain& domain = begin("hear_suspension", id);
    if (port != domain.suspend_port && port != domain.ports)
        refuse("hear_suspension", EINVAL);
    return std::make_unique<FakeSuspensionEvents>(*this, id);
}

void FakeHypervisor::tell_store_of_suspension(DomainId id) {
    begin("tell_store_of_suspension", id).suspends_unheard = false;
}

void FakeHypervisor::resume(DomainId id) {
    FakeDomain& domain = begin("resume", id);
    if (!is_suspended(domain))
        refuse("resume", EINVAL);
    domain.ended.reset();
    domain.pauses = 0;
    ++domain.cancelled;
}

}  // namespace xcl::test
