// SPDX-License-Identifier: BSD-3-Clause
// What the kernel asks of a domain builder, as ELF notes: loaded, and so in a PT_NOTE segment, or
// only in a section of the file.
#include <xen/elfnote.h>

#ifdef NOTES_NOT_LOADED
        .section .note.Xen, "", @note
#else
        .section .note.Xen, "a", @note
#endif

        .macro note type, value:vararg
        .balign 4
        .long 4                         // length of the name
        .long 3f - 2f
        .long \type
        .asciz "Xen"
2:      \value
3:
        .endm

        note XEN_ELFNOTE_GUEST_OS, .asciz "cosmos-guest"
        note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
        note XEN_ELFNOTE_LOADER, .asciz "generic"
        note XEN_ELFNOTE_FEATURES, .asciz "pae_pgdir_above_4gb"
        note XEN_ELFNOTE_VIRT_BASE, .quad virt_base
        // Addresses in the program headers are virtual ones: this is what to take off them.
        note XEN_ELFNOTE_PADDR_OFFSET, .quad virt_base
        note XEN_ELFNOTE_ENTRY, .quad start
        note XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page

        .section .note.GNU-stack, "", @progbits
