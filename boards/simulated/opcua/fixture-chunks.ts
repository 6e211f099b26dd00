/**
 * For tests: OPC UA message chunks in a byte stream.
 *
 * Source: OPC 10000-6, 1.05, 7.1.2.2 (message header): 3 bytes type, 1 byte `F`, `C` or `A`, u32 little-endian size
 * of the whole chunk.
 */

const headerBytes = 8;
const sizeOffset = 4;

/** The whole chunks at the start of `bytes`; a part of one at the end is left out. */
export function splitChunks(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= headerBytes) {
    const size = rest.readUInt32LE(sizeOffset);
    if (size < headerBytes || size > rest.length) break;
    chunks.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return chunks;
}

/** `MSG`, `OPN`, `HEL`, `ERR`, … */
export function typeOf(chunk: Buffer): string {
  return chunk.toString('latin1', 0, 3);
}

/** Of an `ERR` chunk: the status code after the header. */
export function errorCodeOf(chunk: Buffer): number {
  return chunk.readUInt32LE(headerBytes);
}
