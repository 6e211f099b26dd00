/** Signatures made for attacks: with a test key that the device trusts, or with a fresh one that nobody does. */

import { sign as signBytes } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import {
  cborMajors,
  cborNull,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
  encodeCborTag,
} from '../../codec/cbor.ts';
import type { TestKey } from '../../trust.ts';
import { signatureInput } from './cose.ts';
import { coseHeaders, coseTags } from './labels.ts';

export interface Signer {
  /** COSE number. */
  algorithm: number;
  /** DER of the public key (SPKI), for the record. */
  publicKey?: Uint8Array;
  sign(message: Uint8Array): Buffer;
}

const ecdsa: ReadonlyMap<string, { algorithm: number; hash: string; order: bigint }> = new Map([
  ['prime256v1', { algorithm: -7, hash: 'sha256', order: p256.Point.Fn.ORDER }],
  ['secp384r1', { algorithm: -35, hash: 'sha384', order: p384.Point.Fn.ORDER }],
]);

/** Undefined for keys that COSE has no algorithm for here. */
export function signerOf(testKey: TestKey | undefined): Signer | undefined {
  if (testKey?.kind !== 'classic') return undefined;
  const { key } = testKey;
  if (key.asymmetricKeyType === 'ed25519')
    return { algorithm: -8, sign: (message) => signBytes(null, message, key) };
  const curve = ecdsa.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (key.asymmetricKeyType !== 'ec' || curve === undefined) return undefined;
  return {
    algorithm: curve.algorithm,
    sign: (message) => lowS(signBytes(curve.hash, message, { key, dsaEncoding: 'ieee-p1363' }), curve.order),
  };
}

/** A device that refuses the upper half of s must not refuse for that. */
function lowS(signature: Buffer, order: bigint): Buffer {
  const half = signature.length / 2;
  const s = BigInt(`0x${signature.toString('hex', half)}`);
  return s > order / 2n ? Buffer.concat([signature.subarray(0, half), fixed(order - s, half)]) : signature;
}

/** A number in so many bytes, big-endian. */
export function fixed(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
}

/** A key that nobody trusts, of the kind that the algorithm wants; P-256 for those that are not made here. */
export function strangerFor(
  algorithm: number | undefined,
  random: (label: string, bytes: number) => Buffer,
): Signer {
  const seed = (bytes: number): Uint8Array => Uint8Array.from(random('unknown key', bytes));
  if (algorithm === -8 || algorithm === -19) {
    const secret = seed(32);
    return { algorithm, sign: (message) => Buffer.from(ed25519.sign(Uint8Array.from(message), secret)) };
  }
  const wide = algorithm === -35 || algorithm === -51;
  const [curve, hash] = wide ? ([p384, sha384] as const) : ([p256, sha256] as const);
  const secret = curve.utils.randomSecretKey(seed(wide ? 72 : 48));
  const known = algorithm === -7 || algorithm === -9 || wide;
  return {
    algorithm: known ? algorithm : -7,
    // RFC 6979: the same for the same seed.
    sign: (message) =>
      Buffer.from(
        curve.sign(hash(Uint8Array.from(message)), secret, { prehash: false, lowS: true, format: 'compact' }),
      ),
  };
}

export interface SignedBlock {
  /** Contents of the protected header; the algorithm alone when absent. */
  header?: Uint8Array | undefined;
  /** Unprotected header, encoded; empty when absent. */
  unprotected?: Uint8Array | undefined;
}

/** A whole authentication block, wrapped: COSE_Sign1 over a SUIT_Digest. */
export function signedBlock(signer: Signer, digest: Uint8Array, how: SignedBlock = {}): Buffer {
  const header = how.header ?? algorithmHeader(signer.algorithm);
  const signature = signer.sign(signatureInput('Signature1', [header], digest));
  return blockOf(coseTags.sign1, header, how.unprotected, signature);
}

export function algorithmHeader(algorithm: number): Buffer {
  return encodeCborMap([encodeCborInt(coseHeaders.algorithm), encodeCborInt(algorithm)]);
}

/** A wrapped COSE_Sign1 or COSE_Mac0 with a detached payload. */
export function blockOf(
  tag: number,
  header: Uint8Array,
  unprotected: Uint8Array | undefined,
  last: Uint8Array,
  payload: Uint8Array = cborNull,
): Buffer {
  const empty = Buffer.of(cborMajors.map << 5);
  const parts = encodeCborArray(
    encodeCborBytes(header),
    unprotected ?? empty,
    payload,
    encodeCborBytes(last),
  );
  return encodeCborBytes(encodeCborTag(tag, parts));
}
