// SPDX-License-Identifier: BSD-3-Clause
// The four files of a directory.
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "link/certificates.hpp"
#include "link/new_files.hpp"
#include "xcl/error.hpp"
#include "xcl/link.hpp"

namespace xcl {
namespace {

constexpr mode_t for_all = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
constexpr mode_t for_owner = S_IRUSR | S_IWUSR;

// A private key, that does not stay in memory.
class Secret {
  public:
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }

    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

bool exists(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0)
        return true;
    if (errno != ENOENT)
        throw Error({.doing = fmt::format("look for {}", path), .call = "lstat", .error = errno});
    return false;
}

std::string content_of(const std::string& path) {
    constexpr std::size_t most = std::size_t{1} << 20;
    const std::string doing = fmt::format("read {}", path);
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open())
        throw Error({.doing = doing, .call = "open", .error = errno});
    std::string content(most, '\0');
    std::size_t size = 0;
    for (;;) {
        const ssize_t count = read(file.get(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw Error({.doing = doing, .call = "read", .error = errno});
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
        if (size == most)
            throw Error({.doing = doing, .problem = "it is too large for a certificate or a key"});
    }
    content.resize(size);
    return content;
}

link::Identity kept_or_new_authority(const std::string& directory, const link::Validity& validity,
                                     link::NewFiles& files) {
    const std::string certificate = directory + "/ca.pem";
    const std::string key = directory + "/ca.key";
    const bool has_certificate = exists(certificate);
    if (has_certificate != exists(key))
        throw Error(
            {.doing = fmt::format("use the authority in {}", directory),
             .problem = fmt::format("ca.{} is there, but no ca.{}", has_certificate ? "pem" : "key",
                                    has_certificate ? "key" : "pem"),
             .hint = "copy the missing one from the host where it was made, or remove the "
                     "other for a new authority"});
    if (has_certificate)
        return link::authority_of(content_of(certificate), Secret(content_of(key)).text());
    link::Identity made = link::new_authority(validity);
    files.add("ca.key", Secret(link::pem_of(*made.key)).text(), for_owner);
    files.add("ca.pem", link::pem_of(*made.certificate), for_all);
    return made;
}

}  // namespace

Certificates certificates_in(const std::string& directory) {
    return {.authority = directory + "/ca.pem",
            .certificate = directory + "/host.pem",
            .key = directory + "/host.key"};
}

void make_certificates(const std::string& directory, const std::vector<std::string>& names,
                       unsigned days) {
    const link::Validity validity = link::valid_for_days(days);
    const bool is_new = mkdir(directory.c_str(), S_IRWXU) == 0;
    if (!is_new && errno != EEXIST)
        throw Error({.doing = fmt::format("make the directory {}", directory),
                     .call = "mkdir",
                     .error = errno,
                     .hint = errno == ENOENT ? "the directory above it has to be there" : ""});
    try {
        const Certificates paths = certificates_in(directory);
        for (const std::string& path : {paths.key, paths.certificate})
            if (exists(path))
                throw Error({.doing = fmt::format("make certificates in {}", directory),
                             .problem = fmt::format("{} is there already", path),
                             .hint = "remove host.pem and host.key first if this host is to have "
                                     "new ones"});
        link::NewFiles files(directory);
        const link::Identity authority = kept_or_new_authority(directory, validity, files);
        const link::Identity host = link::new_host(authority, names, validity);
        files.add("host.key", Secret(link::pem_of(*host.key)).text(), for_owner);
        files.add("host.pem", link::pem_of(*host.certificate), for_all);
        files.keep();
    } catch (...) {
        if (is_new)
            rmdir(directory.c_str());
        throw;
    }
}

}  // namespace xcl
