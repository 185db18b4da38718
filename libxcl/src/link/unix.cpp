// SPDX-License-Identifier: BSD-3-Clause
// Sockets of this host, which the kernel itself guards.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "link/descriptor_link.hpp"
#include "link/waiting.hpp"

namespace xcl {
namespace {

sockaddr_un address_of(const std::string& path, const std::string& doing) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path ||
        path.find('\0') != std::string::npos)
        throw Error({.doing = doing,
                     .problem = fmt::format("a socket's path has 1 to {} bytes, none of them 0",
                                            sizeof address.sun_path - 1)});
    std::ranges::copy(path, address.sun_path);
    return address;
}

Descriptor new_socket(const std::string& doing, int flags = 0) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!socket.is_open())
        throw Error({.doing = doing, .call = "socket", .error = errno});
    return socket;
}

// 0, or the errno.
int connected(const Descriptor& socket, const sockaddr_un& address) {
    const int result =
        connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return result == 0 ? 0 : errno;
}

// Held by whoever replaces a socket in a directory: of two who find the same stale one, the second
// must not remove what the first has put in its place. It leaves nothing behind.
Descriptor lock_directory_of(const std::string& path, const std::string& doing) {
    using namespace std::chrono_literals;
    const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
    const std::string directory = name == 0 ? "." : path.substr(0, name);
    Descriptor lock(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock.is_open())
        throw Error({.doing = doing, .call = "open " + directory, .error = errno});
    // Whoever may read the directory may hold the lock, too, for as long as he likes.
    const auto end = Link::Clock::now() + 1s;
    while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EINTR && errno != EWOULDBLOCK)
            throw Error({.doing = doing, .call = "flock " + directory, .error = errno});
        if (Link::Clock::now() >= end)
            throw Error({.doing = doing, .problem = directory + " is locked by another process"});
        std::this_thread::sleep_for(5ms);
    }
    return lock;
}

// A socket's file outlives a listener that was killed.
void remove_stale(const std::string& path, const sockaddr_un& address, const std::string& doing) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0)
        return;
    const auto refuse = [&](const char* problem) {
        throw Error({.doing = doing, .problem = problem});
    };
    if (!S_ISSOCK(status.st_mode))
        refuse("there is a file of this name, which is no socket");
    // Not to sleep where as many wait as one can keep waiting: it listens, then.
    if (connected(new_socket(doing, SOCK_NONBLOCK), address) != ECONNREFUSED)
        refuse("another process listens there");
    if (unlink(path.c_str()) != 0)
        throw Error({.doing = doing, .call = "unlink", .error = errno});
}

// The process at the other end. Throws Error unless it is root's or of this process's user: others
// may neither bring guests nor be given them.
ucred trusted_peer(const Descriptor& socket, const std::string& path) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        throw link::lost(path, "getsockopt", errno);
    if (peer.uid != 0 && peer.uid != geteuid())
        throw Error({.problem = fmt::format("{}: a process of user {} may not migrate guests", path,
                                            peer.uid)});
    return peer;
}

class UnixCaller final : public Listener::Caller {
  public:
    UnixCaller(Descriptor socket, std::string path)
        : socket_(std::move(socket)), path_(std::move(path)) {}

    // The file's mode says the same, but a directory may be moved and a mode changed.
    std::unique_ptr<Link> admit(Link::Clock::time_point /*deadline*/) override {
        const ucred caller = trusted_peer(socket_, path_);
        return std::make_unique<link::DescriptorLink>(std::move(socket_),
                                                      fmt::format("process {}", caller.pid));
    }

  private:
    Descriptor socket_;
    std::string path_;
};

class UnixListener final : public Listener {
  public:
    explicit UnixListener(const std::string& path) : path_(path) {
        const std::string doing = fmt::format("listen at {}", path);
        const sockaddr_un address = address_of(path, doing);
        const auto fail = [&](const char* call) {
            throw Error({.doing = doing, .call = call, .error = errno});
        };
        socket_ = new_socket(doing);
        const Descriptor lock = lock_directory_of(path, doing);
        remove_stale(path, address, doing);
        // The file that bind makes has the mode of the socket: there is no moment in which others
        // could connect.
        if (fchmod(socket_.get(), S_IRUSR | S_IWUSR) != 0)
            fail("fchmod");
        if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail("bind");
        if (lstat(path.c_str(), &file_) != 0 || listen(socket_.get(), SOMAXCONN) != 0) {
            const int error = errno;
            unlink(path.c_str());
            errno = error;
            fail("listen");
        }
    }
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;
    // Somebody may have removed the file and put another in its place.
    ~UnixListener() override {
        struct stat now {};
        if (lstat(path_.c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
            now.st_ino == file_.st_ino)
            unlink(path_.c_str());
    }

    std::unique_ptr<Caller> accept() override {
        for (;;) {
            Descriptor socket(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (stopped_)
                return nullptr;
            if (socket.is_open())
                return std::make_unique<UnixCaller>(std::move(socket), path_);
            if (errno != EINTR && errno != ECONNABORTED)
                throw link::lost(path_, "accept4", errno);
        }
    }

    void stop() noexcept override {
        stopped_ = true;
        shutdown(socket_.get(), SHUT_RDWR);
    }

    const std::string& address() const override { return path_; }

  private:
    std::string path_;
    Descriptor socket_;
    struct stat file_ {};
    std::atomic<bool> stopped_ = false;
};

}  // namespace

std::unique_ptr<Link> connect_unix(const std::string& path) {
    const std::string doing = fmt::format("connect to {}", path);
    const sockaddr_un address = address_of(path, doing);
    Descriptor socket = new_socket(doing);
    if (const int error = connected(socket, address); error != 0)
        throw Error({.doing = doing,
                     .call = "connect",
                     .error = error,
                     .hint = fmt::format("'cosmos receive --listen unix:{}' listens there", path)});
    static_cast<void>(trusted_peer(socket, path));
    return std::make_unique<link::DescriptorLink>(std::move(socket), path);
}

std::unique_ptr<Listener> listen_unix(const std::string& path) {
    return std::make_unique<UnixListener>(path);
}

}  // namespace xcl
