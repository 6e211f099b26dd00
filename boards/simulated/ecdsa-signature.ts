/**
 * The DER form of an ECDSA signature, a SEQUENCE of two INTEGERs, as this device reads it: the one form that a pair of
 * numbers has. Source: RFC 3279, 2.2.3; ITU-T X.690, 8.3 and 10.1.
 */

/** Order of P-256. Source: SEC 2 v2, 2.4.2. */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** Bytes of each number in {@link rawSignature}. */
const NUMBER_BYTES = 32;

export interface EcdsaPair {
  r: bigint;
  s: bigint;
}

/**
 * The pair of a signature that is minimal DER with nothing behind it, and whose s is at most half the order: from any
 * other s a stranger makes a second valid signature, order − s.
 */
export function strictPair(der: Buffer): EcdsaPair | undefined {
  const pair = lenientPair(der);
  return pair !== undefined && isLow(pair.s) && encode(pair).equals(der) ? pair : undefined;
}

/**
 * What a careless reader makes of it: lengths in more bytes than needed, numbers with too many or too few leading
 * zeros, whatever lies behind. Only the defect `accepts-malleable-signature` takes that for a signature.
 */
export function lenientPair(der: Buffer): EcdsaPair | undefined {
  const sequence = element(der, 0x30);
  const r = sequence && element(sequence.value, 0x02);
  const s = r && element(r.rest, 0x02);
  return r && s && { r: toNumber(r.value), s: toNumber(s.value) };
}

/** r ‖ s, big-endian; undefined when one of them is too large for the curve. */
export function rawSignature({ r, s }: EcdsaPair): Buffer | undefined {
  const hex = [r, s].map((number) => number.toString(16).padStart(2 * NUMBER_BYTES, '0')).join('');
  return hex.length === 4 * NUMBER_BYTES ? Buffer.from(hex, 'hex') : undefined;
}

function isLow(s: bigint): boolean {
  return s <= P256_ORDER >> 1n;
}

function element(bytes: Buffer, tag: number): { value: Buffer; rest: Buffer } | undefined {
  const first = bytes[1];
  if (bytes[0] !== tag || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || bytes.length < 2 + lengthBytes) return undefined;
  const length = lengthBytes === 0 ? first & 0x7f : bytes.readUIntBE(2, lengthBytes);
  const end = 2 + lengthBytes + length;
  if (end > bytes.length) return undefined;
  return { value: bytes.subarray(2 + lengthBytes, end), rest: bytes.subarray(end) };
}

function encode({ r, s }: EcdsaPair): Buffer {
  const body = Buffer.concat([encodeNumber(r), encodeNumber(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function encodeNumber(number: bigint): Buffer {
  const digits = number.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  const signed = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
  return Buffer.concat([Buffer.of(0x02, signed.length), signed]);
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString('hex')}`);
}
