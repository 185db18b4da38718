// SPDX-License-Identifier: BSD-3-Clause
// Guests that answer, and where their images go.
#include "suspending.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "record/record.hpp"

namespace xcl::test {
namespace {

std::vector<std::byte> bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("no file " + path);
    const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

}  // namespace

ImageFolder::ImageFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "xcl-images-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("no temporary directory");
    path_ = name;
}

ImageFolder::~ImageFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
}

bool ImageFolder::has(const std::string& name) const {
    return std::filesystem::exists(path_ / name);
}

std::size_t ImageFolder::files() const {
    const std::filesystem::directory_iterator all(path_);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void answers_by_store(FakeHost& host, DomainId id, unsigned naps) {
    const std::string asked = domain_path(id) + "/control/shutdown";
    host.store.on_write = [&host, id, asked, naps, before = host.store.on_write](
                              const std::string& path, const std::string& value) {
        before(path, value);
        if (path != asked || value != "suspend")
            return;
        for (unsigned nap = 0; nap < naps; ++nap)
            host.store.while_asleep.emplace_back([] {});
        host.store.while_asleep.emplace_back([&host, id, asked] {
            host.store.nodes.at(asked).value.clear();
            if (host.hypervisor.exists(id))
                host.hypervisor.end(id, ShutdownReason::suspend);
        });
    };
}

void answers_by_channel(FakeHost& host, DomainId id) {
    constexpr EventPort port = 7;
    host.hypervisor.domain(id).suspend_port = port;
    host.store.write(domain_path(id) + "/device/suspend/event-channel", fmt::format("{}", port));
    host.hypervisor.on_notify = [&host, id](std::uint16_t) {
        host.store.while_asleep.emplace_back(
            [&host, id] { host.hypervisor.end(id, ShutdownReason::suspend); });
    };
}

std::optional<Descriptor> any_name(const std::string& /*name*/) {
    return Descriptor();
}

LoadedImage::LoadedImage(const std::string& path)
    : bytes(bytes_of(path)), image(image::read_whole(bytes, path)) {}

LoadedImage suspended_image(FakeHost& host, DomainId id, const ImageFolder& folder) {
    answers_by_store(host, id);
    static_cast<void>(verbs::suspend(host.ports(), id, folder.file("guest.img"), {}, any_name));
    return LoadedImage(folder.file("guest.img"));
}

bool runs(const FakeHost& host, DomainId id) {
    const auto found = host.hypervisor.domains.find(id.value());
    return found != host.hypervisor.domains.end() && found->second.pauses == 0 &&
           !found->second.ended && !found->second.dying;
}

}  // namespace xcl::test
