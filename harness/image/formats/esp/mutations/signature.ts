/** Attacks on the signature of ESP images, and on whose it is. */

import { blockPatches, sectorPatch, withFreshSums } from '../edit.ts';
import { blockBytes, sectorBytes } from '../layout.ts';
import { signatureField, withCrc, withField } from '../block.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import { signedDigest } from '../verify.ts';
import type { EspBlock } from '../parse.ts';
import {
  alteredBy,
  appVerifySource,
  attack,
  benign,
  foreignBlock,
  foreignKey,
  guide,
  planOf,
  withBlocks,
  type EspInput,
  type EspMutation,
} from './common.ts';

const stripSignature = attack({
  id: 'esp-strip-signature',
  kind: 'unsigned',
  depth: 'standard',
  invariants: ['signed-kept', 'same-length'],
  name: 'with its signature sector erased',
  rationale:
    'Checksum and appended SHA-256 fit: a loader that is content with them runs whatever anybody built.',
  references: ['SIG-01', guide],
  plan: (input) =>
    withBlocks(input, () =>
      planOf(input, [sectorPatch(input.base, input.image, [])], { refusedFor: 'unsigned' }),
    ),
});

const zeroSignature = attack({
  id: 'esp-strip-signature-zeroed',
  kind: 'unsigned',
  invariants: ['signed-kept', 'same-length'],
  name: 'with zeros for its signature sector',
  rationale:
    'Zeros are what a failed read or a bad decryption leaves; a CRC of nothing must not pass for one.',
  plan: (input) =>
    withBlocks(input, () =>
      planOf(input, [sectorPatch(input.base, input.image, [Buffer.alloc(sectorBytes)])], {
        refusedFor: 'unsigned',
      }),
    ),
});

function plusOne(crc: 'fresh' | 'stale'): EspMutation {
  const fresh = crc === 'fresh';
  return attack({
    id: fresh ? 'esp-signature-first-byte-plus-one' : 'esp-signature-first-byte-plus-one-stale-crc',
    kind: 'signature',
    ...(fresh ? { depth: 'standard' as const } : {}),
    invariants: ['signed-kept', 'same-length'],
    name: `with the first byte of its signature raised by one${fresh ? '' : ', the CRC as it was'}`,
    rationale: fresh
      ? 'The smallest change to a signature, the CRC of its block made to fit, so that only the signature can tell.'
      : 'The CRC alone already tells; with its twin it shows which of the two checks is missing.',
    references: ['SIG-04', guide],
    plan: (input) =>
      withBlocks(input, (_first, blocks) => {
        const patches = blocks.flatMap((block) => {
          const at = block.layout?.signature.at ?? 0;
          const raised = withField(block.bytes, at, Buffer.of(((block.bytes[at] ?? 0) + 1) & 0xff));
          return blockPatches(block, fresh ? withCrc(raised) : raised);
        });
        return planOf(input, patches, { refusedFor: fresh ? 'signature' : 'block-crc' });
      }),
  });
}

function transplant(digest: 'stale' | 'fresh'): EspMutation {
  const fresh = digest === 'fresh';
  return attack({
    id: `esp-signature-transplanted-${digest}-digest`,
    kind: 'transplant',
    depth: 'standard',
    invariants: ['signed-kept', 'same-length'],
    name: `with the valid signature blocks of another release${fresh ? ', their digests made to fit' : ''}`,
    rationale: fresh
      ? 'Block, CRC and key are right, and the copy of the digest too: only the signature is for something else.'
      : 'A signature must be checked against this image, not merely be one that the maker once made.',
    references: ['SIG-05', guide],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    plan: (input) => transplantPlan(input, fresh),
  });
}

function transplantPlan(input: EspInput, fresh: boolean): ReturnType<EspMutation['plan']> {
  const { second } = input;
  if (second === undefined) return { doesNotApply: 'there is no second image' };
  if (second.image.blocks.length === 0) return { doesNotApply: 'the second image is unsigned' };
  const own = signedDigest(input.base, input.image);
  if (signedDigest(second.source, second.image).equals(own)) {
    return { doesNotApply: 'the second image is signed over the same bytes' };
  }
  const blocks = second.image.blocks.map(({ bytes, layout }) => {
    const digest = signedDigest(input.base, input.image, layout?.hash ?? 'sha256');
    return fresh ? withCrc(withField(bytes, 4, digest)) : bytes;
  });
  return planOf(input, [sectorPatch(input.base, input.image, blocks)], {
    refusedFor: fresh ? 'signature' : 'digest',
  });
}

const unknownKey = attack({
  id: 'esp-unknown-key',
  kind: 'foreign-key',
  depth: 'standard',
  invariants: ['signed-kept', 'same-length'],
  name: 'signed with an unknown key',
  rationale: 'The block brings its own public key: only its digest in the eFuses makes it a trusted one.',
  references: ['SIG-06', guide],
  attackerModel: 'foreign-key',
  plan: (input) =>
    withBlocks(input, (first) =>
      planOf(input, [sectorPatch(input.base, input.image, [foreignBlock(input, first, input.base)])], {
        refusedFor: 'unknown-key',
      }),
    ),
});

const unknownKeyTrustedFields = attack({
  id: 'esp-unknown-key-trusted-fields',
  kind: 'foreign-key',
  invariants: ['signed-kept', 'same-length'],
  name: 'signed with an unknown key, the key fields those of the trusted one',
  rationale: 'The digest of the key fits the eFuses; only the signature is somebody else’s.',
  references: ['SIG-06', guide],
  attackerModel: 'foreign-key',
  plan: (input) =>
    withBlocks(input, (_first, blocks) => {
      const patches = blocks.flatMap((block) => {
        const digest = signedDigest(input.base, input.image, block.layout?.hash ?? 'sha256');
        const signature = signatureField(foreignKey(input, block), digest, input.random('salt', 32));
        return blockPatches(
          block,
          withCrc(withField(block.bytes, block.layout?.signature.at ?? 0, signature)),
        );
      });
      return planOf(input, patches, { refusedFor: 'signature' });
    }),
});

/** Genuine blocks with the attacker's before or behind them. */
function together(foreign: Buffer, blocks: readonly EspBlock[], order: 'first' | 'last'): Buffer[] {
  const genuine = blocks.map(({ bytes }) => bytes);
  return order === 'first' ? [foreign, ...genuine] : [...genuine, foreign];
}

const noRoom = { doesNotApply: 'all three slots of the signature sector are used' } as const;

function foreignBeside(order: 'first' | 'last'): EspMutation {
  return attack({
    id: `esp-foreign-block-${order}`,
    kind: 'injection',
    invariants: ['signed-kept', 'same-length'],
    name: `with an attacker’s valid block ${order === 'first' ? 'before' : 'behind'} the genuine one`,
    rationale:
      'Any block whose key is trusted may vouch for the image, and chips that know one block look at the first only: ' +
      'taken or refused, the code is the maker’s.',
    references: ['SIG-07', guide, appVerifySource],
    attackerModel: 'foreign-key',
    expectation: benign,
    plan: (input) =>
      withBlocks(input, (first, blocks) => {
        if (blocks.length > 2) return noRoom;
        const sector = together(foreignBlock(input, first, input.base), blocks, order);
        return planOf(input, [sectorPatch(input.base, input.image, sector)]);
      }),
  });
}

function foreignBesideAltered(order: 'first' | 'last'): EspMutation {
  return attack({
    id: `esp-foreign-block-${order}-payload-altered`,
    kind: 'injection',
    name: `altered, with an attacker’s valid block ${order === 'first' ? 'before' : 'behind'} the genuine one`,
    rationale:
      'One block has a trusted key, the other a good signature: a verifier that keeps the two results apart from the ' +
      'block that they belong to puts them together to a good image.',
    references: ['SIG-07', guide, appVerifySource],
    attackerModel: 'foreign-key',
    plan: (input) =>
      withBlocks(input, (first, blocks) => {
        const at = input.image.segments.at(-1)?.dataStart;
        if (blocks.length > 2 || at === undefined) return noRoom;
        const flipped = overwrite(at, Buffer.of((input.base.read(at, at + 1)[0] ?? 0) ^ 1));
        const patches: Patch[] = withFreshSums(input.base, input.image, [flipped], 'content');
        const altered = alteredBy(input.base, patches);
        const fitting = blocks.map((block): EspBlock => {
          const digest = signedDigest(altered, input.image, block.layout?.hash ?? 'sha256');
          return { ...block, bytes: withCrc(withField(block.bytes, 4, digest)) };
        });
        const sector = together(foreignBlock(input, first, altered), fitting, order);
        return planOf(input, [...patches, sectorPatch(input.base, input.image, sector)], {
          refusedFor: 'signature',
        });
      }),
  });
}

const foreignOnly = attack({
  id: 'esp-foreign-blocks-only',
  kind: 'foreign-key',
  invariants: ['signed-kept', 'same-length'],
  name: 'with three valid blocks of an unknown key',
  rationale: 'Every slot is looked at; none of them may stand for another.',
  attackerModel: 'foreign-key',
  plan: (input) =>
    withBlocks(input, (first) => {
      const foreign = foreignBlock(input, first, input.base);
      return planOf(input, [sectorPatch(input.base, input.image, [foreign, foreign, foreign])], {
        refusedFor: 'unknown-key',
      });
    }),
});

const genuineFourth = attack({
  id: 'esp-fourth-block-genuine',
  kind: 'structure',
  invariants: ['signed-kept'],
  name: 'with three foreign blocks, and the genuine one behind them as a fourth',
  rationale: 'There are three slots; a fourth block would reach over the end of the signature sector.',
  attackerModel: 'foreign-key',
  // The genuine signature over genuine code: to take it is against the book, and harms nobody.
  expectation: { class: 'no-crash-only' },
  plan: (input) =>
    withBlocks(input, (first) => {
      const foreign = foreignBlock(input, first, input.base);
      const bytes = Buffer.concat([foreign, foreign, foreign, first.bytes]);
      const patch = sectorPatch(input.base, input.image, []);
      return planOf(input, [{ ...patch, insert: [{ kind: 'bytes', bytes }] }], {
        facts: { fourthBlockAt: input.image.signedEnd + 3 * blockBytes },
      });
    }),
});

export const signatureMutations: readonly EspMutation[] = [
  stripSignature,
  zeroSignature,
  plusOne('fresh'),
  plusOne('stale'),
  transplant('stale'),
  transplant('fresh'),
  unknownKey,
  unknownKeyTrustedFields,
  foreignBeside('first'),
  foreignBeside('last'),
  foreignBesideAltered('first'),
  foreignBesideAltered('last'),
  foreignOnly,
  genuineFourth,
];
