// SPDX-License-Identifier: BSD-3-Clause
// FakeStore: a XenStore daemon in memory, as the control domain's socket sees it. New nodes inherit
// the permissions of their parent, writes make missing parents, removals take whole subtrees.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fake_hypervisor.hpp"
#include "faults.hpp"
#include "ports/store.hpp"

namespace xcl::test {

class FakeStore final : public Store {
  public:
    struct Node {
        std::string value;
        std::vector<std::string> permissions;  // as on the wire, the owner's first

        friend bool operator==(const Node&, const Node&) = default;
    };

    // The daemon of that hypervisor's host, with the nodes that a freshly started one has.
    FakeStore(Faults& faults, FakeHypervisor& hypervisor);

    std::vector<StoreReply> exchange(std::span<const StoreRequest> requests) override;
    void watch(std::string_view path, std::string_view token) override;
    void unwatch(std::string_view path, std::string_view token) override;
    std::optional<WatchEvent> wait_event(std::chrono::steady_clock::time_point deadline) override;

    // What other processes of the control domain do, in the wire's errno values.
    int write(const std::string& path, const std::string& value);
    // What a guest does. EACCES if it may not.
    int guest_write(DomainId id, const std::string& path, const std::string& value);
    [[nodiscard]] bool guest_may_read(DomainId id, const std::string& path) const;

    [[nodiscard]] bool exists(const std::string& path) const { return nodes.contains(path); }
    [[nodiscard]] std::string value(const std::string& path) const { return nodes.at(path).value; }

    std::map<std::string, Node> nodes;
    std::set<std::uint16_t> introduced;
    std::set<std::uint16_t> told;  // of these everybody knows that they have ended
    std::vector<std::vector<StoreRequest>> exchanges;       // all that came
    std::set<std::pair<std::string, std::string>> watches;  // path, token
    std::deque<WatchEvent> events;
    // What happens, one after the other, while wait_event sleeps. When all has happened, its
    // deadline passes.
    std::deque<std::function<void()>> while_asleep;
    // What the control domain's kernel hears of: a node was written, a node is gone.
    std::function<void(const std::string& path, const std::string& value)> on_write =
        [](const auto&, const auto&) {};
    std::function<void(const std::string& path)> on_remove = [](const auto&) {};

  private:
    StoreReply serve(const StoreRequest& request);
    StoreReply directory(const std::string& path) const;
    int make_directory(const std::string& path);
    int remove(const std::string& path);
    int set_permissions(const std::string& path, const std::string& value);
    int introduce(const StoreRequest& request);
    int resume(const StoreRequest& request);
    void domain_ended(std::uint16_t id);
    void fire(const std::string& path);

    Faults& faults_;
    FakeHypervisor& hypervisor_;
};

}  // namespace xcl::test
