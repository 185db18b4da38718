// SPDX-License-Identifier: BSD-3-Clause
// Where Xen enters the guest: the event upcall, the failsafe callback and the fault vectors.

        .text

// An event has woken the guest. Xen has masked further upcalls and the main loop looks at events
// itself, so there is nothing to do but go back. Within the kernel no hypercall is needed for that
// (xen-x86_64.h, HYPERVISOR_iret): Xen shows ring 0 in the saved CS where the processor needs 3.
        .globl event_upcall
        .type event_upcall, @function
event_upcall:
        popq %rcx
        popq %r11
        orb $3, 8(%rsp)
        iretq
        .size event_upcall, . - event_upcall

// Xen could not return to the guest with the frame it was given.
        .globl failsafe_callback
        .type failsafe_callback, @function
failsafe_callback:
        popq %rcx
        popq %r11
        addq $32, %rsp          // ds, es, fs, gs
        pushq $0
        pushq $-1
        jmp trapped
        .size failsafe_callback, . - failsafe_callback

// One stub for each vector, 16 bytes apart, each leaving an error code and its number on the
// stack. Xen pushes rcx and r11 below what the processor would push.
        .globl fault_stubs
        .balign 16
fault_stubs:
        .set vector, 0
        .rept 20
        .balign 16
        popq %rcx
        popq %r11
        .if vector != 8 && vector != 17 && (vector < 10 || vector > 14)
        pushq $0
        .endif
        pushq $vector
        jmp trapped
        .set vector, vector + 1
        .endr

// Completes a struct TrapFrame (traps.hpp) and never goes back.
        .type trapped, @function
trapped:
        pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        movq %rsp, %rdi
        andq $-16, %rsp
        call report_fault
        ud2
        .size trapped, . - trapped

        .section .note.GNU-stack, "", @progbits
