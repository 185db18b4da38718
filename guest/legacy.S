// SPDX-License-Identifier: BSD-3-Clause
// What the kernel asks of a domain builder, as the text that came before ELF notes. Tests boot it.

        .section __xen_guest, "", @progbits
        .ascii "GUEST_OS=cosmos-guest,XEN_VER=xen-3.0,LOADER=generic,FEATURES=pae_pgdir_above_4gb,"
        // virt_base in guest.ld. The entry is ELF's.
        .ascii "VIRT_BASE=0x400000,ELF_PADDR_OFFSET=0x400000,"
        // A page number counted from VIRT_BASE, where a note has an address.
        .ascii "HYPERCALL_PAGE=0x"
        .byte hypercall_digit_high, hypercall_digit_low
        .byte 0

        .section .note.GNU-stack, "", @progbits
