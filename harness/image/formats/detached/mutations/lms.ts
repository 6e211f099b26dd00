/**
 * Attacks on LMS and HSS signatures. That one leaf signs twice cannot be shown by one image.
 *
 * Source: RFC 8554, 5.4 and 6.2 (layout), 9.2 (state); NIST SP 800-208, 7 and 8.
 */

import { readHssSignature, readLmsSignature } from '../../../crypto/lms.ts';
import { u32 } from '../../../crypto/lms-parameters.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { withByte, withBytes, type SignatureAttack, type SignatureContext } from './common.ts';

/** The LMS signature over the message, as part of the whole; and the first one. */
interface Link {
  /** Offset of the LMS signature. */
  at: number;
  /** Offset of the LMS type code. */
  typeAt: number;
  n: number;
  q: number;
  height: number;
  lmsType: number;
  otsType: number;
  end: number;
}

/** Links of an HSS signature, or the one of LMS, from the top. */
function linksOf({ scheme, signature }: SignatureContext): Link[] {
  const linkAt = (at: number, read: ReturnType<typeof readLmsSignature>): Link[] =>
    'why' in read
      ? []
      : [
          {
            at,
            typeAt: at + 8 + read.ots.n * (read.ots.p + 1),
            n: read.ots.n,
            q: read.q,
            height: read.set.h,
            lmsType: read.set.type,
            otsType: read.ots.type,
            end: at + read.bytes,
          },
        ];
  if (scheme.type === 'lms') return linkAt(0, readLmsSignature(signature));
  const links = readHssSignature(signature);
  return 'why' in links ? [] : links.flatMap(({ at, signature: link }) => linkAt(at, link));
}

function onLink(
  id: string,
  name: string,
  rationale: string,
  forge: (signature: Buffer, link: Link) => Uint8Array | DoesNotApply,
  which: 'last' | 'first' = 'last',
): SignatureAttack {
  return {
    id: `lms-${id}`,
    kind: 'edge-value',
    name,
    rationale,
    references: ['RFC 8554, 5.4.2', 'NIST SP 800-208'],
    forge: (context) => {
      const links = linksOf(context);
      const link = which === 'last' ? links.at(-1) : links[0];
      return link === undefined
        ? { doesNotApply: 'the signature is no LMS signature' }
        : forge(context.signature, link);
    },
  };
}

const typeRationale =
  'The parameter set belongs to the trusted key; a type code in the signature must match it.';
const leafRationale = 'The leaf decides which path is taken, and must lie in the tree.';
const pathRationale = 'Every part of the signature must lead to the root of the trusted key.';

const onLms: readonly SignatureAttack[] = [
  onLink('ots-type-other', 'with another LM-OTS type', typeRationale, (signature, { at, otsType }) =>
    withBytes(signature, at + 4, u32(otsType === 4 ? 3 : 4)),
  ),
  onLink('ots-type-unknown', 'with an unknown LM-OTS type', typeRationale, (signature, { at }) =>
    withBytes(signature, at + 4, u32(0xffff_fff0)),
  ),
  onLink('ots-type-zero', 'with an LM-OTS type of 0', typeRationale, (signature, { at }) =>
    withBytes(signature, at + 4, u32(0)),
  ),
  onLink('type-other', 'with another LMS type', typeRationale, (signature, { typeAt, lmsType }) =>
    withBytes(signature, typeAt, u32(lmsType === 5 ? 6 : 5)),
  ),
  onLink('type-unknown', 'with an unknown LMS type', typeRationale, (signature, { typeAt }) =>
    withBytes(signature, typeAt, u32(0xffff_fff0)),
  ),
  onLink('leaf-next', 'with the next leaf’s number', leafRationale, (signature, { at, q, height }) =>
    withBytes(signature, at, u32((q + 1) % 2 ** height)),
  ),
  onLink('leaf-outside', 'with a leaf just outside the tree', leafRationale, (signature, { at, height }) =>
    withBytes(signature, at, u32(2 ** height)),
  ),
  onLink(
    'leaf-wrapped',
    'with a leaf that is the same modulo the size of the tree',
    leafRationale,
    (signature, { at, q, height }) => withBytes(signature, at, u32(q + 2 ** height)),
  ),
  onLink('leaf-largest', 'with the largest number for a leaf', leafRationale, (signature, { at }) =>
    withBytes(signature, at, u32(0xffff_ffff)),
  ),
  onLink('randomiser', 'with one bit of its randomiser flipped', pathRationale, (signature, { at }) =>
    withByte(signature, at + 8, (byte) => byte ^ 1),
  ),
  onLink('chain', 'with one bit of its first hash chain flipped', pathRationale, (signature, { at, n }) =>
    withByte(signature, at + 8 + n, (byte) => byte ^ 1),
  ),
  onLink(
    'checksum-chain',
    'with one bit of its last hash chain flipped',
    pathRationale,
    (signature, { typeAt }) => withByte(signature, typeAt - 1, (byte) => byte ^ 1),
  ),
  onLink('path', 'with one bit of its path flipped', pathRationale, (signature, { typeAt }) =>
    withByte(signature, typeAt + 4, (byte) => byte ^ 1),
  ),
];

function levels(id: string, name: string, count: (signature: Buffer) => number): SignatureAttack {
  return {
    id: `hss-levels-${id}`,
    kind: 'structure',
    name,
    rationale: 'The number of levels is the key’s; the signature’s must agree, and bounds a loop.',
    references: ['RFC 8554, 6.3', 'NIST SP 800-208'],
    forge: ({ signature }) => withBytes(signature, 0, u32(count(signature))),
  };
}

/** The public key that the first level signs: its root, or its types. */
function signedKey(id: string, name: string, offset: number): SignatureAttack {
  return onLink(
    id,
    name,
    'Keys inside the signature are trusted only as far as the level above signs them.',
    (signature, { end }) =>
      end + 24 > signature.length
        ? { doesNotApply: 'the signature has one level' }
        : withByte(signature, end + offset, (byte) => byte ^ 1),
    'first',
  );
}

const onHss: readonly SignatureAttack[] = [
  levels('none', 'with no signed keys, though there are some', (signature) =>
    signature.readUInt32BE(0) === 0 ? 1 : 0,
  ),
  levels('one-more', 'with one level more than there are', (signature) => signature.readUInt32BE(0) + 1),
  levels('eight', 'with one level more than the standard allows', () => 8),
  levels('largest', 'with the largest number of levels', () => 0xffff_ffff),
  signedKey('hss-key-root', 'with one bit of the second level’s root flipped', 24),
  signedKey('hss-key-identifier', 'with one bit of the second level’s identifier flipped', 8),
  signedKey('hss-key-type', 'with another type in the second level’s public key', 3),
  {
    id: 'hss-top-level-dropped',
    kind: 'downgrade',
    resizes: true,
    name: 'with its lowest level alone',
    rationale: 'A signature of one level by a key that nobody trusts directly must not pass.',
    references: ['RFC 8554, 6.3'],
    forge: (context) => {
      const links = linksOf(context);
      const last = links.at(-1);
      if (last === undefined || links.length < 2) return { doesNotApply: 'the signature has one level' };
      return Buffer.concat([u32(0), context.signature.subarray(last.at)]);
    },
  },
];

export function lmsAttacks(type: 'lms' | 'hss'): readonly SignatureAttack[] {
  return type === 'lms' ? onLms : [...onLms, ...onHss];
}
