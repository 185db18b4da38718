// SPDX-License-Identifier: BSD-3-Clause
// MachineState: what a suspended paravirtualised guest is besides the contents of its pages, as
// plain data. Frame numbers in it are the guest's own ("pseudo-physical", PFN), never the host's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xcl::image {

// No page: where a list of PFNs leaves one out.
inline constexpr std::uint64_t no_page = ~std::uint64_t{0};

// What Xen holds a page to be; its contents then name frames, which differ from host to host.
// The numbers are those of the format.
enum class PageType : std::uint8_t {
    data = 0,
    l1_table = 1,
    l2_table = 2,
    l3_table = 3,
    l4_table = 4,
};

// One page of the guest.
struct PageId {
    std::uint64_t pfn = 0;
    PageType type = PageType::data;
    bool pinned = false;  // the guest told Xen to keep it a table while nothing refers to it

    friend bool operator==(const PageId&, const PageId&) = default;
};

// A vCPU as Xen gives and takes it: the structures of xen/domctl.h and xen/arch-x86, with frame
// numbers in PFNs.
struct VcpuState {
    // vcpu_guest_context_t; bit 0 of ctrlreg[1] set if that names a table. Empty: the vCPU is not
    // online.
    std::vector<std::byte> context;
    std::vector<std::byte> extended;   // xen_domctl_ext_vcpucontext; may be empty
    std::uint64_t xsave_features = 0;  // xfeature_mask of `xsave`
    std::vector<std::byte> xsave;      // XEN_DOMCTL_getvcpuextstate; may be empty
    std::vector<std::byte> msrs;       // xen_domctl_vcpu_msr, any number; may be empty

    friend bool operator==(const VcpuState&, const VcpuState&) = default;
};

struct TscState {
    std::uint32_t mode = 0;
    std::uint32_t khz = 0;
    std::uint32_t incarnation = 0;
    std::uint64_t elapsed_ns = 0;

    friend bool operator==(const TscState&, const TscState&) = default;
};

struct MachineState {
    std::uint64_t pfn_end = 0;           // every PFN is less
    std::uint64_t memory_pages = 0;      // that it owns
    std::uint64_t start_info = 0;        // the PFN it suspended with
    std::uint64_t xenstore = 0;          // PFNs of the rings, as start_info has them
    std::uint64_t console = 0;           // 0: it has no console
    std::vector<std::byte> shared_info;  // a page
    // PFNs of the pages that hold its p2m, in order; each but the last is filled. Their contents
    // are made anew where it is restored. no_page for one with nothing but holes: it may be there
    // more than once, and is a page like others.
    std::vector<std::uint64_t> p2m_pages;
    TscState tsc;
    std::vector<VcpuState> vcpus;

    friend bool operator==(const MachineState&, const MachineState&) = default;
};

}  // namespace xcl::image
