// SPDX-License-Identifier: BSD-3-Clause
// Checks what an ELF file says of itself before anything else believes it.
#include "kernel/elf.hpp"

namespace xcl::kernel {
namespace {

// Kernels have 2 to 10.
constexpr std::size_t max_program_headers = 128;

}  // namespace

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) noexcept {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

ElfFile::ElfFile(std::span<const std::byte> file, const Origin& origin)
    : file_(file), origin_(origin) {
    if (!starts_with(file, {ELFMAG, SELFMAG}))
        origin.refuse("it is not an ELF file");
    // 32-bit headers are shorter, so the class is looked at before the length.
    if (file.size() > EI_CLASS && load<unsigned char>(file, EI_CLASS) == ELFCLASS32) {
        origin.refuse("32-bit kernels cannot run: Debian's Xen has no 32-bit PV support",
                      "use the 64-bit build of this kernel");
    }
    if (file.size() < sizeof header_) {
        origin.refuse(fmt::format("it is cut short: it has {} bytes, an ELF header alone has {}",
                                  file.size(), sizeof header_));
    }
    header_ = load<Elf64_Ehdr>(file, 0);
    check_header();

    const auto table = bytes(header_.e_phoff, header_.e_phnum * sizeof(Elf64_Phdr),
                             "the table of program headers");
    program_headers_.resize(header_.e_phnum);
    std::memcpy(program_headers_.data(), table.data(), table.size());
}

void ElfFile::check_header() const {
    if (header_.e_ident[EI_CLASS] != ELFCLASS64) {
        origin_.refuse(fmt::format("its ELF header is damaged: class {}, which does not exist",
                                   header_.e_ident[EI_CLASS]));
    }
    if (header_.e_ident[EI_DATA] != ELFDATA2LSB)
        origin_.refuse("it is a big-endian ELF file: not a kernel for this machine");
    if (header_.e_ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) {
        origin_.refuse(fmt::format("its ELF header is damaged: version {}, where only {} exists",
                                   header_.e_version, EV_CURRENT));
    }
    if (header_.e_machine != EM_X86_64) {
        origin_.refuse(fmt::format("it is an ELF file for another machine (number {}), not x86-64",
                                   header_.e_machine));
    }
    // A position-independent kernel loads at its link address like any other.
    if (header_.e_type != ET_EXEC && header_.e_type != ET_DYN) {
        origin_.refuse(fmt::format("it is an ELF file of type {}, not an executable (type {})",
                                   header_.e_type, ET_EXEC),
                       "link it; object files and core dumps cannot be started");
    }
    if (header_.e_phnum == 0)
        origin_.refuse("it has no program headers, so nothing to load");
    if (header_.e_phentsize != sizeof(Elf64_Phdr)) {
        origin_.refuse(fmt::format("its ELF header is damaged: program headers of {} bytes, not {}",
                                   header_.e_phentsize, sizeof(Elf64_Phdr)));
    }
    if (header_.e_phnum > max_program_headers) {
        origin_.refuse(fmt::format("it has {} program headers, more than {}", header_.e_phnum,
                                   max_program_headers));
    }
}

std::vector<Elf64_Shdr> ElfFile::section_headers() const {
    std::vector<Elf64_Shdr> sections(header_.e_shnum);
    if (sections.empty())
        return sections;
    if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
        origin_.refuse(fmt::format("its ELF header is damaged: section headers of {} bytes, not {}",
                                   header_.e_shentsize, sizeof(Elf64_Shdr)));
    }
    const auto table = bytes(header_.e_shoff, sections.size() * sizeof(Elf64_Shdr),
                             "the table of section headers");
    std::memcpy(sections.data(), table.data(), table.size());
    return sections;
}

std::string_view ElfFile::section_name(std::span<const Elf64_Shdr> sections,
                                       const Elf64_Shdr& section) const {
    if (header_.e_shstrndx == SHN_UNDEF)
        return {};
    if (header_.e_shstrndx >= sections.size()) {
        origin_.refuse(fmt::format("its ELF header is damaged: section names in section {} of {}",
                                   header_.e_shstrndx, sections.size()));
    }
    const Elf64_Shdr& names = sections[header_.e_shstrndx];
    const auto table = bytes(names.sh_offset, names.sh_size, "the table of section names");
    if (section.sh_name >= table.size())
        origin_.refuse("a section's name lies outside the table of section names");
    const auto rest = table.subspan(section.sh_name);
    const auto* text = reinterpret_cast<const char*>(rest.data());
    return {text, strnlen(text, rest.size())};
}

std::span<const std::byte> ElfFile::bytes(std::uint64_t offset, std::uint64_t size,
                                          std::string_view what) const {
    if (offset > file_.size() || size > file_.size() - offset) {
        origin_.refuse(
            fmt::format("it is cut short: {} has {} bytes at offset {}, the file ends at "
                        "{}",
                        what, size, offset, file_.size()));
    }
    return file_.subspan(offset, size);
}

}  // namespace xcl::kernel
