/**
 * Every signature scheme that images are checked with, behind one function; messages of any size are hashed once and in
 * pieces.
 */

import { z } from 'zod';
import { bytesSource, type ByteSource } from '../byte-source.ts';
import { digestOf, type DigestAlgorithm } from '../digest.ts';
import { rawAlgorithms, type PublicKey } from '../trust.ts';
import { verifyEcdsaLoosely } from './ecdsa.ts';
import { rawEd25519 } from './key-bytes.ts';
import { verifyEd25519 } from './ed25519.ts';
import { verifyHss, verifyLms } from './lms.ts';
import { isMlDsa, isSlhDsa, postQuantumSizes, preHashes, verifyPostQuantum } from './post-quantum.ts';
import { verifyRsaLoosely } from './rsa.ts';
import { verifyDigest, type SignatureCheck } from './verify-digest.ts';

export type { SignatureCheck } from './verify-digest.ts';

const hash = z.enum(['sha256', 'sha384', 'sha512', 'sha1']).describe('Digest that is signed');
const context = z
  .string()
  .regex(/^([0-9a-f]{2}){0,255}$/, 'at most 255 bytes in lower-case hex')
  .describe('Context, lower-case hex');

const preHashNames = Object.keys(preHashes) as [keyof typeof preHashes, ...(keyof typeof preHashes)[]];
const postQuantumNames = rawAlgorithms.filter((name) => name !== 'lms' && name !== 'hss');

export const signatureSchemeSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ed25519').describe('Ed25519 (RFC 8032)') }),
  z.strictObject({
    type: z.literal('ed25519ph').describe('Ed25519ph, pre-hashed'),
    context: context.optional(),
  }),
  z.strictObject({ type: z.literal('ed25519ctx').describe('Ed25519ctx, with a context'), context }),
  z.strictObject({
    type: z.literal('ecdsa').describe('ECDSA (FIPS 186-5)'),
    curve: z.enum(['p256', 'p384', 'p521']).describe('Curve'),
    hash,
    encoding: z.enum(['der', 'p1363']).describe('SEQUENCE { r, s }, or r ‖ s'),
  }),
  z.strictObject({ type: z.literal('rsa-pkcs1').describe('RSASSA-PKCS1-v1_5'), hash }),
  z.strictObject({
    type: z.literal('rsa-pss').describe('RSASSA-PSS'),
    hash,
    saltBytes: z.int().min(0).max(512).optional().describe('Any length when absent'),
  }),
  z.strictObject({
    type: z.enum(postQuantumNames).describe('ML-DSA (FIPS 204) or SLH-DSA (FIPS 205)'),
    context: context.optional(),
    preHash: z.enum(preHashNames).optional().describe('Hash of the pre-hashed variant; pure when absent'),
  }),
  z.strictObject({ type: z.literal('lms').describe('LMS (RFC 8554)') }),
  z.strictObject({ type: z.literal('hss').describe('HSS (RFC 8554)') }),
]);
export type SignatureScheme = z.output<typeof signatureSchemeSchema>;
export type PostQuantumScheme = Extract<SignatureScheme, { preHash?: unknown }>;

export function isPostQuantum(scheme: SignatureScheme): scheme is PostQuantumScheme {
  return isMlDsa(scheme.type) || isSlhDsa(scheme.type);
}

/** What is signed: the bytes, or for schemes that sign a digest, that. */
export type Message = ByteSource | { digest: Uint8Array };

export interface SignatureOptions {
  /** Takes other encodings of a good signature too: lenient DER, the other encoding, any salt, no NULL. */
  lenient?: boolean;
}

const bad = (why: string): SignatureCheck => ({ good: false, why });

/** Whether the signature is good, and if not, why. Never throws, whatever the signature. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  message: Message,
  signature: Uint8Array,
  options: SignatureOptions = {},
): SignatureCheck {
  if (!keyFits(key, scheme)) return bad(`the key ${key.name} is not for ${describeScheme(scheme)}`);
  if (isPostQuantum(scheme)) {
    const signed = wholeOf(message);
    if (signed === undefined || key.kind !== 'raw') return bad(`${scheme.type} needs the message itself`);
    return verifyPostQuantum(scheme.type, key.bytes, signed, signature, scheme);
  }
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ctx':
    case 'ed25519ph': {
      const signed =
        scheme.type === 'ed25519ph' ? bytesSource(digestFor(message, 'sha512')) : wholeOf(message);
      return signed === undefined
        ? bad('Ed25519 needs the message, not its digest')
        : verifyEd25519(rawEd25519(key), scheme, signed, signature);
    }
    case 'ecdsa':
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return verifyOverDigest(key, scheme, digestFor(message, scheme.hash), signature, options);
    case 'lms':
    case 'hss': {
      const signed = wholeOf(message);
      if (signed === undefined || key.kind !== 'raw') return bad(`${scheme.type} needs the message itself`);
      const verify = scheme.type === 'lms' ? verifyLms : verifyHss;
      return verify(key.bytes, signed, signature);
    }
  }
}

type DigestBased = Extract<SignatureScheme, { type: 'ecdsa' | 'rsa-pkcs1' | 'rsa-pss' }>;

function verifyOverDigest(
  key: PublicKey,
  scheme: DigestBased,
  digest: Uint8Array,
  signature: Uint8Array,
  { lenient }: SignatureOptions,
): SignatureCheck {
  if (key.kind !== 'classic') return bad(`the key ${key.name} is not for ${scheme.type}`);
  const strict = verifyDigest(key.key, digestSchemeOf(scheme), digest, signature);
  if (strict.good || lenient !== true) return strict;
  const loose =
    scheme.type === 'ecdsa'
      ? verifyEcdsaLoosely(key.key, digest, signature)
      : verifyRsaLoosely(key.key, scheme, digest, signature);
  return loose ? { good: true } : strict;
}

/** The scheme as {@link verifyDigest} knows it. */
function digestSchemeOf(scheme: DigestBased): Parameters<typeof verifyDigest>[1] {
  switch (scheme.type) {
    case 'ecdsa':
      return { type: 'ecdsa', encoding: scheme.encoding };
    case 'rsa-pkcs1':
      return { type: 'rsa-pkcs1', hash: scheme.hash };
    case 'rsa-pss': {
      const { saltBytes } = scheme;
      return { type: 'rsa-pss', hash: scheme.hash, ...(saltBytes === undefined ? {} : { saltBytes }) };
    }
  }
}

function wholeOf(message: Message): ByteSource | undefined {
  return 'digest' in message ? undefined : message;
}

function digestFor(message: Message, algorithm: DigestAlgorithm): Uint8Array {
  return 'digest' in message ? message.digest : digestOf(message, algorithm);
}

const curveNames = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' } as const;

/** Whether a key is of the kind, curve or parameter set that a scheme needs. */
export function keyFits(key: PublicKey, scheme: SignatureScheme): boolean {
  if (key.kind === 'raw') return key.algorithm === scheme.type;
  if (isPostQuantum(scheme)) return false;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key.key;
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ph':
    case 'ed25519ctx':
      return type === 'ed25519';
    case 'ecdsa':
      return type === 'ec' && details?.namedCurve === curveNames[scheme.curve];
    case 'rsa-pkcs1':
      return type === 'rsa';
    case 'rsa-pss':
      return type === 'rsa' || type === 'rsa-pss';
    case 'lms':
    case 'hss':
      return false;
  }
}

/** Bytes of every signature of a scheme; undefined where they depend on the key or the value. */
export function signatureBytes(scheme: SignatureScheme): number | undefined {
  if (isPostQuantum(scheme)) return postQuantumSizes(scheme.type).signature;
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ph':
    case 'ed25519ctx':
      return 64;
    case 'ecdsa':
      return scheme.encoding === 'p1363' ? 2 * { p256: 32, p384: 48, p521: 66 }[scheme.curve] : undefined;
    case 'rsa-pkcs1':
    case 'rsa-pss':
    case 'lms':
    case 'hss':
      return undefined;
  }
}

/** `ECDSA p256 SHA-256 der`, for people. */
export function describeScheme(scheme: SignatureScheme): string {
  if (isPostQuantum(scheme)) {
    const hashed = scheme.preHash === undefined ? '' : ` pre-hashed with ${scheme.preHash}`;
    return `${scheme.type.toUpperCase()}${hashed}`;
  }
  switch (scheme.type) {
    case 'ecdsa':
      return `ECDSA ${scheme.curve} ${scheme.hash} ${scheme.encoding}`;
    case 'rsa-pkcs1':
      return `RSA PKCS#1 v1.5 ${scheme.hash}`;
    case 'rsa-pss':
      return `RSA-PSS ${scheme.hash}`;
    case 'ed25519':
    case 'ed25519ph':
    case 'ed25519ctx':
      return `Ed${scheme.type.slice(2)}`;
    case 'lms':
    case 'hss':
      return scheme.type.toUpperCase();
  }
}
