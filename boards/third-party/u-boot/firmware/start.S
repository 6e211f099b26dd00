/* Entered by bootm as a Linux kernel is: MMU and caches off, x0 = device tree (Documentation/arch/arm64/booting.rst). */
  .section .text.start, "ax"
  .globl _start
_start:
  ldr x1, =stack_top
  mov sp, x1
  bl main
1: wfe
  b 1b
