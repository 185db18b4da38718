// SPDX-License-Identifier: BSD-3-Clause
// What tests of suspend and resume share: a directory for images, and guests that answer.
#pragma once

#include <filesystem>
#include <string>

#include "fakes.hpp"
#include "image/reader.hpp"

namespace xcl::test {

// Gone with its files at the end of scope.
class ImageFolder {
  public:
    ImageFolder();
    ImageFolder(const ImageFolder&) = delete;
    ImageFolder& operator=(const ImageFolder&) = delete;
    ~ImageFolder();

    [[nodiscard]] std::string file(const std::string& name) const {
        return (path_ / name).string();
    }
    [[nodiscard]] bool has(const std::string& name) const;
    // Files that are there, partial ones too.
    [[nodiscard]] std::size_t files() const;

  private:
    std::filesystem::path path_;
};

// From now on the guest suspends when it is asked by control/shutdown, `naps` sleeps later.
void answers_by_store(FakeHost& host, DomainId id, unsigned naps = 0);
// The same by an event channel, whose port it has told.
void answers_by_channel(FakeHost& host, DomainId id);

// Every name is free.
[[nodiscard]] std::optional<Descriptor> any_name(const std::string& name);

// The image checked and laid out; its bytes live as long as it.
struct LoadedImage {
    explicit LoadedImage(const std::string& path);

    std::vector<std::byte> bytes;
    image::WholeImage image;
};

// Suspends it to a file there, and loads that.
[[nodiscard]] LoadedImage suspended_image(FakeHost& host, DomainId id, const ImageFolder& folder);

[[nodiscard]] bool runs(const FakeHost& host, DomainId id);

}  // namespace xcl::test
