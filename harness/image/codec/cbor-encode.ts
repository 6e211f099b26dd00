/** Encoders of CBOR, always with the shortest definite heads. Source: RFC 8949, 3 and 4.2.1. */

/** Major types (RFC 8949, 3.1). */
export const cborMajors = {
  uint: 0,
  nint: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;

/** A head in its shortest form, or in `extra` bytes beyond the first (1, 2, 4 or 8). */
export function cborHead(major: number, argument: bigint | number, extra?: 1 | 2 | 4 | 8): Buffer {
  const value = BigInt(argument);
  const width =
    extra ?? (value < 24n ? 0 : value < 0x100n ? 1 : value < 0x1_0000n ? 2 : value < 0x1_0000_0000n ? 4 : 8);
  if (width === 0) return Buffer.of((major << 5) | Number(value));
  const info = 24 + Math.log2(width);
  return Buffer.concat([
    Buffer.of((major << 5) | info),
    Buffer.from(value.toString(16).padStart(2 * width, '0'), 'hex'),
  ]);
}

export function encodeCborInt(value: bigint | number): Buffer {
  const number = BigInt(value);
  return number < 0n ? cborHead(cborMajors.nint, -1n - number) : cborHead(cborMajors.uint, number);
}

export function encodeCborBytes(...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([cborHead(cborMajors.bytes, bytes.length), bytes]);
}

export function encodeCborText(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([cborHead(cborMajors.text, bytes.length), bytes]);
}

export function encodeCborArray(...items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([cborHead(cborMajors.array, items.length), ...items]);
}

/** Entries in the order given: encoded keys and values. */
export function encodeCborMap(
  ...entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
): Buffer {
  return Buffer.concat([cborHead(cborMajors.map, entries.length), ...entries.flat()]);
}

export function encodeCborTag(tag: number, item: Uint8Array): Buffer {
  return Buffer.concat([cborHead(cborMajors.tag, tag), item]);
}

export const cborNull = Buffer.of(0xf6);
export const cborTrue = Buffer.of(0xf5);
