/** Attacks on a signature, whatever its scheme. */

import { valueByteOf } from '../../../crypto/value-byte.ts';
import { bytesSource, sameBytes } from '../../../byte-source.ts';
import { signMessage, strangersKey, publicHalf } from '../../../crypto/sign.ts';
import { describeScheme, type SignatureScheme } from '../../../crypto/signature.ts';
import { strangersLms } from '../../../crypto/lms-once.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { signatureOf } from '../verify.ts';
import {
  contextOf,
  flipLastBit,
  surplus,
  withByte,
  type Forged,
  type SignatureAttack,
  type SignatureContext,
} from './common.ts';

const firstBytePlusOne: SignatureAttack = {
  id: 'signature-first-byte-plus-one',
  kind: 'signature',
  depth: 'standard',
  name: 'with the value of its signature raised by one',
  rationale: 'The smallest change to a signature; a device that ignores the result of the check accepts it.',
  references: ['SIG-04', 'Wycheproof, flag ModifiedSignature'],
  forge: ({ signature }) => withByte(signature, valueByteOf(signature), (byte) => byte + 1),
};

const lastBit: SignatureAttack = {
  id: 'signature-last-bit',
  kind: 'signature',
  name: 'with the last bit of its signature flipped',
  rationale: 'A comparison that stops early does not see the end of a signature.',
  references: ['SIG-04', 'Wycheproof, flag ModifiedSignature'],
  forge: ({ signature }) => flipLastBit(signature),
};

function filled(id: string, name: string, byte: number): SignatureAttack {
  return {
    id: `signature-${id}`,
    kind: 'signature',
    name: `with a signature of ${name} only`,
    rationale: 'Blank flash and zeroed buffers must not be taken for a signature.',
    references: ['SIG-04', 'Wycheproof, flag ModifiedSignature'],
    forge: ({ signature }) => Buffer.alloc(signature.length, byte),
  };
}

const randomBytes: SignatureAttack = {
  id: 'signature-random',
  kind: 'signature',
  name: 'with random bytes for a signature',
  rationale: 'A signature of the right length and nothing else right about it.',
  references: ['SIG-04'],
  forge: ({ signature, random }) => random('signature', signature.length),
};

const oneByteShort: SignatureAttack = {
  id: 'signature-one-byte-short',
  kind: 'signature',
  resizes: true,
  name: 'with a signature one byte short',
  rationale: 'The byte that is missing must not be taken from whatever lies behind.',
  references: ['SIG-04', 'Wycheproof, flags TruncatedSignature, SignatureSize, IncorrectSignatureLength'],
  forge: ({ signature }) => signature.subarray(0, -1),
};

const half: SignatureAttack = {
  id: 'signature-half',
  kind: 'signature',
  resizes: true,
  name: 'with the first half of its signature',
  rationale: 'A comparison over the length that the attacker gives is satisfied by less.',
  references: ['SIG-04', 'Wycheproof, flags TruncatedSignature, SignatureSize'],
  forge: ({ signature }) => signature.subarray(0, Math.floor(signature.length / 2)),
};

const empty: SignatureAttack = {
  id: 'signature-empty',
  kind: 'unsigned',
  resizes: true,
  name: 'with an empty signature',
  rationale: 'A check over zero bytes succeeds where nobody thought of it.',
  references: ['SIG-01', 'Wycheproof, flag TruncatedSignature'],
  forge: () => Buffer.alloc(0),
};

const oneByteMore: SignatureAttack = {
  id: 'signature-one-byte-more',
  kind: 'encoding',
  resizes: true,
  expectation: surplus,
  name: 'with a zero byte behind its signature',
  rationale: 'The same signature must not have several forms, and no parser may stumble over what follows.',
  references: ['SIG-14', 'Wycheproof, flags SignatureWithGarbage, SignatureSize'],
  forge: ({ signature }) => Buffer.concat([signature, Buffer.alloc(1)]),
};

const twice: SignatureAttack = {
  id: 'signature-twice',
  kind: 'encoding',
  resizes: true,
  expectation: surplus,
  name: 'with its signature twice, one behind the other',
  rationale: 'What follows a good signature is unread at best, and overflows a buffer at worst.',
  references: ['SIG-14'],
  forge: ({ signature }) => Buffer.concat([signature, signature]),
};

const oversized: SignatureAttack = {
  id: 'signature-63-kib',
  kind: 'resource',
  resizes: true,
  name: 'with 63 KiB for a signature',
  rationale: 'The length of a signature is the attacker’s; the buffer for it is the device’s.',
  references: ['SIG-04', 'CWE-120'],
  forge: ({ random }) => {
    const block = random('signature', 1024);
    return Buffer.concat(Array.from({ length: 63 }, () => block));
  },
};

const transplanted: SignatureAttack = {
  id: 'signature-transplanted',
  kind: 'transplant',
  depth: 'standard',
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  name: 'with the valid signature of another release',
  rationale: 'A signature must be checked against this payload, not merely be one that the maker once made.',
  references: ['SIG-05', 'Wycheproof, flag ModifiedSignature'],
  forge: (context) => {
    const { input, layout, index, message, signature } = context;
    const { second } = input;
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    const other = contextOf({ ...input, base: second.source, image: second.image }, layout, index);
    const donor = signatureOf(second.source, second.image, index);
    if (donor.length === 0) return { doesNotApply: 'the second image has no such signature' };
    if (donor.equals(signature) || sameBytes(message, other.message))
      return { doesNotApply: 'the second image is signed over the same bytes' };
    return donor;
  },
};

const unknownKey: SignatureAttack = {
  id: 'unknown-key',
  kind: 'foreign-key',
  depth: 'standard',
  attackerModel: 'foreign-key',
  name: 'signed with an unknown key',
  rationale: 'A perfect signature by somebody whom nobody trusts.',
  references: ['SIG-06'],
  forge: ({ scheme, message, signature, random }) => strangersSignature(scheme, message, signature, random),
};

/** A signature over the message by a key that nobody trusts, of the same kind and, for RSA, size. */
export function strangersSignature(
  scheme: SignatureScheme,
  message: SignatureContext['message'],
  signature: Buffer,
  random: (label: string, bytes: number) => Buffer,
): Forged | DoesNotApply {
  if (scheme.type === 'lms' || scheme.type === 'hss') {
    const value = strangersLms(scheme.type, signature, message, (label, bytes) => random(label, bytes));
    return value === undefined ? { doesNotApply: 'the signature names no parameter set' } : value;
  }
  const key = strangersKey(scheme, (bytes) => random('unknown key', bytes), signature.length * 8);
  const value = key && signMessage(key, scheme, message, (bytes) => random('salt', bytes));
  if (key === undefined || value === undefined)
    return { doesNotApply: `no key for ${describeScheme(scheme)}` };
  const half = publicHalf(key);
  const publicKey =
    half.kind === 'raw'
      ? Buffer.from(half.bytes).toString('hex')
      : String(half.key.export({ type: 'spki', format: 'pem' }));
  return { value, facts: { publicKey } };
}

const overDigest: SignatureAttack = {
  id: 'signature-over-nothing',
  kind: 'transplant',
  attackerModel: 'insider',
  needs: ['test-key'],
  name: 'with a valid signature over no bytes at all',
  rationale: 'A length of zero for what is hashed makes one signature good for everything.',
  references: ['SIG-05'],
  forge: ({ input, scheme, random }) => {
    const { testKey } = input;
    if (testKey === undefined) return { doesNotApply: 'there is no test key' };
    const nothing = bytesSource(new Uint8Array(0));
    const value = signMessage(testKey, scheme, nothing, (bytes) => random('salt', bytes));
    return value ?? { doesNotApply: 'the test key is for another scheme' };
  },
};

export const anySchemeAttacks: readonly SignatureAttack[] = [
  firstBytePlusOne,
  lastBit,
  filled('zeros', 'zeros', 0),
  filled('ones', 'FF', 0xff),
  randomBytes,
  oneByteShort,
  half,
  empty,
  oneByteMore,
  twice,
  oversized,
  transplanted,
  unknownKey,
];

/** For schemes by which a test key can sign. */
export const anySigningAttacks: readonly SignatureAttack[] = [overDigest];
