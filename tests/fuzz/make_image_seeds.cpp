// SPDX-License-Identifier: BSD-3-Clause
// Writes the seeds of image_fuzz into a folder: small guests, one for each thing an image holds.
// They are committed, so this runs only when the format changes.
#include <cstdio>
#include <string>
#include <vector>

#include "image/file.hpp"
#include "image/writer.hpp"
#include "xcl/error.hpp"

namespace {

using namespace xcl::image;

struct Seed {
    GuestDescription guest;
    std::vector<PageId> pages;
    MachineState state;
    MemoryForm form = MemoryForm::pages;
};

// Four zero pages and one vCPU.
Seed plain() {
    Seed seed;
    seed.guest.config.name = "seed";
    seed.guest.config.memory_mib = 1;
    seed.guest.pfn_end = seed.guest.memory_pages = 4;
    for (std::uint64_t pfn = 0; pfn < 4; ++pfn)
        seed.pages.push_back({.pfn = pfn});
    seed.state.pfn_end = seed.state.memory_pages = 4;
    seed.state.start_info = 1;
    seed.state.xenstore = 2;
    seed.state.shared_info.resize(page_size);
    seed.state.p2m_pages = {3};
    seed.state.vcpus.resize(1);
    seed.state.vcpus[0].context.resize(64, std::byte{1});
    return seed;
}

Seed described() {
    Seed seed = plain();
    xcl::GuestConfig& config = seed.guest.config;
    config.cpus_by_vcpu = {{1, 2}, {}};
    config.vcpus = 2;
    config.vifs.resize(2);
    config.vifs[0].mac = xcl::parse_mac("00:16:3e:80:00:01");
    config.vifs[0].bridge = "xenbr0";
    config.vifs[0].ip = {.kind = xcl::VifAddress::Kind::fixed, .text = "10.0.0.2", .prefix = 24};
    config.vifs[1].mac = xcl::parse_mac("00:16:3e:80:00:02");
    config.vifs[1].script = "vif-cosmos";
    config.vifs[1].rate = xcl::VifRate{.bytes = 1000, .interval_us = 50000};
    seed.guest.vif_numbers = {0, 3};
    seed.guest.store = {{.path = "data/a", .value = "b"}, {.path = "attr/c", .value = ""}};
    seed.state.vcpus.resize(2);
    seed.state.vcpus[1].msrs.resize(16);
    return seed;
}

Seed tables(MemoryForm form) {
    Seed seed = plain();
    seed.form = form;
    seed.pages[0] = {.pfn = 0, .type = PageType::l4_table, .pinned = true};
    return seed;
}

void write(const std::string& path, const Seed& seed) {
    ImageFile file(path, Overwrite::yes);
    ImageWriter writer(file, path, seed.form);
    writer.begin(seed.guest, seed.pages);
    std::vector<std::byte> contents(page_size);
    for (const PageId& page : seed.pages) {
        contents[0] = std::byte{page.type != PageType::data};
        writer.page(page, contents);
    }
    writer.end(seed.state, seed.pages);
    file.commit();
}

void write_stream(const std::string& path) {
    ImageFile file(path, Overwrite::yes);
    ImageWriter writer(file, path, MemoryForm::libxenguest);
    writer.begin_stream(plain().guest);
    writer.part(std::vector<std::byte>(40, std::byte{0xff}));
    writer.part(std::vector<std::byte>(8, std::byte{1}));
    writer.end_stream();
    file.commit();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: make_image_seeds FOLDER\n", stderr);
        return 2;
    }
    try {
        const std::string folder = argv[1];
        write(folder + "/plain", plain());
        write(folder + "/described", described());
        write(folder + "/tables", tables(MemoryForm::pages));
        write(folder + "/rounds", tables(MemoryForm::rounds));
        write_stream(folder + "/libxenguest");
    } catch (const xcl::Error& error) {
        std::fprintf(stderr, "make_image_seeds: %s\n", error.what());
        return 1;
    }
    return 0;
}
