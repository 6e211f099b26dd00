/** Genuine images made for tests, by code that shares nothing with the parsers: what each format brings under test/. */

import type { FirmwareImage } from '../../capabilities.ts';
import { sha256Hex } from '../digest.ts';
import { bytesSource } from '../byte-source.ts';
import type { Policy } from '../policy.ts';
import type { PublicKey, TestKey } from '../trust.ts';

export interface Sample {
  /** What is special about it: `ECDSA P-256, padded to a slot`. */
  name: string;
  bytes: Uint8Array;
  /** Whom a device that takes it trusts. */
  keys: readonly PublicKey[];
  /** Another genuine image of the same device, older. */
  second?: Uint8Array;
  /** The key that signed it, where attacks may sign anew. */
  testKey?: TestKey;
  policy?: Policy;
  crls?: readonly Uint8Array[];
}

export function firmwareImage(name: string, bytes: Uint8Array): FirmwareImage {
  return { name, bytes, sha256: sha256Hex(bytesSource(bytes)) };
}
