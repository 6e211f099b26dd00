/** Where a signature can be altered so that its value is another, and its encoding still good. */

/**
 * The first byte; for a DER pair of numbers, whose first byte is a tag that some devices never look at, the last, which is
 * the lowest of s.
 */
export function valueByteOf(signature: Uint8Array): number {
  return looksLikeDer(signature) ? signature.length - 1 : 0;
}

/** SEQUENCE { r, s }, with a length of one or two bytes: no more than 141 bytes for P-521. */
function looksLikeDer(signature: Uint8Array): boolean {
  const { length } = signature;
  const short = signature[1] === length - 2;
  const long = signature[1] === 0x81 && signature[2] === length - 3;
  return signature[0] === 0x30 && length > 8 && length <= 141 && (short || long);
}

/** The signature with that byte raised by one. */
export function raisedByOne(signature: Uint8Array): { at: number; byte: number } {
  const at = valueByteOf(signature);
  return { at, byte: ((signature[at] ?? 0) + 1) & 0xff };
}
