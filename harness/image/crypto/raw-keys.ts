/** Public keys as bare bytes: what they are by their length, and by a hint where the length does not tell. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { encodeDer } from '../codec/der.ts';
import { rawAlgorithms, type PublicKey, type RawAlgorithm } from '../trust.ts';
import { ecdsaCurves, orderOf, type CurveName } from './ecdsa.ts';
import { readHssPublicKey, readLmsPublicKey } from './lms.ts';
import { isMlDsa, isSlhDsa, postQuantumSizes } from './post-quantum.ts';

/** What bare bytes are meant to be. */
export type KeyHint = RawAlgorithm | 'ed25519' | CurveName;

export const keyHints: readonly KeyHint[] = [...rawAlgorithms, 'ed25519', 'p256', 'p384', 'p521'];

/** Undefined when the bytes are no such key. Without a hint 32 bytes are Ed25519, and SLH-DSA is never guessed. */
export function rawPublicKey(bytes: Uint8Array, name: string, hint?: KeyHint): PublicKey | undefined {
  const wanted = hint === undefined ? guesses : [hint];
  for (const algorithm of wanted) {
    const key = asKey(bytes, name, algorithm);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** Tried in this order: structured keys first, then those that only their length tells. */
const guesses: readonly KeyHint[] = [
  'hss',
  'lms',
  'p256',
  'p384',
  'p521',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
  'ed25519',
];

function asKey(bytes: Uint8Array, name: string, algorithm: KeyHint): PublicKey | undefined {
  if (algorithm === 'ed25519') return classic(ed25519Key(bytes), name);
  if (algorithm === 'p256' || algorithm === 'p384' || algorithm === 'p521')
    return classic(ecKey(bytes, algorithm), name);
  return isRaw(bytes, algorithm)
    ? { kind: 'raw', algorithm, bytes: Uint8Array.from(bytes), name }
    : undefined;
}

/** Whether the bytes have the length, and for hash-based keys the structure, of the algorithm. */
export function isRaw(bytes: Uint8Array, algorithm: RawAlgorithm): boolean {
  if (algorithm === 'lms') return readLmsPublicKey(bytes) !== undefined;
  if (algorithm === 'hss') return readHssPublicKey(bytes) !== undefined;
  return (
    (isMlDsa(algorithm) || isSlhDsa(algorithm)) && postQuantumSizes(algorithm).publicKey === bytes.length
  );
}

function classic(key: KeyObject | undefined, name: string): PublicKey | undefined {
  return key === undefined ? undefined : { kind: 'classic', key, name };
}

function ed25519Key(bytes: Uint8Array): KeyObject | undefined {
  try {
    ed25519.Point.fromBytes(Uint8Array.from(bytes), false);
    return createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') },
      format: 'jwk',
    });
  } catch {
    return undefined;
  }
}

/** A point as SEC 1 has it (04 ‖ X ‖ Y, or compressed), or X ‖ Y alone. Source: SEC 1, 2.3.3. */
export function ecKey(bytes: Uint8Array, curve: CurveName): KeyObject | undefined {
  const { bytes: width } = orderOf(curve);
  const bare = bytes.length === 2 * width;
  const encoded = bare ? Buffer.concat([Buffer.of(4), bytes]) : bytes;
  try {
    const point = Buffer.from(ecdsaCurves[curve].Point.fromBytes(Uint8Array.from(encoded)).toBytes(false));
    return createPublicKey({
      key: {
        kty: 'EC',
        crv: curve.replace('p', 'P-'),
        x: point.subarray(1, 1 + width).toString('base64url'),
        y: point.subarray(1 + width).toString('base64url'),
      },
      format: 'jwk',
    });
  } catch {
    return undefined;
  }
}

/** `ssh-ed25519 AAAA… comment`, one in each line. Source: RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4. */
export function sshKeys(text: string, name: string): PublicKey[] {
  return [...text.matchAll(/^(ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa) ([A-Za-z0-9+/=]+)/gm)].flatMap(
    ([, , body = '']) => {
      const [type, ...fields] = sshFields(Buffer.from(body, 'base64'));
      const key = classic(sshKey(type?.toString('latin1') ?? '', fields), name);
      return key === undefined ? [] : [key];
    },
  );
}

function sshFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length && fields.length < 8;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function sshKey(type: string, fields: readonly Buffer[]): KeyObject | undefined {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = fields;
  if (type === 'ssh-ed25519') return ed25519Key(first);
  if (type === 'ssh-rsa') {
    try {
      const der = encodeDer(0x30, encodeDer(0x02, second), encodeDer(0x02, first));
      return createPublicKey({ key: der, format: 'der', type: 'pkcs1' });
    } catch {
      return undefined;
    }
  }
  const curve = ({ nistp256: 'p256', nistp384: 'p384', nistp521: 'p521' } as const)[first.toString('latin1')];
  return curve === undefined ? undefined : ecKey(second, curve);
}

/** The second line: base64 of `Ed`, key id, 32 bytes. Source: minisign, "Public key format". */
export function minisignKey(text: string, name: string): PublicKey | undefined {
  const [, body = ''] = /^untrusted comment:[^\n]*\n([A-Za-z0-9+/=]+)\s*$/.exec(text) ?? [];
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length !== 42 || bytes.toString('latin1', 0, 2) !== 'Ed') return undefined;
  return classic(ed25519Key(bytes.subarray(10)), name);
}
