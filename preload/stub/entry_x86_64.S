/*
 * The ways into this library that C cannot express, for x86-64.
 *
 * Each keeps the caller's arguments, calls C, and goes on by a jump, so that the function at the end sees the caller's
 * own stack.  Kept are the registers that carry arguments in the SysV ABI: rdi, rsi, rdx, rcx, r8, r9, xmm0-7, al (the
 * number of vector registers of a variadic call) and r10.  The upper halves of ymm and zmm registers are not: a
 * function that takes vectors wider than 16 bytes by value loses them in its first call.
 */
#include "preload/stub/arguments_x86_64.inc"

    .text

    .hidden record_bind
    .hidden shim_dlsym
    .hidden shim_dlvsym
    .hidden shim_dlopen

/* r10: the record.  Its first call: record_bind(record), then where that says, with the record still in r10. */
    .globl  __winapi_stub_slow
    .type   __winapi_stub_slow, @function
    .p2align 4
__winapi_stub_slow:
.Lslow:                             /* by a name of its own: never through the PLT, which may change r10 */
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq    %rsp, %rbp
    .cfi_def_cfa_register %rbp
    keep_arguments
    movq    %r10, %rdi
    call    record_bind
    movq    %rax, %r11              /* where to go on */
    restore_arguments
    movq    184(%rsp), %r10
    leave
    .cfi_def_cfa %rsp, 8
    jmp     *%r11
    .cfi_endproc
    .size   __winapi_stub_slow, . - __winapi_stub_slow

/*
 * r10: a record whose calls run native.  Goes on to binding->native, its first word, unless routes have changed since
 * this process last looked, or this is a child of the one that did (control.h): then like a first call.
 */
    .globl  winapi_native_entry
    .hidden winapi_native_entry
    .hidden winapi_control_epoch
    .hidden winapi_control_seen
    .type   winapi_native_entry, @function
    .p2align 4
winapi_native_entry:
    .cfi_startproc
    endbr64
    movq    winapi_control_epoch(%rip), %r11
    movl    (%r11), %r11d
    cmpl    winapi_control_seen(%rip), %r11d
    jne     .Lslow
    movq    24(%r10), %r11          /* record->binding */
    jmp     *(%r11)
    .cfi_endproc
    .size   winapi_native_entry, . - winapi_native_entry

/* Asks the filter.  Afterwards: the arguments as they were, rax and r11 the two words of its struct shim_answer. */
    .macro  ask filter
    endbr64
    pushq   %rdi
    .cfi_adjust_cfa_offset 8
    pushq   %rsi
    .cfi_adjust_cfa_offset 8
    pushq   %rdx                    /* the third one also aligns the stack */
    .cfi_adjust_cfa_offset 8
    call    \filter
    movq    %rdx, %r11
    popq    %rdx
    .cfi_adjust_cfa_offset -8
    popq    %rsi
    .cfi_adjust_cfa_offset -8
    popq    %rdi
    .cfi_adjust_cfa_offset -8
    .endm

    .macro  symbol_shim name, filter
    .globl  \name
    .type   \name, @function
    .p2align 4
\name:
    .cfi_startproc
    ask     \filter
    testq   %rax, %rax
    jz      1f
    ret
1:  jmp     *%r11
    .cfi_endproc
    .size   \name, . - \name
    .endm

    symbol_shim dlsym, shim_dlsym
    symbol_shim dlvsym, shim_dlvsym

    .globl  dlopen
    .type   dlopen, @function
    .p2align 4
dlopen:
    .cfi_startproc
    ask     shim_dlopen
    movl    %eax, %esi
    jmp     *%r11
    .cfi_endproc
    .size   dlopen, . - dlopen

    .section .note.GNU-stack, "", @progbits
