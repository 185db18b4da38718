// SPDX-License-Identifier: BSD-3-Clause
// Makes the requests of the Store port and takes its replies apart.
#include "ports/store.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace xcl {

using Operation = StoreRequest::Operation;

StoreRequest store_read(std::string path) {
    return {Operation::read, std::move(path), {}};
}

StoreRequest store_directory(std::string path) {
    return {Operation::directory, std::move(path), {}};
}

StoreRequest store_write(std::string path, std::string value) {
    return {Operation::write, std::move(path), std::move(value)};
}

StoreRequest store_make_directory(std::string path) {
    return {Operation::make_directory, std::move(path), {}};
}

StoreRequest store_remove(std::string path) {
    return {Operation::remove, std::move(path), {}};
}

StoreRequest store_permissions(std::string path, std::span<const std::string> permissions) {
    std::string value;
    for (const std::string& permission : permissions)
        value.append(permission).push_back('\0');
    return {Operation::set_permissions, std::move(path), std::move(value)};
}

StoreRequest store_introduce(DomainId id, std::uint64_t frame, std::uint32_t port) {
    std::string value = fmt::format("{}", frame);
    value.push_back('\0');
    value += fmt::format("{}", port);
    value.push_back('\0');
    return {Operation::introduce, fmt::format("{}", id.value()), std::move(value)};
}

StoreRequest store_resume(DomainId id) {
    return {Operation::resume, fmt::format("{}", id.value()), {}};
}

std::string describe(const StoreRequest& request) {
    const auto name = [&]() -> std::string_view {
        switch (request.operation) {
            case Operation::read:
                return "XS_READ";
            case Operation::directory:
                return "XS_DIRECTORY";
            case Operation::write:
                return "XS_WRITE";
            case Operation::make_directory:
                return "XS_MKDIR";
            case Operation::remove:
                return "XS_RM";
            case Operation::set_permissions:
                return "XS_SET_PERMS";
            case Operation::introduce:
                return "XS_INTRODUCE";
            case Operation::resume:
                return "XS_RESUME";
        }
        return "XS_?";
    };
    return fmt::format("{} {}", name(), request.path);
}

std::vector<std::string> directory_names(const StoreReply& reply) {
    std::vector<std::string> names;
    std::string_view rest = reply.value;
    while (!rest.empty()) {
        const std::string_view name = rest.substr(0, rest.find('\0'));
        names.emplace_back(name);
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return names;
}

}  // namespace xcl
