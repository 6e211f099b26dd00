/**
 * Attacks on the images: each flip with the byte sum of cpio stale, with the sum fresh, and with the SHA-256 in the
 * description fresh too, so that no check hides another.
 */

import { digestOf } from '../../../digest.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../../patch-set.ts';
import { entriesNamed } from '../parse.ts';
import {
  attack,
  benign,
  bytesIn,
  copyOf,
  firstImage,
  planOf,
  replaceEntry,
  rewritten,
  setField,
  signedImages,
  streamSource,
  sumAfter,
  unsignedReason,
  type SwupdateInput,
  type SwupdateMutation,
  type SwupdatePlan,
} from './common.ts';

const places = ['first', 'middle', 'last'] as const;
const fits = {
  stale: 'and nothing recomputed',
  'fresh-checksum': 'and the byte sum of cpio recomputed',
  'fresh-sha256': 'and both the byte sum and the SHA-256 in the description recomputed',
} as const;

function flip(where: (typeof places)[number], fresh: keyof typeof fits): SwupdateMutation {
  return attack({
    id: `swupdate-payload-${where}-bit-${fresh}`,
    kind: 'payload',
    depth: 'standard',
    name: `with one bit of the ${where} byte of an image flipped, ${fits[fresh]}`,
    rationale:
      'Every byte of an image is bound by its SHA-256 in the description, and that by the signature. The byte sum of ' +
      'cpio binds nothing.',
    references: ['SIG-02', signedImages],
    invariants: ['same-length'],
    plan: (input) => {
      const found = firstImage(input.image);
      if ('doesNotApply' in found) return found;
      const { entry } = found;
      const at = offsetIn(entry.dataStart, entry.dataEnd, where);
      const old = input.base.read(at, at + 1)[0] ?? 0;
      const bit = (input.random('bit', 1)[0] ?? 0) & 7;
      const patches: Patch[] = [overwrite(at, Buffer.of(old ^ (1 << bit)))];
      if (fresh !== 'stale') {
        if (entry.magic !== '070702') return { doesNotApply: 'the archive has no byte sums' };
        patches.push(sumAfter(entry, old, old ^ (1 << bit)));
      }
      if (fresh !== 'fresh-sha256') {
        return planOf(input, patches, { facts: { offset: at, bit }, refusedFor: 'image-digest' });
      }
      const described = freshDigest(input, patches);
      return 'doesNotApply' in described
        ? described
        : planOf(input, [...patches, described], {
            facts: { offset: at, bit },
            refusedFor: unsignedReason(input.image),
          });
    },
  });
}

function offsetIn(start: number, end: number, where: (typeof places)[number]): number {
  if (where === 'first') return start;
  return where === 'last' ? end - 1 : start + Math.floor((end - start) / 2);
}

/** The description with the SHA-256 that the first image has after the patches. */
function freshDigest(input: SwupdateInput, patches: readonly Patch[]): Patch | { doesNotApply: string } {
  const found = firstImage(input.image);
  if ('doesNotApply' in found) return found;
  const { artifact, entry } = found;
  const { sha256Value } = artifact;
  const { descriptionEntry } = input.image;
  if (sha256Value === undefined || descriptionEntry === undefined)
    return { doesNotApply: 'it has no SHA-256' };
  const altered = patched(input.base, new PatchSet(input.base.size, patches));
  const digest = digestOf(altered, 'sha256', { start: entry.dataStart, end: entry.dataEnd }).toString('hex');
  const text = rewritten(input, [{ ...sha256Value, text: `"${digest}"` }]);
  return text === undefined
    ? { doesNotApply: 'there is no description' }
    : replaceEntry(descriptionEntry, text);
}

const checksumLie = attack({
  id: 'swupdate-checksum-lie',
  kind: 'structure',
  name: 'with a wrong byte sum of an image in the cpio header',
  rationale:
    'The sum protects against nobody, and no byte of an image differs: an agent that checks it refuses, one that relies ' +
    'on the SHA-256 alone does no harm.',
  references: ['SWUpdate core/cpio_utils.c, swupdate_verify_chksum'],
  expectation: benign,
  plan: (input) => {
    const found = firstImage(input.image);
    if ('doesNotApply' in found) return found;
    const { entry } = found;
    if (entry.magic !== '070702') return { doesNotApply: 'the archive has no byte sums' };
    return planOf(input, [setField(entry, 'check', (entry.fields.check ^ 1) >>> 0)]);
  },
});

const missing = attack({
  id: 'swupdate-image-missing',
  kind: 'coverage',
  name: 'without one of the images that its description names',
  rationale: 'A half update installs a mixture that nobody released.',
  references: [`${streamSource}, STREAM_END`],
  plan: (input) => {
    const found = firstImage(input.image);
    if ('doesNotApply' in found) return found;
    const { entry } = found;
    return planOf(input, [{ at: entry.start, remove: entry.end - entry.start, insert: [] }], {
      refusedFor: 'missing-image',
    });
  },
});

const empty = attack({
  id: 'swupdate-image-empty',
  kind: 'payload',
  name: 'with an image of no bytes in place of a genuine one',
  rationale: 'A digest that is only compared when data arrives is never compared for none.',
  references: [signedImages],
  plan: (input) => {
    const found = firstImage(input.image);
    if ('doesNotApply' in found) return found;
    return planOf(input, [replaceEntry(found.entry, Buffer.alloc(0))], { refusedFor: 'image-digest' });
  },
});

function duplicate(order: 'before' | 'behind'): SwupdateMutation {
  return attack({
    id: `swupdate-image-duplicate-${order}`,
    kind: 'injection',
    name: `with a forged image of the same name ${order} a genuine one`,
    rationale:
      'Where two entries have one name, the one that is checked must be the one that is installed: the first when it is ' +
      'streamed to its place, the last when it is extracted first.',
    references: ['SIG-06', `${streamSource}, COPY_FILE and INSTALL_FROM_STREAM`],
    plan: (input) => {
      const found = firstImage(input.image);
      if ('doesNotApply' in found) return found;
      const { entry } = found;
      const bytes = copyOf(entry, input.random('forged image', 512));
      const at = order === 'before' ? entry.start : entry.end;
      return planOf(input, [{ at, remove: 0, insert: [{ kind: 'bytes', bytes }] }], {
        refusedFor: 'image-digest',
      });
    },
  });
}

const duplicateGenuine = attack({
  id: 'swupdate-image-duplicate-genuine',
  kind: 'injection',
  name: 'with a genuine image twice',
  rationale: 'Whichever of the two is installed, the bytes are the same.',
  references: [streamSource],
  expectation: benign,
  plan: (input) => {
    const found = firstImage(input.image);
    if ('doesNotApply' in found) return found;
    const { start, end } = found.entry;
    return planOf(input, [{ at: end, remove: 0, insert: [{ kind: 'copy', start, end }] }]);
  },
});

/** An image of the second archive that the base names too, with other contents. */
function olderImage(input: SwupdateInput): { name: string; bytes: Buffer } | { doesNotApply: string } {
  const { second, image, base } = input;
  if (second === undefined) return { doesNotApply: 'there is no second image' };
  for (const { filename } of image.description?.artifacts ?? []) {
    const [own] = entriesNamed(image, filename);
    const [other] = entriesNamed(second.image, filename);
    if (own === undefined || other === undefined) continue;
    if (other.dataEnd - other.dataStart > 64 * 1024 * 1024) continue;
    const bytes = bytesIn(second.source, other);
    if (
      !digestOf(base, 'sha256', { start: own.dataStart, end: own.dataEnd }).equals(
        digestOf(second.source, 'sha256', { start: other.dataStart, end: other.dataEnd }),
      )
    ) {
      return { name: filename, bytes };
    }
  }
  return { doesNotApply: 'the second image has no file of the same name with other contents' };
}

function older(how: 'replaced' | 'before' | 'behind'): SwupdateMutation {
  const names = {
    replaced: 'with an image of an older release in place of its own',
    before: 'with an image of an older release before its own',
    behind: 'with an image of an older release behind its own',
  };
  return attack({
    id: `swupdate-image-older-${how}`,
    kind: 'substitution',
    name: names[how],
    rationale: 'A genuine image of another release was signed once, and not by this description.',
    references: ['RBK-05', signedImages],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    plan: (input) => {
      const made = olderImage(input);
      if ('doesNotApply' in made) return made;
      const [entry] = entriesNamed(input.image, made.name);
      if (entry === undefined) return { doesNotApply: 'it is not there' };
      const bytes = copyOf(entry, made.bytes);
      const patch: Patch =
        how === 'replaced'
          ? replaceEntry(entry, made.bytes)
          : { at: how === 'before' ? entry.start : entry.end, remove: 0, insert: [{ kind: 'bytes', bytes }] };
      return planOf(input, [patch], { refusedFor: 'image-digest' });
    },
  });
}

const reordered = attack({
  id: 'swupdate-images-reordered',
  kind: 'structure',
  name: 'with its images in another order',
  rationale:
    'The order of the images is not signed and decides nothing: each goes where the description says.',
  references: ['SWUpdate doc/source/swupdate.rst, Single image delivery'],
  expectation: benign,
  plan: (input): SwupdatePlan => {
    const [one, other] = input.image.entries.slice(2);
    if (one === undefined || other === undefined) return { doesNotApply: 'there is only one image' };
    return planOf(input, [
      {
        at: one.start,
        remove: other.end - one.start,
        insert: [
          { kind: 'copy', start: other.start, end: other.end },
          { kind: 'copy', start: one.start, end: one.end },
        ],
      },
    ]);
  },
});

export const payloadMutations: readonly SwupdateMutation[] = [
  ...places.flatMap((where) =>
    (Object.keys(fits) as (keyof typeof fits)[]).map((fresh) => flip(where, fresh)),
  ),
  checksumLie,
  missing,
  empty,
  duplicate('before'),
  duplicate('behind'),
  duplicateGenuine,
  older('replaced'),
  older('before'),
  older('behind'),
  reordered,
];
