// SPDX-License-Identifier: BSD-3-Clause
// The rules for what an image may say of a guest. The writer obeys them too, so each is broken in
// the plain data.
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "image_samples.hpp"

namespace xcl::image {
namespace {

using test::failure_of;
using test::sample_guest;
using test::SampleGuest;
using ::testing::HasSubstr;

// What the writer says to the small guest after `change`.
std::string refusal_after(const std::function<void(SampleGuest&)>& change) {
    SampleGuest guest = sample_guest();
    change(guest);
    const Failure failure = failure_of([&guest] { static_cast<void>(test::image_of(guest)); });
    EXPECT_EQ(failure.doing, "write the image img");
    return failure.problem;
}

std::string refusal_of_config(const std::function<void(GuestConfig&)>& change) {
    return refusal_after([&change](SampleGuest& guest) { change(guest.description.config); });
}

std::string refusal_of_vif(const std::function<void(VifConfig&)>& change) {
    return refusal_of_config([&change](GuestConfig& config) { change(config.vifs[0]); });
}

std::string refusal_of_node(const std::string& path, const std::string& value = "v") {
    return refusal_after([&](SampleGuest& guest) {
        guest.description.store.push_back({.path = path, .value = value});
    });
}

std::string refusal_of_state(const std::function<void(MachineState&)>& change) {
    return refusal_after([&change](SampleGuest& guest) { change(guest.state); });
}

TEST(ImageRules, Config) {
    EXPECT_THAT(refusal_of_config([](auto& c) { c.name = "a/b"; }), HasSubstr("without '/'"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.name = "a\x1b[2J"; }), HasSubstr("'a\\x1b[2J'"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.name.assign(129, 'a'); }), HasSubstr("128"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.kernel = "/k"; }), HasSubstr("kernel"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.memory_mib = 2; }), HasSubstr("in MiB"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.vcpus = 0; }), HasSubstr("0 vCPUs"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.vcpus = 513; }), HasSubstr("513 vCPUs"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.vcpus = 1; }), HasSubstr("more lists of CPUs"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.cpus.emplace(); }), HasSubstr("and for each"));
    EXPECT_THAT(refusal_of_config([](auto& c) {
                    c.cpus_by_vcpu[0] = {3, 3};
                }),
                HasSubstr("ascending numbers"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.cpus_by_vcpu[0] = {4095}; }),
                HasSubstr("ascending numbers up to 4094"));
}

TEST(ImageRules, Size) {
    const auto sized = [](std::uint64_t pages, std::uint64_t end) {
        return refusal_after([=](SampleGuest& guest) {
            guest.description.memory_pages = pages;
            guest.description.config.memory_mib = (pages + 255) / 256;
            guest.description.pfn_end = end;
        });
    };
    EXPECT_THAT(sized(0, 14), HasSubstr("no memory"));
    EXPECT_THAT(sized(max_pages + 1, max_pages + 1), HasSubstr("more than"));
    EXPECT_THAT(sized(12, max_pages + 1), HasSubstr("more than"));
    EXPECT_THAT(sized(12, 11), HasSubstr("frame numbers for 11 only"));
    EXPECT_THAT(sized(12, 12 * 512 + 1), HasSubstr("cannot hold a p2m"));
    EXPECT_THAT(sized(11, 14), HasSubstr("lists 12 pages, and the guest has 11"));
}

TEST(ImageRules, Vifs) {
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.mac.reset(); }), HasSubstr("its vif 0: it has no"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.mac->bytes[0] = 1; }), HasSubstr("no MAC"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.mac.emplace(); }), HasSubstr("no MAC"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.bridge = "a/b"; }),
                HasSubstr("its vif 0: expected a bridge's name without '/'"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.bridge = "auto"; }), HasSubstr("bridge is 'auto'"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.bridge.assign(16, 'b'); }), HasSubstr("15 bytes"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.script = "../x"; }), HasSubstr("without '..'"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.script = "a\nb"; }), HasSubstr("'a\\x0ab'"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.ip.text = "10.0.0.256"; }), HasSubstr("IPv4"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.ip.prefix = 33; }), HasSubstr("1 to 32 bits"));
    EXPECT_THAT(refusal_of_vif([](auto& v) { v.rate = VifRate{.bytes = 0, .interval_us = 1}; }),
                HasSubstr("rate is none"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.vifs.resize(9); }), HasSubstr("9 vifs"));
    EXPECT_THAT(refusal_of_config([](auto& c) { c.vifs.pop_back(); }), HasSubstr("not numbered"));
    EXPECT_THAT(refusal_after([](SampleGuest& g) {
                    g.description.vif_numbers = {2, 2};
                }),
                HasSubstr("not numbered"));
}

TEST(ImageRules, StoreNodes) {
    EXPECT_THAT(refusal_of_node(""), HasSubstr("has 0 bytes"));
    EXPECT_THAT(refusal_of_node("data/" + std::string(2044, 'x')), HasSubstr("has 2049 bytes"));
    EXPECT_THAT(refusal_of_node("/data/x"), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node("data/x/"), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node("data//x"), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node("data/../x"), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node(".."), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node("data/."), HasSubstr("not a plain path"));
    EXPECT_THAT(refusal_of_node("data/a b"), HasSubstr("characters"));
    EXPECT_THAT(refusal_of_node(std::string("data/a\0b", 8)), HasSubstr("characters"));
    EXPECT_THAT(refusal_of_node("device/vif/0/backend"), HasSubstr("none of the guest's own"));
    EXPECT_THAT(refusal_of_node("database"), HasSubstr("none of the guest's own"));
    EXPECT_THAT(refusal_of_node("data/motd"), HasSubstr("'data/motd' is there twice"));
    EXPECT_THAT(refusal_of_node("data/x", std::string(4076 - 6, 'v')), HasSubstr("a message"));
    EXPECT_THAT(refusal_after([](SampleGuest& guest) {
                    guest.description.store.assign(max_store_entries + 1, {});
                }),
                HasSubstr("4097 XenStore nodes"));
    // What just fits.
    SampleGuest guest = sample_guest();
    guest.description.store = {{.path = "data/" + std::string(2043, 'x'), .value = "v"},
                               {.path = "data", .value = "v"},
                               {.path = "data/x", .value = std::string(4076 - 7, 'v')}};
    EXPECT_EQ(fault_of(guest.description), "");
}

TEST(ImageRules, Pages) {
    EXPECT_THAT(refusal_after([](SampleGuest& g) { g.pages[2].pfn = 1; }), HasSubstr("twice"));
    EXPECT_THAT(refusal_after([](SampleGuest& g) { std::swap(g.pages[0], g.pages[4]); }),
                HasSubstr("out of order"));
    EXPECT_THAT(refusal_after([](SampleGuest& g) { g.pages.back().pfn = 14; }),
                HasSubstr("not below 0xe"));
    EXPECT_THAT(refusal_after([](SampleGuest& g) { g.pages[0].pinned = true; }),
                HasSubstr("pinned, yet no page table"));
    EXPECT_THAT(refusal_after([](SampleGuest& g) { g.contents[1].resize(100); }),
                HasSubstr("0x1 has 100 bytes"));
}

TEST(ImageRules, WriterTakesItsOwnPagesOnceAndAscending) {
    const SampleGuest guest = sample_guest();
    test::MemorySink sink;
    ImageWriter writer(sink, "img");
    writer.begin(guest.description, guest.pages);
    const auto refusal = [&writer](const PageId& page) {
        return failure_of([&] { writer.page(page, test::page_of(1)); }).problem;
    };
    EXPECT_THAT(refusal({.pfn = 8}), HasSubstr("not in the list"));
    EXPECT_THAT(refusal({.pfn = 4}), HasSubstr("not in the list"));
    writer.page({.pfn = 2}, test::page_of(0));
    EXPECT_THAT(refusal({.pfn = 2}), HasSubstr("twice or too late"));
    EXPECT_THAT(refusal({.pfn = 1}), HasSubstr("twice or too late"));
    auto others = guest.pages;
    others[4].type = PageType::l2_table;
    EXPECT_THAT(failure_of([&] { writer.end(guest.state, others); }).problem,
                HasSubstr("not those it began with"));
}

TEST(ImageRules, State) {
    EXPECT_THAT(refusal_of_state([](auto& s) { s.pfn_end = 15; }), HasSubstr("below 0xf"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.memory_pages = 11; }), HasSubstr("of 11 pages"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.vcpus.pop_back(); }), HasSubstr("of 1 vCPUs"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.shared_info.pop_back(); }), HasSubstr("4095"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.p2m_pages.push_back(12); }), HasSubstr("need 1"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.p2m_pages.clear(); }), HasSubstr("need 1"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.p2m_pages[0] = 8; }), HasSubstr("does not own"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.start_info = 9; }), HasSubstr("0x9 is used"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.xenstore = 14; }), HasSubstr("0xe is used"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.console = ~0ULL; }), HasSubstr("does not own"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.start_info = 4; }), HasSubstr("a page table"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.xenstore = 2; }), HasSubstr("used twice"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.console = 13; }), HasSubstr("used twice"));
    const auto too_large = [](auto part, std::size_t most) {
        return refusal_of_state([=](MachineState& s) { (s.vcpus[1].*part).resize(most + 1); });
    };
    EXPECT_THAT(too_large(&VcpuState::context, max_context), HasSubstr("vCPU 1 is too large"));
    EXPECT_THAT(too_large(&VcpuState::extended, max_extended), HasSubstr("too large"));
    EXPECT_THAT(too_large(&VcpuState::xsave, max_xsave), HasSubstr("too large"));
    EXPECT_THAT(too_large(&VcpuState::msrs, max_msrs), HasSubstr("too large"));
    EXPECT_THAT(refusal_of_state([](auto& s) { s.vcpus[0].context.clear(); }),
                HasSubstr("never brought up"));
}

}  // namespace
}  // namespace xcl::image
