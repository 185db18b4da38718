// SPDX-License-Identifier: BSD-3-Clause
// The RAM disk: keeps the hotplug script, the configs and the images where no create waits for a
// disk.
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "host/survey.hpp"
#include "xcl/error.hpp"

namespace xcl::host {
namespace {

constexpr std::uint64_t bytes_per_mib = std::uint64_t{1} << 20;

// What of the installed files goes where.
struct Shelf {
    std::string_view source;  // below HostDemand::data_directory
    std::string_view target;  // below the RAM disk
    bool executable;
    bool names_images;  // its files name images: the copy names the copies
};

constexpr std::array shelves{
    Shelf{"", "images", false, false},
    Shelf{"/clickos-configs", "configs", false, true},
    Shelf{"/hotplug", "hotplug", true, false},
};

std::string ramdisk_file(std::string_view shelf, std::string_view name) {
    return fmt::format("{}/{}/{}", ramdisk_path, shelf, name);
}

// The text of a config, its images taken from the RAM disk.
std::string with_cached_images(std::string text, const std::string& data_directory,
                               const std::vector<std::string>& images) {
    for (const std::string& image : images) {
        // In quotes of either kind, so that no longer name is meant.
        for (const char quote : {'\'', '"'}) {
            const std::string from = fmt::format("{}{}/{}{}", quote, data_directory, image, quote);
            const std::string to =
                fmt::format("{}{}{}", quote, ramdisk_file("images", image), quote);
            for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;
                 at += to.size())
                text.replace(at, from.size(), to);
        }
    }
    return text;
}

Finding copy_finding(Host& host, const Shelf& shelf, const std::string& name, std::string content) {
    const std::string path = ramdisk_file(shelf.target, name);
    const std::optional<std::string> there = host.machine.read_file(path);
    Finding finding{.item = {.name = path,
                             .have = !there              ? "missing"
                                     : *there == content ? "copy"
                                                         : "outdated",
                             .need = "copy",
                             .reason = "no create waits for a disk",
                             .enough = there == content}};
    finding.set = [&host, path, executable = shelf.executable, copied = std::move(content)] {
        host.machine.make_directory(path.substr(0, path.rfind('/')));
        host.machine.replace_file(path, copied, executable);
    };
    return finding;
}

Finding mount_finding(Host& host, const HostDemand& demand) {
    const std::optional<std::uint64_t> have = host.machine.ramdisk_bytes(std::string(ramdisk_path));
    const std::uint64_t need = demand.ramdisk_mib * bytes_per_mib;
    Finding finding{
        .item = {.name = std::string(ramdisk_path),
                 .have = have ? fmt::format("RAM disk of {} MiB", *have / bytes_per_mib) : "none",
                 .need = fmt::format("RAM disk of {} MiB", demand.ramdisk_mib),
                 .reason = "holds the hotplug script, configs and images; takes what it holds",
                 .enough = have && *have >= need}};
    finding.set = [&host, need] { host.machine.mount_ramdisk(std::string(ramdisk_path), need); };
    return finding;
}

std::string name_in(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

CachedImage cache_image(Machine& machine, const std::string& file) {
    const std::optional<std::string> content = machine.read_file(file);
    if (!content)
        throw Error({.doing = fmt::format("copy {}", file), .call = "open", .error = ENOENT});
    CachedImage cached{.path = ramdisk_file("images", name_in(file))};
    const std::optional<std::string> there = machine.read_file(cached.path);
    if (there == content)
        return cached;
    machine.replace_file(cached.path, *content, false);
    cached.replaced = there.has_value();
    return cached;
}

// The images that are meant: the file itself, or those in the directory.
std::vector<std::string> images_meant(Machine& machine, const std::string& path) {
    const auto refuse = [&](std::string_view problem) {
        throw Error({.problem = fmt::format("cannot copy {}: {}", path, problem)});
    };
    std::vector<std::string> files;
    switch (machine.kind_of(path)) {
        case FileKind::regular:
            return {path};
        case FileKind::none:
            throw Error({.doing = fmt::format("copy {}", path), .call = "stat", .error = ENOENT});
        case FileKind::other:
            refuse("it is not a regular file");
            break;
        case FileKind::directory:
            for (const std::string& name : machine.files_in(path))
                if (!name.starts_with('.'))
                    files.push_back(fmt::format("{}/{}", path, name));
            if (files.empty())
                refuse("there is no regular file in it");
            break;
    }
    return files;
}

}  // namespace

void survey_ramdisk(Host& host, const HostDemand& demand, std::vector<Finding>& findings) {
    findings.push_back(mount_finding(host, demand));
    if (demand.data_directory.empty())
        return;
    const std::vector<std::string> images = host.machine.files_in(demand.data_directory);
    for (const Shelf& shelf : shelves) {
        const std::string source = fmt::format("{}{}", demand.data_directory, shelf.source);
        for (const std::string& name : host.machine.files_in(source)) {
            std::string content =
                host.machine.read_file(fmt::format("{}/{}", source, name)).value_or("");
            if (shelf.names_images)
                content = with_cached_images(std::move(content), demand.data_directory, images);
            findings.push_back(copy_finding(host, shelf, name, std::move(content)));
        }
    }
}

std::vector<CachedImage> cache_images(Machine& machine, const std::string& file_or_directory) {
    const std::vector<std::string> images = images_meant(machine, file_or_directory);
    if (!machine.ramdisk_bytes(std::string(ramdisk_path)))
        throw Error({.problem = fmt::format("there is no RAM disk at {}", ramdisk_path),
                     .hint = "'cosmos host prepare' mounts it"});
    machine.make_directory(fmt::format("{}/images", ramdisk_path));
    std::vector<CachedImage> cached;
    cached.reserve(images.size());
    for (const std::string& image : images)
        cached.push_back(cache_image(machine, image));
    return cached;
}

}  // namespace xcl::host
