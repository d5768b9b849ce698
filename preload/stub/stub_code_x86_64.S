/*
 * What stubs (preload/stub/stub_image.c) carry besides their functions, for x86-64: where a record points that the library has
 * not bound.  It is copied as it is; the distances to what lies elsewhere in the stub are put in by who copies it, each
 * into the four bytes before its label.
 *
 * With the library it goes on to the library's slow path.  Without it, in a child that has lost it from LD_PRELOAD or
 * cannot read it, the function is the next one that dlsym knows, as if there were no stub: a line says so, once for each
 * function.  r10: the record.  Every register that carries arguments is kept.
 */
#include "preload/stub/arguments_x86_64.inc"

    .section .rodata
    .p2align 4
    .globl  stub_first, stub_first_end
    .globl  stub_first_library, stub_first_records, stub_first_names, stub_first_strings, stub_first_dlsym
    .hidden stub_first, stub_first_end
    .hidden stub_first_library, stub_first_records, stub_first_names, stub_first_strings, stub_first_dlsym

stub_first:
    endbr64
    movq    0(%rip), %r11           /* the library's slow path */
stub_first_library:
    testq   %r11, %r11
    jz      1f
    jmp     *%r11
1:  pushq   %rbp
    movq    %rsp, %rbp
    keep_arguments

    movl    $1, %eax                /* write(2, text, size) */
    movl    $2, %edi
    leaq    .Ltext(%rip), %rsi
    movl    $.Ltext_end - .Ltext, %edx
    syscall

    movq    184(%rsp), %rax         /* dlsym(RTLD_NEXT, strings + names[record - records]) */
    leaq    0(%rip), %rcx
stub_first_records:
    subq    %rcx, %rax
    shrq    $5, %rax
    leaq    0(%rip), %rcx
stub_first_names:
    movl    (%rcx,%rax,4), %eax
    leaq    0(%rip), %rsi
stub_first_strings:
    addq    %rax, %rsi
    movq    $-1, %rdi
    movq    0(%rip), %rax
stub_first_dlsym:
    testq   %rax, %rax
    jz      2f
    call    *%rax
    testq   %rax, %rax
    jz      2f                      /* nobody has it: nothing can be done */
    movq    184(%rsp), %r10
    movq    %rax, (%r10)
    movq    %rax, %r11
    restore_arguments
    leave
    jmp     *%r11
2:  ud2

.Ltext:
    .ascii  "winapi: libwinapi_preload.so is not loaded beside its stub: a function runs here, not in the host\n"
.Ltext_end:
stub_first_end:

    .section .note.GNU-stack, "", @progbits
