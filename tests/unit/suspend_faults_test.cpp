// SPDX-License-Identifier: BSD-3-Clause
// suspend and resume, whatever goes wrong: every call of every port is made to fail, or to be the
// last of its process. There is always one guest that runs, or can be made to, or one image.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "suspending.hpp"

namespace xcl::test {
namespace {

constexpr int injected = EXDEV;  // which no call here fails with by itself

struct Shape {
    const char* name;
    bool vif = false;
    bool channel = false;
    bool keep = false;
    bool declined = false;   // its memory is libxenguest's to save
    std::size_t points = 0;  // at least so many are passed
};

void PrintTo(const Shape& shape, std::ostream* out) {
    *out << shape.name;
}

struct Outcome {
    bool failed = false;
    bool killed = false;
};

template <typename Step>
Outcome attempt(Step step) {
    try {
        step();
    } catch (const Error&) {
        return {.failed = true, .killed = false};
    } catch (const Killed&) {
        return {.failed = false, .killed = true};
    }
    return {};
}

void furnish(FakeHost& host) {
    host.store.write("/local/domain/0/backend/vif", "");
    host.store.write("/local/domain/0/error/backend/vif", "");
    host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
}

class SuspendOf : public ::testing::TestWithParam<Shape> {
  protected:
    static DomainId furnished_guest(FakeHost& host) {
        furnish(host);
        const DomainId id = host.add_guest(GetParam().vif ? guest_with_vif() : small_guest());
        if (GetParam().declined)
            host.hypervisor.domain(id).memory.declined = "its p2m is strange";
        if (GetParam().channel)
            answers_by_channel(host, id);
        else
            answers_by_store(host, id);
        return id;
    }

    static Outcome suspend(FakeHost& host, DomainId id, const ImageFolder& folder) {
        return attempt([&] {
            static_cast<void>(verbs::suspend(host.ports(), id, folder.file("a.img"),
                                             {.keep = GetParam().keep}, any_name));
        });
    }

    // A file of that name is an image that is whole, and makes the guest.
    static void expect_whole_image(const ImageFolder& folder) {
        FakeHost other;
        furnish(other);
        const LoadedImage loaded(folder.file("a.img"));
        const auto made = verbs::resume(other.ports(), loaded.image, {});
        EXPECT_TRUE(runs(other, made.at(0).id));
    }
};

TEST_P(SuspendOf, AnyPointThatFailsLeavesTheGuestRunningOrItsImageWhole) {
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        const ImageFolder folder;
        const DomainId id = furnished_guest(host);
        host.faults.fail_at(point, injected);
        const Outcome outcome = suspend(host, id, folder);
        const bool hit = host.faults.hit();
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        host.faults.none();
        const bool image = folder.has("a.img");
        if (image)
            expect_whole_image(folder);
        if (!hit) {
            EXPECT_FALSE(outcome.failed);
            EXPECT_TRUE(image);
            EXPECT_EQ(runs(host, id), GetParam().keep);
            break;
        }
        if (GetParam().keep) {
            EXPECT_TRUE(image || runs(host, id));
        } else {
            EXPECT_NE(image, runs(host, id));
        }
        EXPECT_EQ(folder.files(), image ? 1U : 0U);
        EXPECT_TRUE(image || outcome.failed);
    }
    EXPECT_GE(point, GetParam().points);
}

TEST_P(SuspendOf, KilledAtAnyPointTheGuestCanRunOnUnlessItsImageIsWhole) {
    for (std::size_t point = 0;; ++point) {
        FakeHost host;
        const ImageFolder folder;
        const DomainId id = furnished_guest(host);
        host.faults.kill_at(point);
        const Outcome outcome = suspend(host, id, folder);
        const bool hit = host.faults.hit();
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        host.faults.none();
        if (!hit)
            break;
        // What it was asked it does, with nobody there.
        while (host.store.wait_event({})) {
        }
        const bool image = folder.has("a.img");
        if (image)
            expect_whole_image(folder);
        if (runs(host, id)) {
            EXPECT_TRUE(!image || GetParam().keep);
        } else if (!image) {
            ASSERT_TRUE(host.hypervisor.exists(id));
            verbs::wake(host.ports(), {&id, 1}, any_name);
            EXPECT_TRUE(runs(host, id));
            EXPECT_TRUE(is_whole(host, id));
        }
        EXPECT_TRUE(outcome.killed || outcome.failed || image);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Guests, SuspendOf,
    ::testing::Values(Shape{.name = "plain", .points = 20},
                      Shape{.name = "channel", .channel = true, .points = 15},
                      Shape{.name = "vif", .vif = true, .points = 25},
                      Shape{.name = "checkpoint", .keep = true, .points = 15},
                      Shape{.name = "declined", .vif = true, .declined = true, .points = 25}),
    [](const auto& shape) { return std::string(shape.param.name); });

class ResumeOf : public ::testing::TestWithParam<Shape> {
  protected:
    // The image of a guest of another host.
    static LoadedImage image(const ImageFolder& folder) {
        FakeHost other;
        furnish(other);
        const DomainId id = other.add_guest(GetParam().vif ? guest_with_vif() : small_guest());
        if (GetParam().declined)
            other.hypervisor.domain(id).memory.declined = "its p2m is strange";
        return suspended_image(other, id, folder);
    }
};

TEST_P(ResumeOf, AnyPointThatFailsIsReportedAndLeavesNothing) {
    const ImageFolder folder;
    const LoadedImage loaded = image(folder);
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        furnish(host);
        const Holdings before = holdings(host);
        host.faults.fail_at(point, injected);
        const Outcome outcome =
            attempt([&] { static_cast<void>(verbs::resume(host.ports(), loaded.image, {})); });
        const bool hit = host.faults.hit();
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        host.faults.none();
        if (!hit) {
            EXPECT_FALSE(outcome.failed);
            break;
        }
        EXPECT_TRUE(outcome.failed);
        EXPECT_EQ(holdings(host), before);
    }
    EXPECT_GE(point, GetParam().points);
}

TEST_P(ResumeOf, KilledAtAnyPointItLeavesAWholeGuestOrWhatReapCollects) {
    const ImageFolder folder;
    const LoadedImage loaded = image(folder);
    for (std::size_t point = 0;; ++point) {
        FakeHost host;
        furnish(host);
        const Holdings before = holdings(host);
        host.faults.kill_at(point);
        static_cast<void>(
            attempt([&] { static_cast<void>(verbs::resume(host.ports(), loaded.image, {})); }));
        const bool hit = host.faults.hit();
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        host.faults.none();
        if (!hit)
            break;
        host.network.settle();
        static_cast<void>(verbs::reap(host.ports(), [](const ProcessStamp&) { return false; }));
        EXPECT_EQ(holdings(host).domains, before.domains);
        EXPECT_EQ(holdings(host).nodes, before.nodes);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Guests, ResumeOf,
    ::testing::Values(Shape{.name = "plain", .points = 15},
                      Shape{.name = "vif", .vif = true, .points = 30},
                      Shape{.name = "declined", .vif = true, .declined = true, .points = 30}),
    [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace xcl::test
