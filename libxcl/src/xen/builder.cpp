// SPDX-License-Identifier: BSD-3-Clause
// Builds a domain on one foreign mapping: only pages that get contents are mapped, since each costs
// more to unmap than to fill; pages that must be zero are cleared by the hypervisor.
#include "xen/builder.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "xen/domain_memory.hpp"

namespace xcl::xen {
namespace {

using kernel::page_size;
using kernel::PageRange;

// The page frames that segments put bytes into, ascending, each once.
std::vector<std::uint64_t> pages_with_bytes(const kernel::KernelImage& kernel) {
    std::vector<std::uint64_t> pages;
    for (const kernel::Segment& segment : kernel.segments) {
        if (segment.bytes.empty())
            continue;
        const std::uint64_t offset = segment.address - kernel.virt_base;
        const std::uint64_t last = (offset + segment.bytes.size() - 1) / page_size;
        std::uint64_t page = offset / page_size;
        if (!pages.empty() && pages.back() == page)
            ++page;
        for (; page <= last; ++page)
            pages.push_back(page);
    }
    return pages;
}

// The page frames that a guest expects to be zero and that nobody writes.
std::vector<std::uint64_t> zero_pages(const BootPlan& plan,
                                      std::span<const std::uint64_t> written) {
    std::vector<std::uint64_t> pages;
    for (const kernel::Segment& segment : plan.kernel.segments) {
        const std::uint64_t offset = segment.address - plan.kernel.virt_base;
        const std::uint64_t end = (offset + segment.memory_size + page_size - 1) / page_size;
        for (std::uint64_t page = (offset + segment.bytes.size()) / page_size; page < end; ++page)
            if (!std::ranges::binary_search(written, page) &&
                (pages.empty() || pages.back() != page))
                pages.push_back(page);
    }
    for (const PageRange& ring : {plan.layout.xenstore, plan.layout.console})
        for (std::uint64_t page = ring.first; page < ring.end(); ++page)
            pages.push_back(page);
    return pages;
}

// All pages that get contents, side by side in one mapping; `at` finds them by what they are.
class Pages {
  public:
    Pages(Handles& handles, DomainId id, const BootPlan& plan, const FrameList& frames,
          std::span<const std::uint64_t> kernel_pages, xen_pfn_t shared_info, xen_pfn_t grants) {
        std::vector<xen_pfn_t> wanted;
        for (const std::uint64_t page : kernel_pages)
            wanted.push_back(frames[page]);
        const auto part = [&](const PageRange& range) {
            const std::size_t offset = wanted.size() * page_size;
            for (std::uint64_t page = range.first; page < range.end(); ++page)
                wanted.push_back(frames[page]);
            return Part{offset, range.count * page_size};
        };
        ramdisk_ = part(plan.layout.ramdisk);
        p2m_ = part(plan.layout.p2m);
        start_info_ = part(plan.layout.start_info);
        page_tables_ = part(plan.layout.page_tables);
        shared_info_ = {wanted.size() * page_size, page_size};
        wanted.push_back(shared_info);
        grants_ = {wanted.size() * page_size, page_size};
        wanted.push_back(grants);
        kernel_ = {0, kernel_pages.size() * page_size};
        mapping_ = std::make_unique<Mapping>(handles, id, wanted);
    }

    [[nodiscard]] std::span<std::byte> kernel() const { return bytes(kernel_); }
    [[nodiscard]] std::span<std::byte> ramdisk() const { return bytes(ramdisk_); }
    [[nodiscard]] std::span<std::byte> p2m() const { return bytes(p2m_); }
    [[nodiscard]] std::span<std::byte> page_tables() const { return bytes(page_tables_); }
    [[nodiscard]] start_info_t& start_info() const { return as<start_info_t>(start_info_); }
    [[nodiscard]] shared_info_t& shared_info() const { return as<shared_info_t>(shared_info_); }
    [[nodiscard]] grant_entry_v1_t* grants() const { return &as<grant_entry_v1_t>(grants_); }

  private:
    struct Part {
        std::size_t offset = 0;
        std::size_t size = 0;
    };

    [[nodiscard]] std::span<std::byte> bytes(const Part& part) const {
        return mapping_->bytes().subspan(part.offset, part.size);
    }
    template <typename T>
    [[nodiscard]] T& as(const Part& part) const {
        return *reinterpret_cast<T*>(bytes(part).data());
    }

    Part kernel_, ramdisk_, p2m_, start_info_, page_tables_, shared_info_, grants_;
    std::unique_ptr<Mapping> mapping_;
};

// Copies segments into the mapped pages, which lie side by side in the order of `pages`, and zeroes
// what the segments leave of them.
void load_segments(const kernel::KernelImage& kernel, std::span<const std::uint64_t> pages,
                   std::span<std::byte> mapped) {
    const auto place_of = [&](std::uint64_t offset) {
        const auto page = std::ranges::lower_bound(pages, offset / page_size);
        return static_cast<std::size_t>(page - pages.begin()) * page_size + offset % page_size;
    };
    std::size_t filled = 0;  // of `mapped`, from its start
    for (const kernel::Segment& segment : kernel.segments) {
        if (segment.bytes.empty())
            continue;
        const std::size_t place = place_of(segment.address - kernel.virt_base);
        std::memset(mapped.data() + filled, 0, place - filled);
        std::memcpy(mapped.data() + place, segment.bytes.data(), segment.bytes.size());
        filled = place + segment.bytes.size();
    }
    std::memset(mapped.data() + filled, 0, mapped.size() - filled);
}

void copy_and_zero_rest(std::span<std::byte> to, std::span<const std::byte> from) {
    std::ranges::copy(from, to.begin());
    std::ranges::fill(to.subspan(from.size()), std::byte{});
}

void fill_start_info(start_info_t& info, const BootPlan& plan, const RingFrames& rings,
                     xen_pfn_t shared_info) {
    const kernel::BootLayout& layout = plan.layout;
    std::memset(&info, 0, page_size);
    constexpr std::string_view magic = "xen-3.0-x86_64";  // what every PV kernel looks for
    std::ranges::copy(magic, info.magic);
    info.nr_pages = layout.total_pages;
    info.shared_info = shared_info * page_size;
    info.store_mfn = rings.xenstore;
    info.store_evtchn = plan.store_port;
    info.console.domU.mfn = rings.console;
    info.console.domU.evtchn = plan.console_port.value_or(0);
    info.pt_base = layout.address_of(layout.page_tables.first);
    info.nr_pt_frames = layout.page_tables.count;
    info.mfn_list = layout.address_of(layout.p2m.first);
    info.first_p2m_pfn = layout.p2m.first;
    info.nr_p2m_frames = layout.p2m.count;
    if (layout.ramdisk.count != 0) {
        info.mod_start = layout.address_of(layout.ramdisk.first);
        info.mod_len = plan.ramdisk.size();
    }
    const auto length = std::min(plan.cmdline.size(), std::size_t{MAX_GUEST_CMDLINE - 1});
    std::copy_n(plan.cmdline.begin(), length, info.cmd_line);
}

// Events stay masked until the guest has set its handlers.
void mask_events(shared_info_t& info) {
    for (vcpu_info& vcpu : info.vcpu_info)
        vcpu.evtchn_upcall_mask = 1;
}

// Has Xen write its entry points into the page that the kernel set aside for them.
void fill_hypercall_page(Hypercalls& hypercalls, DomainId id, xen_pfn_t frame) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_hypercall_init, id);
    operation.u.hypercall_init.gmfn = frame;
    hypercalls.perform(operation, "fill its hypercall page", "XEN_DOMCTL_hypercall_init");
}

// Registers at start of day (xen/arch-x86/xen-x86_64.h): flat segments, the stack, and RSI at
// start_info.
void set_first_vcpu(Hypercalls& hypercalls, DomainId id, const kernel::BootLayout& layout,
                    xen_pfn_t l4) {
    vcpu_guest_context_t* const context = hypercalls.payload<vcpu_guest_context_t>(1).data();
    context->flags = VGCF_in_kernel | VGCF_online;
    cpu_user_regs_t& registers = context->user_regs;
    registers.rip = layout.rip();
    registers.rsp = layout.rsp();
    registers.rsi = layout.rsi();
    registers.rflags = 1U << 9;  // IF: a PV kernel masks events in shared_info instead
    registers.cs = FLAT_KERNEL_CS;
    registers.ss = FLAT_KERNEL_SS;
    registers.ds = registers.es = registers.fs = registers.gs = FLAT_KERNEL_DS;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = layout.rsp();
    context->ctrlreg[3] = xen_pfn_to_cr3(l4);
    context->debugreg[6] = 0xFFFF0FF0;  // the values of an x86 CPU after reset
    context->debugreg[7] = 0x00000400;

    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_setvcpucontext, id);
    operation.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle_raw(operation.u.vcpucontext.ctxt, context);
    hypercalls.perform(operation, "set its first vCPU", "XEN_DOMCTL_setvcpucontext");
}

}  // namespace

RingFrames build_domain(Handles& handles, DomainId id, const BootPlan& plan) {
    Hypercalls& hypercalls = handles.hypercalls;
    const kernel::BootLayout& layout = plan.layout;
    std::vector<std::uint64_t> pfns(layout.total_pages);
    std::iota(pfns.begin(), pfns.end(), std::uint64_t{0});
    const FrameList frames = populate(hypercalls, id, pfns.size(), pfns);
    const RingFrames rings{.xenstore = frames[layout.xenstore.first],
                           .console = plan.console_port ? frames[layout.console.first] : 0};

    const std::vector<std::uint64_t> kernel_pages = pages_with_bytes(plan.kernel);
    clear_pages(hypercalls, id, frames_of(frames, zero_pages(plan, kernel_pages)));

    const xen_pfn_t shared_info = shared_info_frame(hypercalls, id);
    {
        const Pages pages(handles, id, plan, frames, kernel_pages, shared_info,
                          grant_frame(hypercalls, id));
        load_segments(plan.kernel, kernel_pages, pages.kernel());
        copy_and_zero_rest(pages.ramdisk(), plan.ramdisk);
        copy_and_zero_rest(pages.p2m(), std::as_bytes(std::span(frames)));
        fill_page_tables(layout, frames, pages.page_tables());
        fill_start_info(pages.start_info(), plan, rings, shared_info);
        mask_events(pages.shared_info());
        seed_grants(pages.grants(), rings);
    }  // unmapped: Xen takes no page for a page table that somebody maps writable

    if (plan.kernel.hypercall_page)
        fill_hypercall_page(hypercalls, id,
                            frames[(*plan.kernel.hypercall_page - layout.virt_base) / page_size]);
    const xen_pfn_t l4 = frames[layout.cr3_pfn()];
    const PinnedTable root{.frame = l4, .command = MMUEXT_PIN_L4_TABLE};
    pin_tables(hypercalls, id, {&root, 1});
    set_first_vcpu(hypercalls, id, layout, l4);
    return rings;
}

}  // namespace xcl::xen
