/** Identifiers that are the same whenever the same record is reported again. */

import { createHash } from 'node:crypto';

/** Namespace of every identifier made here: one random UUID, fixed for good. */
const namespace = Buffer.from('6f2b5c0e9d5e4a3c8b4d0f6f1a7c2e91', 'hex');

/**
 * A name-based UUID.
 *
 * Source: RFC 9562 (May 2024), section 5.5 (version 5), which OSCAL allows beside version 4.
 *
 * @param names what it names, from the wide to the narrow: run id, kind, case id
 */
export function uuidOf(...names: readonly string[]): string {
  const bytes = createHash('sha1').update(namespace).update(names.join('\u0000')).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
