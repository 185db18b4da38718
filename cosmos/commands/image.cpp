// SPDX-License-Identifier: BSD-3-Clause
// image: what is in the file of a suspended guest.
#include "xcl/image.hpp"

#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

std::string ip_text(const xcl::VifAddress& ip) {
    switch (ip.kind) {
        case xcl::VifAddress::Kind::none:
            return {};
        case xcl::VifAddress::Kind::automatic:
            return "auto";
        case xcl::VifAddress::Kind::fixed:
            break;
    }
    return ip.prefix ? fmt::format("{}/{}", ip.text, *ip.prefix) : ip.text;
}

nlohmann::json to_json(const xcl::ImageInfo& image) {
    nlohmann::json vifs = nlohmann::json::array();
    for (const xcl::VifConfig& vif : image.vifs)
        vifs.push_back({{"mac", xcl::mac_text(vif.mac.value_or(xcl::MacAddress{}))},
                        {"ip", ip_text(vif.ip)},
                        {"bridge", vif.bridge},
                        {"script", vif.script}});
    return {
        {"version", image.version},
        {"name", image.name},
        {"memory_kib", image.memory_kib},
        {"pages", image.pages},
        {"zero_pages", image.by_libxenguest ? nlohmann::json() : nlohmann::json(image.zero_pages)},
        {"by_libxenguest", image.by_libxenguest},
        {"bytes", image.bytes},
        {"vcpus", image.vcpus},
        {"vifs", vifs},
        {"store_entries", image.store_entries}};
}

int image(Context& context, const std::string& path) {
    const xcl::ImageInfo image = xcl::read_image_info(path);
    if (context.json()) {
        print_json(to_json(image));
        return code(Status::done);
    }
    const auto line = [](std::string_view key, std::string_view value) {
        fmt::print("{:<12} {}\n", key, value);
    };
    line("name", image.name);
    line("format", fmt::format("version {}", image.version));
    line("vcpus", fmt::format("{}", image.vcpus));
    if (image.by_libxenguest)
        line("memory", fmt::format("{} KiB, as libxenguest saved it", image.memory_kib));
    else
        line("memory", fmt::format("{} KiB, {} of {} pages zero", image.memory_kib,
                                   image.zero_pages, image.pages));
    line("size", fmt::format("{} bytes", image.bytes));
    for (std::size_t i = 0; i < image.vifs.size(); ++i) {
        const xcl::VifConfig& vif = image.vifs[i];
        const std::string ip = ip_text(vif.ip);
        line(fmt::format("vif {}", i),
             fmt::format("{}, ip {}, on {}", xcl::mac_text(vif.mac.value_or(xcl::MacAddress{})),
                         ip.empty() ? "none" : ip,
                         vif.bridge.empty() ? "one of the host's switches" : vif.bridge));
    }
    line("xenstore", fmt::format("{} nodes", image.store_entries));
    return code(Status::done);
}

}  // namespace

Action declare_image(CommandLine& line) {
    const auto path = std::make_shared<std::string>();
    line.argument("FILE", *path, true, "The image");
    return [path](Context& context) { return image(context, *path); };
}

}  // namespace cosmos
