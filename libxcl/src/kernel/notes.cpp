// SPDX-License-Identifier: BSD-3-Clause
// Reads Xen's notes in their three flavours and checks what they ask for.
#include "kernel/notes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <xen/elfnote.h>

#include "kernel/image.hpp"

namespace xcl::kernel {
namespace {

using namespace std::string_view_literals;

// The notes as they stand in the file.
struct RawNotes {
    bool any = false;
    bool legacy = false;  // from __xen_guest
    bool pvh_entry = false;
    std::optional<std::uint64_t> virt_base;
    std::optional<std::uint64_t> paddr_offset;
    std::optional<std::uint64_t> entry;
    std::optional<std::uint64_t> hypercall_page;  // legacy: a page number
    std::string os;
    std::string xen_version;
    std::string loader;
    std::string features;
};

// What Xen 4.17 can give a 64-bit paravirtualised guest that insists on it. Linux insists on
// writable_page_tables, which Xen emulates without announcing it.
constexpr std::array<std::string_view, 7> possible_features = {
    "writable_page_tables", "pae_pgdir_above_4gb",   "mmu_pt_update_preserve_ad",
    "highmem_assist",       "gnttab_map_avail_bits", "memory_op_vnode_supported",
    "not_direct_mapped",
};

// A note's text is ASCII; whatever else is in the file must spoil neither an error nor a listing.
std::string printable(std::string_view text) {
    constexpr std::size_t enough = 60;
    std::string shown(text.substr(0, enough));
    const auto is_other = [](char c) { return c < ' ' || c > '~'; };
    std::replace_if(shown.begin(), shown.end(), is_other, '?');
    if (text.size() > enough)
        shown += "...";
    return shown;
}

std::string_view as_text(std::span<const std::byte> bytes) {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    return {text, bytes.empty() ? 0 : strnlen(text, bytes.size())};
}

std::uint64_t as_number(std::span<const std::byte> bytes, std::uint32_t type,
                        const Origin& origin) {
    if (bytes.size() == sizeof(std::uint32_t))
        return load<std::uint32_t>(bytes, 0);
    if (bytes.size() == sizeof(std::uint64_t))
        return load<std::uint64_t>(bytes, 0);
    origin.refuse(
        fmt::format("its Xen note {} has {} bytes, a number has 4 or 8", type, bytes.size()));
}

void take_note(RawNotes& notes, std::uint32_t type, std::span<const std::byte> value,
               const Origin& origin) {
    notes.any = true;
    switch (type) {
        case XEN_ELFNOTE_ENTRY:
            notes.entry = as_number(value, type, origin);
            break;
        case XEN_ELFNOTE_HYPERCALL_PAGE:
            notes.hypercall_page = as_number(value, type, origin);
            break;
        case XEN_ELFNOTE_VIRT_BASE:
            notes.virt_base = as_number(value, type, origin);
            break;
        case XEN_ELFNOTE_PADDR_OFFSET:
            notes.paddr_offset = as_number(value, type, origin);
            break;
        case XEN_ELFNOTE_XEN_VERSION:
            notes.xen_version = as_text(value);
            break;
        case XEN_ELFNOTE_GUEST_OS:
            notes.os = as_text(value);
            break;
        case XEN_ELFNOTE_LOADER:
            notes.loader = as_text(value);
            break;
        case XEN_ELFNOTE_FEATURES:
            notes.features = as_text(value);
            break;
        case XEN_ELFNOTE_PHYS32_ENTRY:
            notes.pvh_entry = true;
            break;
        default:  // the others ask a loader for nothing that it must do
            break;
    }
}

// Notes are padded to 4 bytes whatever the segment's alignment says, as all of Xen's loaders read
// them.
constexpr std::uint64_t padded(std::uint32_t size) {
    return (std::uint64_t{size} + 3) & ~std::uint64_t{3};
}

void read_note_area(RawNotes& notes, std::span<const std::byte> area, const Origin& origin) {
    while (area.size() >= sizeof(Elf64_Nhdr)) {
        const auto header = load<Elf64_Nhdr>(area, 0);
        area = area.subspan(sizeof header);
        const std::uint64_t name_room = padded(header.n_namesz);
        if (name_room > area.size() || header.n_descsz > area.size() - name_room) {
            origin.refuse(
                fmt::format("an ELF note is damaged: a name of {} and a value of {} "
                            "bytes, where {} are left",
                            header.n_namesz, header.n_descsz, area.size()));
        }
        const auto name = area.first(header.n_namesz);
        const auto value = area.subspan(name_room, header.n_descsz);
        constexpr std::string_view xen = "Xen\0"sv;
        if (name.size() == xen.size() && starts_with(name, xen) && header.n_type <= XEN_ELFNOTE_MAX)
            take_note(notes, header.n_type, value, origin);
        const std::uint64_t used = name_room + padded(header.n_descsz);
        area = area.subspan(std::min<std::uint64_t>(used, area.size()));
    }
}

std::uint64_t legacy_number(std::string_view key, std::string_view value, const Origin& origin) {
    std::string_view digits = value;
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        digits.remove_prefix(2);
        base = 16;
    }
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        origin.refuse(fmt::format("its __xen_guest section says {}={}, which is no number", key,
                                  printable(value)));
    }
    return number;
}

// The keys that a loader has to know; the others of __xen_guest ask it for nothing.
struct LegacyNumber {
    std::string_view key;
    std::optional<std::uint64_t> RawNotes::*field;
};
constexpr std::array<LegacyNumber, 4> legacy_numbers = {{
    {"VIRT_BASE", &RawNotes::virt_base},
    {"VIRT_ENTRY", &RawNotes::entry},
    {"ELF_PADDR_OFFSET", &RawNotes::paddr_offset},
    {"HYPERCALL_PAGE", &RawNotes::hypercall_page},
}};

struct LegacyText {
    std::string_view key;
    std::string RawNotes::*field;
};
constexpr std::array<LegacyText, 4> legacy_texts = {{
    {"XEN_VER", &RawNotes::xen_version},
    {"GUEST_OS", &RawNotes::os},
    {"LOADER", &RawNotes::loader},
    {"FEATURES", &RawNotes::features},
}};

void take_legacy_key(RawNotes& notes, std::string_view key, std::string_view value,
                     const Origin& origin) {
    for (const LegacyNumber& number : legacy_numbers) {
        if (key == number.key)
            notes.*number.field = legacy_number(key, value, origin);
    }
    for (const LegacyText& text : legacy_texts) {
        if (key == text.key)
            notes.*text.field = value;
    }
}

void read_legacy_string(RawNotes& notes, std::string_view text, const Origin& origin) {
    notes.any = true;
    notes.legacy = true;
    while (!text.empty()) {
        const std::string_view item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const std::size_t equals = item.find('=');
        if (equals != std::string_view::npos)
            take_legacy_key(notes, item.substr(0, equals), item.substr(equals + 1), origin);
    }
}

RawNotes find_notes(const ElfFile& elf, const Origin& origin) {
    RawNotes notes;
    for (const Elf64_Phdr& header : elf.program_headers()) {
        if (header.p_type == PT_NOTE) {
            read_note_area(notes, elf.bytes(header.p_offset, header.p_filesz, "a note segment"),
                           origin);
        }
    }
    if (notes.any)
        return notes;

    const auto sections = elf.section_headers();
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type == SHT_NOTE) {
            read_note_area(notes, elf.bytes(section.sh_offset, section.sh_size, "a note section"),
                           origin);
        }
    }
    if (notes.any)
        return notes;

    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type == SHT_NOBITS || elf.section_name(sections, section) != "__xen_guest")
            continue;
        const auto text = elf.bytes(section.sh_offset, section.sh_size, "the section __xen_guest");
        read_legacy_string(notes, as_text(text), origin);
        break;
    }
    return notes;
}

void check_features(std::string_view features, const Origin& origin) {
    while (!features.empty()) {
        std::string_view feature = features.substr(0, features.find('|'));
        features.remove_prefix(std::min(feature.size() + 1, features.size()));
        if (!feature.starts_with('!'))
            continue;
        feature.remove_prefix(1);
        if (std::find(possible_features.begin(), possible_features.end(), feature) ==
            possible_features.end()) {
            origin.refuse(
                fmt::format("it requires the feature '{}', which a paravirtualised guest "
                            "cannot have here",
                            printable(feature)));
        }
    }
}

void check_compatible(const RawNotes& notes, const Origin& origin) {
    if (!notes.any) {
        origin.refuse("it is an ELF file, but carries no Xen notes: not a paravirtualised kernel",
                      "build it with Xen PV support (Linux: CONFIG_XEN_PV)");
    }
    if (notes.pvh_entry && !notes.entry && !notes.virt_base && !notes.hypercall_page) {
        origin.refuse("its Xen notes describe a PVH kernel only: not a paravirtualised kernel",
                      "build it with Xen PV support (Linux: CONFIG_XEN_PV)");
    }
    if (!notes.xen_version.empty() && !notes.xen_version.starts_with("xen-3.")) {
        origin.refuse(
            fmt::format("it is written for '{}', not for 'xen-3.0'", printable(notes.xen_version)));
    }
    if (!notes.loader.empty() && notes.loader != "generic") {
        origin.refuse(fmt::format("it asks for the loader '{}'; only 'generic' is provided",
                                  printable(notes.loader)));
    }
    check_features(notes.features, origin);
}

std::uint64_t legacy_hypercall_page(std::uint64_t virt_base, std::uint64_t number,
                                    const Origin& origin) {
    if (number > (std::numeric_limits<std::uint64_t>::max() - virt_base) / page_size) {
        origin.refuse(
            fmt::format("its __xen_guest section says HYPERCALL_PAGE=0x{:x}, which lies "
                        "outside the address space",
                        number));
    }
    return virt_base + number * page_size;
}

}  // namespace

XenNotes read_notes(const ElfFile& elf, const Origin& origin) {
    const RawNotes raw = find_notes(elf, origin);
    check_compatible(raw, origin);

    XenNotes notes;
    notes.virt_base = raw.virt_base.value_or(0);
    notes.paddr_offset = raw.paddr_offset.value_or(raw.legacy ? notes.virt_base : 0);
    notes.entry = raw.entry.value_or(elf.entry());
    notes.os = printable(raw.os);
    notes.hypercall_page = raw.hypercall_page;
    if (raw.legacy && raw.hypercall_page)
        notes.hypercall_page = legacy_hypercall_page(notes.virt_base, *raw.hypercall_page, origin);
    return notes;
}

}  // namespace xcl::kernel
