// SPDX-License-Identifier: BSD-3-Clause
// ElfBuilder: small ELF files for tests, right or wrong in exactly one respect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <elf.h>

namespace xcl::test {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof value);
}

inline void append_text(Bytes& bytes, std::string_view text) {
    const auto* raw = reinterpret_cast<const std::byte*>(text.data());
    bytes.insert(bytes.end(), raw, raw + text.size());
}

// Overwrites what stands at `offset`.
template <typename T>
void patch(Bytes& bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// A sequence of ELF notes.
class Notes {
  public:
    Notes& number(std::uint32_t type, std::uint64_t value) {
        return add("Xen", type, {reinterpret_cast<const char*>(&value), sizeof value});
    }
    Notes& short_number(std::uint32_t type, std::uint32_t value) {
        return add("Xen", type, {reinterpret_cast<const char*>(&value), sizeof value});
    }
    Notes& text(std::uint32_t type, std::string_view value) { return add("Xen", type, value); }
    Notes& add(std::string_view name, std::uint32_t type, std::string_view value) {
        append(bytes_, static_cast<std::uint32_t>(name.size() + 1));
        append(bytes_, static_cast<std::uint32_t>(value.size()));
        append(bytes_, type);
        append_text(bytes_, name);
        bytes_.push_back(std::byte{0});
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
        append_text(bytes_, value);
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
        return *this;
    }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

class ElfBuilder {
  public:
    ElfBuilder() {
        std::memcpy(header_.e_ident, ELFMAG, SELFMAG);
        header_.e_ident[EI_CLASS] = ELFCLASS64;
        header_.e_ident[EI_DATA] = ELFDATA2LSB;
        header_.e_ident[EI_VERSION] = EV_CURRENT;
        header_.e_type = ET_EXEC;
        header_.e_machine = EM_X86_64;
        header_.e_version = EV_CURRENT;
        header_.e_ehsize = sizeof(Elf64_Ehdr);
        header_.e_phentsize = sizeof(Elf64_Phdr);
        header_.e_shentsize = sizeof(Elf64_Shdr);
    }

    ElfBuilder& entry(std::uint64_t address) {
        header_.e_entry = address;
        return *this;
    }
    ElfBuilder& load(std::uint64_t paddr, std::string_view text, std::uint64_t memory_size) {
        Bytes bytes;
        append_text(bytes, text);
        return segment(PT_LOAD, paddr, std::move(bytes), memory_size);
    }
    ElfBuilder& note_segment(const Notes& notes) { return segment(PT_NOTE, 0, notes.bytes(), 0); }
    ElfBuilder& note_section(const Notes& notes) {
        return section(SHT_NOTE, ".note.Xen", notes.bytes());
    }
    ElfBuilder& legacy(std::string_view text) {
        Bytes bytes;
        append_text(bytes, text);
        bytes.push_back(std::byte{0});
        return section(SHT_PROGBITS, "__xen_guest", std::move(bytes));
    }

    // Program headers, then all contents, then (if there are sections) names and section headers.
    [[nodiscard]] Bytes build() const {
        Elf64_Ehdr header = header_;
        header.e_phoff = sizeof header;
        header.e_phnum = static_cast<Elf64_Half>(segments_.size());
        Bytes contents;
        const std::size_t contents_at = sizeof header + segments_.size() * sizeof(Elf64_Phdr);
        Bytes program_headers;
        for (auto [segment, bytes] : segments_) {
            segment.p_offset = contents_at + contents.size();
            append(program_headers, segment);
            contents.insert(contents.end(), bytes.begin(), bytes.end());
        }
        if (!sections_.empty()) {
            const Bytes table = build_sections(contents, contents_at);
            header.e_shoff = contents_at + contents.size();
            header.e_shnum = static_cast<Elf64_Half>(sections_.size() + 2);
            header.e_shstrndx = 1;
            contents.insert(contents.end(), table.begin(), table.end());
        }
        Bytes file;
        append(file, header);
        file.insert(file.end(), program_headers.begin(), program_headers.end());
        file.insert(file.end(), contents.begin(), contents.end());
        return file;
    }

  private:
    struct Section {
        std::string name;
        Elf64_Shdr header;
        Bytes bytes;
    };

    ElfBuilder& segment(std::uint32_t type, std::uint64_t paddr, Bytes bytes,
                        std::uint64_t memory_size) {
        Elf64_Phdr header{};
        header.p_type = type;
        header.p_paddr = paddr;
        header.p_vaddr = 0xdead'0000 + paddr;  // which nobody should look at
        header.p_filesz = bytes.size();
        header.p_memsz = memory_size;
        segments_.emplace_back(header, std::move(bytes));
        return *this;
    }

    ElfBuilder& section(std::uint32_t type, std::string name, Bytes bytes) {
        Elf64_Shdr header{};
        header.sh_type = type;
        header.sh_size = bytes.size();
        sections_.push_back({std::move(name), header, std::move(bytes)});
        return *this;
    }

    // Appends the sections' contents; returns their headers: the null one, the names, the rest.
    [[nodiscard]] Bytes build_sections(Bytes& contents, std::size_t contents_at) const {
        Bytes names(1);
        Bytes rest;
        for (const Section& section : sections_) {
            Elf64_Shdr header = section.header;
            header.sh_name = static_cast<Elf64_Word>(names.size());
            header.sh_offset = contents_at + contents.size();
            append(rest, header);
            contents.insert(contents.end(), section.bytes.begin(), section.bytes.end());
            append_text(names, section.name);
            names.push_back(std::byte{0});
        }
        Elf64_Shdr names_header{};
        names_header.sh_type = SHT_STRTAB;
        names_header.sh_offset = contents_at + contents.size();
        names_header.sh_size = names.size();
        contents.insert(contents.end(), names.begin(), names.end());
        Bytes table;
        append(table, Elf64_Shdr{});
        append(table, names_header);
        table.insert(table.end(), rest.begin(), rest.end());
        return table;
    }

    Elf64_Ehdr header_{};
    std::vector<std::pair<Elf64_Phdr, Bytes>> segments_;
    std::vector<Section> sections_;
};

}  // namespace xcl::test
