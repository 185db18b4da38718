// SPDX-License-Identifier: BSD-3-Clause
// The first instructions: from what the domain builder set up to C++.

// The builder's stack is one page, the last it laid out; at least 512 KiB of mapped, unused memory
// follow (xen.h, "Start-of-day memory layout"). The first 16 KiB of that lengthen the stack.
#define STACK_BYTES 16384

        .section .text.start, "ax", @progbits
        .globl start
        .type start, @function
// rsi: start_info. rsp: end of the builder's stack.
start:
        cld
        movq %rsi, %rdi
        leaq STACK_BYTES(%rsp), %rsi
        movq %rsi, %rsp
        xorl %ebp, %ebp
        call guest_main
        ud2
        .size start, . - start

        .section .note.GNU-stack, "", @progbits
