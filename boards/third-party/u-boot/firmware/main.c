/*
 * The firmware : says over the UART who it is, and that it lives. To the line "version" it answers with its
 * version and with the SHA-256 of the very bytes that run, which a FIT names too, in the hash node of its kernel.
 */
#include "sha256.h"

extern const uint8_t __start[], __end[];

/* PL011 of QEMU's machine virt (hw/arm/virt.c, VIRT_UART); registers: ARM DDI 0183, 3.2. */
#define UART 0x09000000UL
#define DATA (*(volatile uint32_t *)(UART + 0x00))
#define FLAGS (*(volatile uint32_t *)(UART + 0x18))
#define RECEIVE_EMPTY 0x10u
#define TRANSMIT_FULL 0x20u

static void put(char c) {
  while (FLAGS & TRANSMIT_FULL) {
  }
  DATA = (uint8_t)c;
}

static void text(const char *s) {
  for (; *s; s++) put(*s);
}

static void number(uint64_t n) {
  if (n >= 10) number(n / 10);
  put((char)('0' + n % 10));
}

static void digest(void) {
  uint8_t sum[32];
  sha256(__start, (size_t)(__end - __start), sum);
  for (int i = 0; i < 64; i++) put("0123456789abcdef"[(sum[i / 2] >> (i % 2 ? 0 : 4)) & 15]);
}

static uint64_t seconds(void) {
  uint64_t count, frequency;
  __asm__ volatile("mrs %0, cntpct_el0" : "=r"(count));
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
  return count / frequency;
}

static void tell(void) {
  text("version=" VERSION "\r\ndigest=");
  digest();
  text("\r\nOK\r\n");
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

void main(void) {
  char line[16];
  unsigned length = 0;
  uint64_t told = seconds();
  text("\r\nFirmware " VERSION " runs\r\n");
  for (;;) {
    if (seconds() != told && length == 0) {
      told = seconds();
      text("alive ");
      number(told);
      text("\r\n");
    }
    if (FLAGS & RECEIVE_EMPTY) continue;
    char c = (char)DATA;
    if (c != '\r' && c != '\n') {
      if (length < sizeof line - 1) line[length++] = c;
      continue;
    }
    line[length] = 0;
    if (length > 0 && same(line, "version")) tell();
    length = 0;
  }
}
