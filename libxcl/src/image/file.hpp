// SPDX-License-Identifier: BSD-3-Clause
// Images as files: written so that a name never stands for half an image, and mapped to be read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/descriptor.hpp"
#include "image/bytes.hpp"
#include "image/reader.hpp"

namespace xcl::image {

enum class Overwrite { no, yes };

// Written beside its final name, as ".NAME.PID.partial" and readable by its owner alone; `commit`
// flushes and renames it. Without a commit it disappears; a process that is killed leaves nothing
// but the partial file.
class ImageFile final : public ByteSink {
  public:
    // Throws Error if it cannot be made, or if there is one of this name that is to be kept.
    explicit ImageFile(std::string path, Overwrite overwrite = Overwrite::no);
    ImageFile(const ImageFile&) = delete;
    ImageFile& operator=(const ImageFile&) = delete;
    ~ImageFile() override;

    void write(std::span<const Bytes> parts) override;

    // When this returns, the file has its name, and both are on the disk.
    void commit();

  private:
    [[noreturn]] void fail(std::string_view call, std::string_view path, int error) const;
    void rename_new();

    std::string path_;
    std::string directory_;
    std::string partial_;  // empty once it has its name
    Overwrite overwrite_;
    Descriptor file_;
};

// A file's bytes, mapped. Another process that shortens the file meanwhile ends this one (SIGBUS).
class MappedFile {
  public:
    // Throws Error for anything but a regular file that can be read.
    explicit MappedFile(const std::string& path);
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] Bytes bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

}  // namespace xcl::image
