// SPDX-License-Identifier: BSD-3-Clause
// Kernel images: what each flavour of Xen notes means, and what is refused with which words.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "kernel/image.hpp"
#include "xcl/error.hpp"

namespace xcl::kernel {
namespace {

using test::Bytes;
using test::ElfBuilder;
using test::Notes;
using test::patch;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Notes plain_notes() {
    return Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test").text(XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
}

// The smallest kernel that is right.
ElfBuilder plain_kernel() {
    return ElfBuilder{}.load(0, "code", 0x2000).entry(0x10);
}

Bytes plain_file() {
    return plain_kernel().note_segment(plain_notes()).build();
}

std::string refusal_of(Bytes file) {
    const std::string before = "cannot read the kernel 'k': ";
    try {
        static_cast<void>(parse_kernel(std::move(file), "k"));
    } catch (const Error& error) {
        const std::string line = error.what();
        EXPECT_THAT(line, StartsWith(before));
        EXPECT_EQ(line.find('\n'), std::string::npos);
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        return line.substr(before.size());
    }
    return "accepted";
}

std::string refusal_of(const ElfBuilder& elf) {
    return refusal_of(elf.build());
}

TEST(Kernel, NotesInASegmentSayWhereItLies) {
    const auto kernel =
        parse_kernel(ElfBuilder{}
                         .load(0x1000000, "text", 0x800)
                         .load(0x1001000, "data", 0x5001)
                         .note_segment(Notes{}
                                           .add("GNU", 3, "build id")
                                           .text(XEN_ELFNOTE_GUEST_OS, std::string("linux\0x", 7))
                                           .text(XEN_ELFNOTE_LOADER, "generic")
                                           .number(XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000)
                                           .number(XEN_ELFNOTE_ENTRY, 0xffffffff81002340)
                                           .number(XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff81001000))
                         .build(),
                     "k");
    EXPECT_EQ(kernel.virt_base, 0xffffffff80000000);
    EXPECT_EQ(kernel.entry, 0xffffffff81002340);
    EXPECT_EQ(kernel.hypercall_page, 0xffffffff81001000);
    EXPECT_EQ(kernel.os, "linux");
    EXPECT_EQ(kernel.start, 0xffffffff81000000);
    EXPECT_EQ(kernel.end, 0xffffffff81007000);
    ASSERT_EQ(kernel.segments.size(), 2U);
    EXPECT_EQ(kernel.segments[0].address, 0xffffffff81000000);
    EXPECT_EQ(text_of(kernel.segments[0].bytes), "text");
    EXPECT_EQ(kernel.segments[0].memory_size, 0x800U);
    EXPECT_EQ(kernel.segments[1].address, 0xffffffff81001000);
    EXPECT_EQ(text_of(kernel.segments[1].bytes), "data");
    EXPECT_EQ(kernel.segments[1].memory_size, 0x5001U);
}

TEST(Kernel, NotesOnlyInASectionWithoutBaseAndEntryLeaveTheAddressesAsTheyAre) {
    const auto kernel =
        parse_kernel(plain_kernel()
                         .note_section(Notes{}
                                           .text(XEN_ELFNOTE_GUEST_OS, "Mini-OS")
                                           .short_number(XEN_ELFNOTE_HYPERCALL_PAGE, 0x1000))
                         .build(),
                     "k");
    EXPECT_EQ(kernel.virt_base, 0U);
    EXPECT_EQ(kernel.entry, 0x10U);
    EXPECT_EQ(kernel.hypercall_page, 0x1000U);
    EXPECT_EQ(kernel.os, "Mini-OS");
    EXPECT_EQ(kernel.start, 0U);
    EXPECT_EQ(kernel.end, 0x2000U);
}

TEST(Kernel, LegacyStringCountsTheHypercallPageInPages) {
    const auto kernel = parse_kernel(
        ElfBuilder{}
            .load(0x100000, "code", 0x4000)
            .legacy("GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x100000,ELF_PADDR_OFFSET=0x100000,"
                    "HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic,BSD_SYMTAB")
            .entry(0x100000)
            .build(),
        "k");
    EXPECT_EQ(kernel.virt_base, 0x100000U);
    EXPECT_EQ(kernel.hypercall_page, 0x102000U);
    EXPECT_EQ(kernel.os, "Mini-OS");
    EXPECT_EQ(kernel.segments[0].address, 0x100000U);
}

TEST(Kernel, LegacyPaddrOffsetDefaultsToVirtBaseAndThatOfNotesToZero) {
    const auto legacy = parse_kernel(ElfBuilder{}
                                         .load(0x101000, "code", 0x1000)
                                         .legacy("VIRT_BASE=0x100000,VIRT_ENTRY=1052688")
                                         .build(),
                                     "k");
    EXPECT_EQ(legacy.start, 0x101000U);
    EXPECT_EQ(legacy.entry, 0x101010U);
    const auto notes =
        parse_kernel(ElfBuilder{}
                         .load(0x1000, "code", 0x1000)
                         .note_segment(Notes{}.number(XEN_ELFNOTE_VIRT_BASE, 0x100000))
                         .entry(0x101010)
                         .build(),
                     "k");
    EXPECT_EQ(notes.start, 0x101000U);
}

TEST(Kernel, PaddrOffsetIsTakenOffThePhysicalAddresses) {
    const auto kernel =
        parse_kernel(ElfBuilder{}
                         .load(0xffffffff80200000, "code", 0x1000)
                         .note_segment(Notes{}
                                           .number(XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000)
                                           .number(XEN_ELFNOTE_PADDR_OFFSET, 0xffffffff80000000))
                         .entry(0xffffffff80200000)
                         .build(),
                     "k");
    EXPECT_EQ(kernel.start, 0xffffffff80200000);
    EXPECT_THAT(refusal_of(ElfBuilder{}
                               .load(0x1000, "code", 0x1000)
                               .note_segment(Notes{}.number(XEN_ELFNOTE_PADDR_OFFSET, 0x2000))),
                HasSubstr("segment 0 lies at 0x1000, below the notes' paddr_offset 0x2000"));
}

TEST(Kernel, SegmentNotesWinOverSectionNotesAndThoseOverTheLegacyString) {
    const auto kernel = [](const ElfBuilder& elf) { return parse_kernel(elf.build(), "k").os; };
    const Notes one = Notes{}.text(XEN_ELFNOTE_GUEST_OS, "one");
    const Notes two = Notes{}.text(XEN_ELFNOTE_GUEST_OS, "two");
    const Notes foreign = Notes{}.add("GNU", XEN_ELFNOTE_GUEST_OS, "GNU");
    EXPECT_EQ(kernel(plain_kernel().note_segment(one).note_section(two).legacy("x")), "one");
    EXPECT_EQ(kernel(plain_kernel().note_segment(foreign).note_section(two)), "two");
    EXPECT_EQ(kernel(plain_kernel().note_section(foreign).legacy("GUEST_OS=three")), "three");
}

TEST(Kernel, SegmentsAreSortedAndMayShareAPage) {
    const auto kernel = parse_kernel(ElfBuilder{}
                                         .load(0x1800, "second", 0x10)
                                         .load(0x1000, "first", 0x800)
                                         .load(0x5000, "", 0)
                                         .note_segment(plain_notes())
                                         .entry(0x1000)
                                         .build(),
                                     "k");
    ASSERT_EQ(kernel.segments.size(), 2U);
    EXPECT_EQ(text_of(kernel.segments[0].bytes), "first");
    EXPECT_EQ(text_of(kernel.segments[1].bytes), "second");
    EXPECT_EQ(kernel.start, 0x1000U);
    EXPECT_EQ(kernel.end, 0x2000U);
}

TEST(Kernel, MovedImageKeepsItsBytes) {
    KernelImage first = parse_kernel(plain_file(), "k");
    const KernelImage second = std::move(first);
    EXPECT_EQ(text_of(second.segments[0].bytes), "code");
    EXPECT_GE(second.segments[0].bytes.data(), second.storage.data());
    EXPECT_LE(second.segments[0].bytes.data(), second.storage.data() + second.storage.size());
}

TEST(Kernel, FeaturesThatAGuestCannotHaveAreRefusedByName) {
    const auto with = [](std::string_view features) {
        return refusal_of(
            plain_kernel().note_segment(Notes{}.text(XEN_ELFNOTE_FEATURES, features)));
    };
    EXPECT_EQ(with("!writable_page_tables|pae_pgdir_above_4gb"), "accepted");
    EXPECT_EQ(with("auto_translated_physmap|supervisor_mode_kernel"), "accepted");
    EXPECT_THAT(with("a|!auto_translated_physmap"),
                HasSubstr("it requires the feature 'auto_translated_physmap'"));
    EXPECT_THAT(with("!dom0|x"), HasSubstr("it requires the feature 'dom0'"));
    EXPECT_THAT(with("!\x01\n"), HasSubstr("it requires the feature '\?\?'"));
    EXPECT_THAT(refusal_of(plain_kernel().legacy("FEATURES=x|!supervisor_mode_kernel,A=B")),
                HasSubstr("it requires the feature 'supervisor_mode_kernel'"));
}

TEST(Kernel, OtherXensAndLoadersAreRefused) {
    EXPECT_EQ(
        refusal_of(plain_kernel().note_segment(Notes{}.text(XEN_ELFNOTE_XEN_VERSION, "xen-2.0"))),
        "it is written for 'xen-2.0', not for 'xen-3.0'");
    EXPECT_EQ(refusal_of(plain_kernel().legacy("XEN_VER=xen-4.0")),
              "it is written for 'xen-4.0', not for 'xen-3.0'");
    EXPECT_EQ(refusal_of(plain_kernel().note_segment(Notes{}.text(XEN_ELFNOTE_LOADER, "special"))),
              "it asks for the loader 'special'; only 'generic' is provided");
    EXPECT_THAT(refusal_of(plain_kernel().note_segment(
                    Notes{}.text(XEN_ELFNOTE_XEN_VERSION, std::string(1000, 'x')))),
                HasSubstr("x...'"));
}

TEST(Kernel, ElfFilesForOthersAreRefused) {
    EXPECT_EQ(refusal_of(plain_kernel()),
              "it is an ELF file, but carries no Xen notes: not a paravirtualised kernel");
    EXPECT_EQ(refusal_of(plain_kernel().note_segment(
                  plain_notes().short_number(XEN_ELFNOTE_PHYS32_ENTRY, 0x1000))),
              "its Xen notes describe a PVH kernel only: not a paravirtualised kernel");
}

TEST(Kernel, DamagedNotesAreRefused) {
    EXPECT_THAT(refusal_of(plain_kernel().note_segment(Notes{}.text(XEN_ELFNOTE_ENTRY, "12345"))),
                HasSubstr("its Xen note 1 has 5 bytes, a number has 4 or 8"));
    Bytes file = plain_file();
    const std::size_t notes_at = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) + 4;
    patch(file, notes_at, std::uint32_t{0xfffffffe});
    EXPECT_THAT(refusal_of(file), HasSubstr("an ELF note is damaged: a name of 4294967294"));
    patch(file, notes_at, std::uint32_t{4});
    patch(file, notes_at + 4, std::uint32_t{0xffffffff});
    EXPECT_THAT(refusal_of(file), HasSubstr("and a value of 4294967295 bytes"));
    EXPECT_THAT(refusal_of(plain_kernel().legacy("VIRT_BASE=0x10000000000000000")),
                HasSubstr("says VIRT_BASE=0x10000000000000000, which is no number"));
    EXPECT_THAT(refusal_of(plain_kernel().legacy("HYPERCALL_PAGE=")),
                HasSubstr("says HYPERCALL_PAGE=, which is no number"));
    EXPECT_THAT(refusal_of(plain_kernel().legacy("HYPERCALL_PAGE=0xfffffffffffff0")),
                HasSubstr("outside the address space"));
}

TEST(Kernel, NotElfIsRefused) {
    const std::string sentence =
        "it is not a kernel: neither ELF, nor packed ELF, nor a Linux "
        "bzImage";
    EXPECT_EQ(refusal_of(Bytes{}), "it is empty");
    EXPECT_EQ(refusal_of(Bytes(3)), sentence);
    EXPECT_EQ(refusal_of(Bytes(100000)), sentence);
}

TEST(Kernel, EveryTruncationIsRefused) {
    const Bytes whole = plain_kernel().note_section(plain_notes()).build();
    ASSERT_EQ(refusal_of(whole), "accepted");
    for (std::size_t size = 4; size < whole.size(); ++size) {
        const auto end = whole.begin() + static_cast<std::ptrdiff_t>(size);
        EXPECT_THAT(refusal_of(Bytes(whole.begin(), end)), StartsWith("it is cut short")) << size;
    }
}

template <typename T>
std::string refusal_with(std::size_t offset, T value) {
    Bytes file = plain_file();
    patch(file, offset, value);
    return refusal_of(std::move(file));
}

TEST(Kernel, WrongElfHeadersAreRefused) {
    EXPECT_EQ(refusal_with(EI_CLASS, ELFCLASS32 + std::uint8_t{0}),
              "32-bit kernels cannot run: Debian's Xen has no 32-bit PV support");
    EXPECT_THAT(refusal_with(EI_CLASS, std::uint8_t{7}), HasSubstr("class 7"));
    EXPECT_THAT(refusal_with(EI_DATA, std::uint8_t{ELFDATA2MSB}), HasSubstr("big-endian"));
    EXPECT_THAT(refusal_with(EI_VERSION, std::uint8_t{0}), HasSubstr("version"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_version), 9U), HasSubstr("version 9"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_machine), Elf64_Half{EM_AARCH64}),
                HasSubstr("another machine (number 183)"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_type), Elf64_Half{ET_REL}),
                HasSubstr("type 1, not an executable"));
    EXPECT_EQ(refusal_with(offsetof(Elf64_Ehdr, e_type), Elf64_Half{ET_DYN}), "accepted");
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_phnum), Elf64_Half{0}),
                HasSubstr("no program headers"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_phnum), Elf64_Half{65535}),
                HasSubstr("65535 program headers, more than 128"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_phentsize), Elf64_Half{32}),
                HasSubstr("program headers of 32 bytes"));
    EXPECT_THAT(refusal_with(offsetof(Elf64_Ehdr, e_phoff), ~Elf64_Off{0}),
                HasSubstr("the table of program headers has 112 bytes at offset"));
}

TEST(Kernel, WrongSectionHeadersAreRefusedOnlyWhenNeeded) {
    Bytes file = plain_kernel().note_section(plain_notes()).build();
    patch(file, offsetof(Elf64_Ehdr, e_shoff), ~Elf64_Off{0});
    EXPECT_THAT(refusal_of(file), HasSubstr("the table of section headers"));
    file = plain_kernel().note_section(plain_notes()).build();
    patch(file, offsetof(Elf64_Ehdr, e_shentsize), Elf64_Half{1});
    EXPECT_THAT(refusal_of(file), HasSubstr("section headers of 1 bytes"));
    file = plain_kernel().legacy("GUEST_OS=x").build();
    patch(file, offsetof(Elf64_Ehdr, e_shstrndx), Elf64_Half{3});
    EXPECT_THAT(refusal_of(file), HasSubstr("section names in section 3 of 3"));
    file = plain_kernel().legacy("GUEST_OS=x").build();
    patch(file, file.size() - sizeof(Elf64_Shdr), std::uint32_t{1000});
    EXPECT_THAT(refusal_of(file), HasSubstr("name lies outside"));
    file = plain_kernel().note_segment(plain_notes()).legacy("GUEST_OS=x").build();
    patch(file, offsetof(Elf64_Ehdr, e_shoff), ~Elf64_Off{0});
    EXPECT_EQ(refusal_of(file), "accepted");
}

// Changes a field of the first program header.
template <typename T>
std::string refusal_with_segment(std::size_t field, T value) {
    return refusal_with(sizeof(Elf64_Ehdr) + field, value);
}

TEST(Kernel, WrongSegmentsAreRefused) {
    EXPECT_EQ(refusal_with_segment(offsetof(Elf64_Phdr, p_memsz), std::uint64_t{3}),
              "segment 0 has 4 bytes in the file, but only 3 in memory");
    EXPECT_THAT(refusal_with_segment(offsetof(Elf64_Phdr, p_offset), std::uint64_t{1} << 62),
                HasSubstr("it is cut short: segment 0"));
    EXPECT_THAT(refusal_with_segment(offsetof(Elf64_Phdr, p_offset), ~std::uint64_t{0}),
                HasSubstr("it is cut short: segment 0"));
    EXPECT_THAT(refusal_with_segment(offsetof(Elf64_Phdr, p_memsz), (std::uint64_t{1} << 30) + 1),
                HasSubstr("beyond the first GiB"));
    EXPECT_THAT(refusal_with_segment(offsetof(Elf64_Phdr, p_memsz), ~std::uint64_t{0}),
                HasSubstr("beyond the first GiB"));
    EXPECT_THAT(refusal_with_segment(offsetof(Elf64_Phdr, p_paddr), ~std::uint64_t{0}),
                HasSubstr("beyond the first GiB"));
    EXPECT_EQ(refusal_with_segment(offsetof(Elf64_Phdr, p_memsz), std::uint64_t{1} << 30),
              "accepted");
    EXPECT_EQ(refusal_with_segment(offsetof(Elf64_Phdr, p_type), std::uint32_t{PT_NULL}),
              "it has no segment to load");
    EXPECT_THAT(
        refusal_of(
            ElfBuilder{}.load(0, "a", 0x1001).load(0x1000, "b", 1).note_segment(plain_notes())),
        HasSubstr("segments overlap: 0x0 to 0x1001, and one from 0x1000"));
}

TEST(Kernel, AddressesOutsideItsMemoryAreRefused) {
    EXPECT_THAT(refusal_of(plain_kernel().entry(0x2000).note_segment(plain_notes())),
                HasSubstr("entry point 0x2000 lies outside its memory, 0x0 to 0x2000"));
    EXPECT_THAT(
        refusal_of(plain_kernel().note_segment(Notes{}.number(XEN_ELFNOTE_HYPERCALL_PAGE, 0x2000))),
        HasSubstr("hypercall page 0x2000 lies outside its memory"));
    EXPECT_THAT(
        refusal_of(plain_kernel().note_segment(Notes{}.number(XEN_ELFNOTE_HYPERCALL_PAGE, 0x1008))),
        HasSubstr("0x1008 is not the address of a page"));
    EXPECT_THAT(
        refusal_of(plain_kernel().note_segment(Notes{}.number(XEN_ELFNOTE_VIRT_BASE, 0x10))),
        HasSubstr("virt_base 0x10 is not the address of a page"));
    EXPECT_THAT(refusal_of(plain_kernel().note_segment(
                    Notes{}.number(XEN_ELFNOTE_VIRT_BASE, 0xffffffffffffd000))),
                HasSubstr("beyond the address space"));
    EXPECT_THAT(refusal_of(plain_kernel().note_segment(
                    Notes{}.number(XEN_ELFNOTE_VIRT_BASE, 0xfffffffffffff000))),
                HasSubstr("leaves no room above it"));
}

TEST(Kernel, GrubsImageIsRead) {
    const std::string path = "/usr/lib/grub-xen/grub-x86_64-xen.bin";
    if (!std::filesystem::exists(path))
        GTEST_SKIP() << path << " is not installed (package grub-xen-host)";
    const auto kernel = read_kernel(path);
    EXPECT_EQ(kernel.os, "GRUB");
    EXPECT_EQ(kernel.virt_base, 0U);
    EXPECT_EQ(kernel.entry, 0U);
    EXPECT_FALSE(kernel.hypercall_page.has_value());
    EXPECT_EQ(kernel.segments.size(), 2U);
}

}  // namespace
}  // namespace xcl::kernel
