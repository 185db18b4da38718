// SPDX-License-Identifier: BSD-3-Clause
// Takes a name as that of an abstract socket (unix(7)), which the kernel gives to one only.
#include "core/name_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include <sys/socket.h>
#include <sys/un.h>

#include "xcl/error.hpp"

namespace xcl {

std::optional<Descriptor> take_name(const std::string& name) {
    const auto fail = [&](const char* call) {
        throw Error({.doing = "take the name " + name, .call = call, .error = errno});
    };
    Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open())
        fail("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
    std::copy_n(name.begin(), length, address.sun_path + 1);  // behind a NUL: no file
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length)) == 0)
        return socket;
    if (errno != EADDRINUSE)
        fail("bind");
    return std::nullopt;
}

}  // namespace xcl
