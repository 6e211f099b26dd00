/**
 * Finds the layout of a file by trying: a signature at its end that verifies under one of the keys, in the plain forms
 * that are in use.
 */

import { slice, type ByteSource } from '../../byte-source.ts';
import {
  describeScheme,
  keyFits,
  signatureBytes,
  verifySignature,
  type SignatureScheme,
} from '../../crypto/signature.ts';
import { lmsSignatureBytes } from '../../crypto/lms-parameters.ts';
import { readHssSignature, readLmsPublicKey } from '../../crypto/lms.ts';
import { rsaNumbers } from '../../crypto/key-bytes.ts';
import type { PublicKey } from '../../trust.ts';
import { integerBytes, readInteger, type DetachedLayoutInput } from './layout.ts';
import { splitDetached } from './split.ts';

export type Guess =
  | { found: 'layout'; layout: DetachedLayoutInput; why: string }
  /** Recognised and named, but of another format. */
  | { found: 'other'; name: string; why: string }
  | { found: 'nothing'; why: string };

/** Appended by the Linux kernel’s sign-file. Source: Linux, include/linux/module_signature.h. */
const moduleMagic = Buffer.from('~Module signature appended~\n');

/** @param source one file, or payload and signature file joined by {@link joinDetached} */
export function guessLayout(source: ByteSource, keys: readonly PublicKey[]): Guess {
  const module = linuxModule(source);
  if (module !== undefined) return module;
  const candidates = keys.flatMap((key) => schemesOf(key).map((scheme) => ({ key, scheme })));
  const files = splitDetached(source);
  for (const { key, scheme } of candidates) {
    const layout = files === undefined ? appended(source, key, scheme) : detached(files, key, scheme);
    if (layout === undefined) continue;
    const where = files === undefined ? 'at the end of the file' : 'in the signature file';
    const behind = layout.frame === undefined ? '' : ', its length behind it';
    const why = `${describeScheme(scheme)} ${where}${behind}, good for ${key.name}`;
    return { found: 'layout', layout, why };
  }
  const tried = [...new Set(candidates.map(({ scheme }) => describeScheme(scheme)))].join(', ');
  const why =
    keys.length === 0
      ? 'there are no keys to try'
      : `no signature ${files === undefined ? 'at the end' : 'in the signature file'} is good for any key; tried: ${tried || 'nothing'}`;
  return { found: 'nothing', why };
}

function linuxModule(source: ByteSource): Guess | undefined {
  const end = source.size - moduleMagic.length;
  if (end < 12 || !moduleMagic.equals(source.read(end, source.size))) return undefined;
  // algo, hash, id type, two lengths, three bytes of padding, length of the signature (u32 BE).
  const info = Buffer.from(source.read(end - 12, end));
  const kind = info[2] === 2 ? 'PKCS #7' : `id type ${info[2] ?? 0}`;
  return {
    found: 'other',
    name: 'linux-module',
    why: `a Linux module signature: ${kind}, ${info.readUInt32BE(8)} bytes; its CMS structure is not a bare signature`,
  };
}

const hashes = ['sha256', 'sha384', 'sha512', 'sha1'] as const;

/** What a key may have signed by; the usual first. */
function schemesOf(key: PublicKey): SignatureScheme[] {
  if (key.kind === 'raw') return [{ type: key.algorithm }];
  const all: SignatureScheme[] = [
    { type: 'ed25519' },
    { type: 'ed25519ph' },
    ...(['p256', 'p384', 'p521'] as const).flatMap((curve) =>
      hashes.flatMap((hash) =>
        (['der', 'p1363'] as const).map((encoding) => ({ type: 'ecdsa' as const, curve, hash, encoding })),
      ),
    ),
    ...hashes.flatMap((hash) => [
      { type: 'rsa-pkcs1' as const, hash },
      { type: 'rsa-pss' as const, hash },
    ]),
  ];
  return all.filter((scheme) => keyFits(key, scheme));
}

function detached(
  files: { payload: ByteSource; signature: ByteSource },
  key: PublicKey,
  scheme: SignatureScheme,
): DetachedLayoutInput | undefined {
  const { payload, signature } = files;
  if (signature.size > 1_000_000) return undefined;
  const { good } = verifySignature(key, scheme, payload, signature.read(0, signature.size));
  return good ? { placement: 'detached', signatures: [{ scheme }] } : undefined;
}

/** The signature last in the file, or last but for its length. */
function appended(
  source: ByteSource,
  key: PublicKey,
  scheme: SignatureScheme,
): DetachedLayoutInput | undefined {
  for (const { type, order } of [undefined, ...lengthFields].map(
    (field) => field ?? { type: undefined, order: 'be' as const },
  )) {
    const behind = type === undefined ? 0 : integerBytes[type];
    const end = source.size - behind;
    const stated = type === undefined ? undefined : readInteger(source.read(end, source.size), order);
    for (const bytes of lengthsOf(source, end, key, scheme)) {
      if (bytes >= end || (stated !== undefined && stated !== bytes)) continue;
      const signature = source.read(end - bytes, end);
      if (!verifySignature(key, scheme, slice(source, 0, end - bytes), signature).good) continue;
      if (type === undefined) {
        // A signature of varying length cannot be found again without a word on its length.
        return { placement: 'appended', signatures: [{ scheme, bytes }] };
      }
      const frame = [
        { field: 'signature' as const, of: 0 },
        { field: 'length' as const, of: 0, type, order },
      ];
      return { placement: 'appended', signatures: [{ scheme }], frame };
    }
  }
  return undefined;
}

const lengthFields = [
  { type: 'u16', order: 'be' },
  { type: 'u16', order: 'le' },
  { type: 'u32', order: 'be' },
  { type: 'u32', order: 'le' },
  { type: 'u64', order: 'be' },
  { type: 'u64', order: 'le' },
] as const;

/** Lengths that a signature may have that ends at an offset. */
function lengthsOf(source: ByteSource, end: number, key: PublicKey, scheme: SignatureScheme): number[] {
  const fixed = signatureBytes(scheme);
  if (fixed !== undefined) return [fixed];
  if (scheme.type === 'ecdsa') return derLengths(source, end);
  if (key.kind === 'classic') return [rsaNumbers(key.key).bytes];
  if (scheme.type === 'lms') {
    const lms = readLmsPublicKey(key.bytes);
    return lms === undefined ? [] : [lmsSignatureBytes(lms.set, lms.ots)];
  }
  return hssLengths(source, end, key.bytes);
}

/** SEQUENCEs of two numbers that end there. */
function derLengths(source: ByteSource, end: number): number[] {
  const tail = source.read(end - 141, end);
  return Array.from({ length: tail.length }, (_, index) => tail.length - index).filter((bytes) => {
    const at = tail.length - bytes;
    const short = tail[at] === 0x30 && tail[at + 1] === bytes - 2 && tail[at + 2] === 2;
    return (
      short ||
      (tail[at] === 0x30 && tail[at + 1] === 0x81 && tail[at + 2] === bytes - 3 && tail[at + 3] === 2)
    );
  });
}

/** Of one level it follows from the key; of several, all levels are taken to be like the first. */
function hssLengths(source: ByteSource, end: number, publicKey: Uint8Array): number[] {
  const key = Buffer.from(publicKey);
  const top = readLmsPublicKey(key.subarray(4));
  if (top === undefined) return [];
  const levels = key.readUInt32BE(0);
  const one = lmsSignatureBytes(top.set, top.ots);
  const bytes = 4 + levels * one + (levels - 1) * (24 + top.set.m);
  if (bytes > end || bytes > 1_000_000) return [];
  return 'why' in readHssSignature(Buffer.from(source.read(end - bytes, end))) ? [] : [bytes];
}
