# SPDX-License-Identifier: BSD-3-Clause
# What a start runs begins here, where a window of the page cache does: a fault maps the 64 KiB around
# it, so that how many windows a start touches does not depend on the size of what lies before.
    .section .text.startup_begin,"ax",@progbits
    .p2align 16
    .globl startup_begin
    .type startup_begin, @function
startup_begin:
    ret
    .size startup_begin, . - startup_begin
    .section .note.GNU-stack,"",@progbits
