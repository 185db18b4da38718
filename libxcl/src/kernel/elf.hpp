// SPDX-License-Identifier: BSD-3-Clause
// ElfFile: the headers of a 64-bit x86 ELF file, every access to its bytes checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <elf.h>

#include "kernel/origin.hpp"

namespace xcl::kernel {

[[nodiscard]] bool starts_with(std::span<const std::byte> bytes, std::string_view magic) noexcept;

// The T at `offset`, wherever that is aligned. The caller has checked that it lies inside `bytes`.
template <typename T>
[[nodiscard]] T load(std::span<const std::byte> bytes, std::size_t offset) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

class ElfFile final {
  public:
    // Refuses a file whose ELF or program headers are wrong. Both arguments outlive the ElfFile.
    ElfFile(std::span<const std::byte> file, const Origin& origin);

    [[nodiscard]] std::uint64_t entry() const noexcept { return header_.e_entry; }
    [[nodiscard]] std::span<const Elf64_Phdr> program_headers() const noexcept {
        return program_headers_;
    }

    // Read when asked for: a kernel whose notes lie in a segment may have none, or broken ones.
    [[nodiscard]] std::vector<Elf64_Shdr> section_headers() const;
    // The name of one of `sections`, up to its zero byte. Empty if there are no names.
    [[nodiscard]] std::string_view section_name(std::span<const Elf64_Shdr> sections,
                                                const Elf64_Shdr& section) const;

    // `size` bytes at `offset`; refuses those that are not in the file. `what` names them.
    [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t offset, std::uint64_t size,
                                                   std::string_view what) const;

  private:
    void check_header() const;

    std::span<const std::byte> file_;
    const Origin& origin_;
    Elf64_Ehdr header_{};
    std::vector<Elf64_Phdr> program_headers_;
};

}  // namespace xcl::kernel
