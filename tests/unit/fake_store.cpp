// SPDX-License-Identifier: BSD-3-Clause
// The daemon's rules, as xenstored (C) and oxenstored have them in common.
#include "fake_store.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::test {
namespace {

constexpr std::size_t max_path = 3072;  // XENSTORE_ABS_PATH_MAX

[[noreturn]] void lose(const std::string& call, int error) {
    throw Error({.doing = "talk to XenStore", .call = call, .error = error});
}

bool is_valid(const std::string& path) {
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '/' || c == '_' || c == '@';
    };
    if (path == "/")
        return true;
    return path.size() <= max_path && path.starts_with('/') && !path.ends_with('/') &&
           path.find("//") == std::string::npos && std::ranges::all_of(path, allowed);
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_below(const std::string& path, const std::string& top) {
    return path.size() > top.size() && path.starts_with(top) &&
           (top == "/" || path[top.size()] == '/');
}

std::vector<std::string> parts_of(std::string_view value) {
    std::vector<std::string> parts;
    while (!value.empty()) {
        const std::size_t length = value.find('\0');
        if (length == std::string_view::npos)
            return {};
        parts.emplace_back(value.substr(0, length));
        value.remove_prefix(length + 1);
    }
    return parts;
}

bool is_permission(const std::string& text) {
    return text.size() > 1 && std::string_view("nrwb").find(text[0]) != std::string_view::npos &&
           std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Whether the guest may do what `letter` ('r' or 'w') stands for.
bool is_allowed(const FakeStore::Node& node, std::uint16_t id, char letter) {
    const std::string number = std::to_string(id);
    if (node.permissions.front().substr(1) == number)
        return true;
    char right = node.permissions.front()[0];
    for (std::size_t i = 1; i < node.permissions.size(); ++i)
        if (node.permissions[i].substr(1) == number)
            right = node.permissions[i][0];
    return right == letter || right == 'b';
}

}  // namespace

FakeStore::FakeStore(Faults& faults, FakeHypervisor& hypervisor)
    : faults_(faults), hypervisor_(hypervisor) {
    nodes["/"] = {"", {"n0"}};
    write("/tool/xenstored", "");
    write("/local/domain/0/name", "Domain-0");
    hypervisor_.on_end = [this](std::uint16_t id) { domain_ended(id); };
}

std::vector<StoreReply> FakeStore::exchange(std::span<const StoreRequest> requests) {
    exchanges.emplace_back(requests.begin(), requests.end());
    if (const int error = faults_.pass("send"); error != 0)
        lose("send", error);
    std::vector<StoreReply> replies;
    for (const StoreRequest& request : requests) {
        const int error = faults_.pass(describe(request));
        replies.push_back(error != 0 ? StoreReply{error, {}} : serve(request));
    }
    // Served, but nobody hears of it.
    if (const int error = faults_.pass("recv"); error != 0)
        lose("recv", error);
    return replies;
}

StoreReply FakeStore::serve(const StoreRequest& request) {
    using Operation = StoreRequest::Operation;
    if (request.operation == Operation::introduce)
        return {introduce(request), {}};
    if (request.operation == Operation::resume)
        return {resume(request), {}};
    if (!is_valid(request.path))
        return {EINVAL, {}};
    switch (request.operation) {
        case Operation::read:
            if (!exists(request.path))
                return {ENOENT, {}};
            return {0, value(request.path)};
        case Operation::directory:
            return directory(request.path);
        case Operation::write:
            return {write(request.path, request.value), {}};
        case Operation::make_directory:
            return {make_directory(request.path), {}};
        case Operation::remove:
            return {remove(request.path), {}};
        case Operation::set_permissions:
            return {set_permissions(request.path, request.value), {}};
        case Operation::introduce:
        case Operation::resume:
            break;
    }
    return {ENOSYS, {}};
}

StoreReply FakeStore::directory(const std::string& path) const {
    if (!exists(path))
        return {ENOENT, {}};
    std::string names;
    for (const auto& [below, node] : nodes)
        if (below != "/" && parent_of(below) == path)
            names.append(below.substr(below.rfind('/') + 1)).push_back('\0');
    return {0, names};
}

int FakeStore::write(const std::string& path, const std::string& value) {
    if (const auto found = nodes.find(path); found != nodes.end()) {
        found->second.value = value;
    } else {
        const std::string parent = parent_of(path);
        if (!exists(parent))
            write(parent, "");
        nodes[path] = {value, nodes.at(parent).permissions};
    }
    fire(path);
    on_write(path, value);
    return 0;
}

int FakeStore::make_directory(const std::string& path) {
    return exists(path) ? 0 : write(path, "");
}

int FakeStore::guest_write(DomainId id, const std::string& path, const std::string& value) {
    std::string nearest = path;
    while (!exists(nearest))
        nearest = parent_of(nearest);
    return is_allowed(nodes.at(nearest), id.value(), 'w') ? write(path, value) : EACCES;
}

bool FakeStore::guest_may_read(DomainId id, const std::string& path) const {
    return is_allowed(nodes.at(path), id.value(), 'r');
}

// Both daemons forgive the removal of what is not there if its parent is.
int FakeStore::remove(const std::string& path) {
    if (path == "/")
        return EINVAL;
    if (!exists(path))
        return exists(parent_of(path)) ? 0 : ENOENT;
    std::vector<std::string> removed;
    for (const auto& [node, content] : nodes)
        if (node == path || is_below(node, path))
            removed.push_back(node);
    for (const std::string& node : removed) {
        nodes.erase(node);
        fire(node);
        on_remove(node);
    }
    return 0;
}

int FakeStore::set_permissions(const std::string& path, const std::string& value) {
    const std::vector<std::string> permissions = parts_of(value);
    if (permissions.empty() || !std::ranges::all_of(permissions, is_permission))
        return EINVAL;
    if (!exists(path))
        return ENOENT;
    nodes.at(path).permissions = permissions;
    fire(path);
    return 0;
}

// The daemon maps the guest's ring by the grant that the builder left, and binds the port.
int FakeStore::introduce(const StoreRequest& request) {
    const std::vector<std::string> parts = parts_of(request.value);
    if (parts.size() != 2)
        return EINVAL;
    const auto id = static_cast<std::uint16_t>(std::stoul(request.path));
    const unsigned long port = std::stoul(parts[1]);
    const auto found = hypervisor_.domains.find(id);
    if (found == hypervisor_.domains.end() || !found->second.built || port == 0 ||
        port > found->second.ports)
        return EINVAL;
    introduced.insert(id);
    fire("@introduceDomain");
    return 0;
}

// It tells of a domain's end once, until it hears that the domain runs on.
int FakeStore::resume(const StoreRequest& request) {
    const auto id = static_cast<std::uint16_t>(std::stoul(request.path));
    if (!introduced.contains(id))
        return ENOENT;
    told.erase(id);
    return 0;
}

// It hears of the domains that it knows; what a dead one owns goes with it.
void FakeStore::domain_ended(std::uint16_t id) {
    if (!introduced.contains(id))
        return;
    if (!hypervisor_.exists(DomainId(id)) || hypervisor_.domain(DomainId(id)).dying) {
        introduced.erase(id);
        told.erase(id);
        std::erase_if(nodes, [&](const auto& entry) {
            return entry.second.permissions.front().substr(1) == std::to_string(id);
        });
    } else if (!told.insert(id).second) {
        return;
    }
    fire("@releaseDomain");
}

void FakeStore::fire(const std::string& path) {
    for (const auto& [watched, token] : watches)
        if (path == watched || is_below(path, watched))
            events.push_back({path, token});
}

void FakeStore::watch(std::string_view path, std::string_view token) {
    if (const int error = faults_.pass("XS_WATCH"); error != 0)
        lose("XS_WATCH", error);
    if (!watches.emplace(path, token).second)
        lose("XS_WATCH", EEXIST);
    events.push_back({std::string(path), std::string(token)});
}

void FakeStore::unwatch(std::string_view path, std::string_view token) {
    if (const int error = faults_.pass("XS_UNWATCH"); error != 0)
        lose("XS_UNWATCH", error);
    if (watches.erase({std::string(path), std::string(token)}) == 0)
        lose("XS_UNWATCH", ENOENT);
    std::erase_if(events, [&](const WatchEvent& event) { return event.token == token; });
}

std::optional<WatchEvent> FakeStore::wait_event(
    std::chrono::steady_clock::time_point /*deadline*/) {
    if (const int error = faults_.pass("poll"); error != 0)
        lose("poll", error);
    while (events.empty() && !while_asleep.empty()) {
        const std::function<void()> happens = std::move(while_asleep.front());
        while_asleep.pop_front();
        happens();
    }
    if (events.empty())
        return std::nullopt;
    WatchEvent event = std::move(events.front());
    events.pop_front();
    return event;
}

}  // namespace xcl::test
