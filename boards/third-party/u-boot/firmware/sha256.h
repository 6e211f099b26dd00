/* SHA-256 of a piece of memory (FIPS 180-4), for the firmware . */
#include <stddef.h>
#include <stdint.h>

void sha256(const uint8_t *data, size_t bytes, uint8_t digest[32]);
