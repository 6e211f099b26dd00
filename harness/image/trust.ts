/** Whom a verifier trusts, and with what keys a test image may be signed anew. */

import type { KeyObject } from 'node:crypto';
import type { ByteSource } from './byte-source.ts';
import type { Policy } from './policy.ts';

/** Post-quantum and hash-based algorithms, which node:crypto of Node 20 does not know. */
export const rawAlgorithms = [
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
  'slh-dsa-sha2-128s',
  'slh-dsa-sha2-128f',
  'slh-dsa-sha2-192s',
  'slh-dsa-sha2-192f',
  'slh-dsa-sha2-256s',
  'slh-dsa-sha2-256f',
  'slh-dsa-shake-128s',
  'slh-dsa-shake-128f',
  'slh-dsa-shake-192s',
  'slh-dsa-shake-192f',
  'slh-dsa-shake-256s',
  'slh-dsa-shake-256f',
  'lms',
  'hss',
] as const;
export type RawAlgorithm = (typeof rawAlgorithms)[number];

/** A public key: one that node:crypto knows, or the bytes of one that it does not. */
export type PublicKey = (
  { kind: 'classic'; key: KeyObject } | { kind: 'raw'; algorithm: RawAlgorithm; bytes: Uint8Array }
) & {
  /** DER of the X.509 certificate that the key came in, which then is an anchor of chains too. */
  certificate?: Uint8Array;
  /** Where it came from, for messages: a file name, a key name hint. */
  name: string;
};

/** A private key that the bench may use: a test key of the device, never the maker's. */
export type TestKey = (
  | { kind: 'classic'; key: KeyObject }
  | { kind: 'raw'; algorithm: RawAlgorithm; secret: Uint8Array; bytes: Uint8Array }
) & {
  /** DER certificates, the signer's first, for formats that carry chains. */
  chain: readonly Uint8Array[];
  name: string;
};

/** What a reference verifier trusts. */
export interface Trust {
  /** The maker's public keys and certificates. */
  keys: readonly PublicKey[];
  /** DER certificate revocation lists. */
  crls?: readonly Uint8Array[];
  /**
   * Images known to be genuine. Without keys, exactly their signatures over exactly their signed bytes count as good,
   * for a bench without the maker's public key.
   */
  genuine: readonly ByteSource[];
  policy: Policy;
  /** The device's idea of the time, for certificates; now when absent. */
  at?: Date;
}

/** Whether a device that trusts exactly this must take the image, and if not, the first reason why. */
export type ReferenceVerdict =
  | { accepted: true }
  | {
      accepted: false;
      /** Kebab-case, stable, the format's own: `digest`, `signature`, `unknown-key`. */
      reason: string;
      /** In words, with numbers. */
      detail: string;
    };

/** The keys that node:crypto can use. */
export function classicKeys(trust: Pick<Trust, 'keys'>): KeyObject[] {
  return trust.keys.flatMap((key) => (key.kind === 'classic' ? [key.key] : []));
}
