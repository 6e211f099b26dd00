/** Attacks on how payload and signature are put together: missing, cut, lengths that lie, several images in one. */

import { byPolicy, type DoesNotApply, type Expectation, type Plan } from '../../../mutation.ts';
import { cut, overwrite, ofSecond } from '../../../patch-set.ts';
import { editField, editSplit } from '../edit.ts';
import { governing, integerBytes, type DetachedLayout } from '../layout.ts';
import type { DetachedImage, PlacedField } from '../parse.ts';
import { mustReject, type DetachedInput, type DetachedMutation } from './common.ts';

const common = { attackerModel: 'network', needs: [], expectation: mustReject } as const;

function regionsFrom(image: DetachedImage, at: number): string[] {
  return image.regions.filter(({ end, name }) => end > at && name !== 'split').map(({ name }) => name);
}

/** Takes `[start, end)` away, and says so in the split record where that lies in the signature file. */
function without(image: DetachedImage, start: number, end: number): Plan {
  const inSignatureFile = Math.max(0, end - Math.max(start, image.frame.start));
  const split = editSplit(image, image.frame.end - image.frame.start - inSignatureFile);
  const touches = image.regions
    .filter((region) => region.start < end && region.end > start)
    .map(({ name }) => name);
  return { patches: [cut(start, end - start), ...split.patches], touches: [...touches, ...split.touches] };
}

const unsigned: DoesNotApply = { doesNotApply: 'the image is unsigned' };

function strip(layout: DetachedLayout): DetachedMutation {
  const detached = layout.placement === 'detached';
  return {
    ...common,
    id: 'detached-strip-signature',
    kind: 'unsigned',
    depth: 'standard',
    invariants: ['signed-kept'],
    name: detached ? 'with an empty signature file' : 'without its signature and all that belongs to it',
    rationale: 'A device that takes what is not signed runs whatever anybody built.',
    references: ['SIG-01'],
    plan: ({ image }) => {
      const { start, end } = image.frame;
      if (start === end) return unsigned;
      return { ...without(image, start, end), ...(detached ? { refusedFor: 'unsigned' } : {}) };
    },
  };
}

/** In one file the end of the file; in two the end of the payload file, which is the long one. */
function truncated(
  layout: DetachedLayout,
  id: string,
  name: string,
  endOf: (image: DetachedImage) => number,
): DetachedMutation {
  const detached = layout.placement === 'detached';
  return {
    ...common,
    id: `detached-truncated-${id}`,
    kind: 'truncated',
    depth: 'standard',
    ...(detached ? {} : { invariants: ['is-prefix-of-base' as const] }),
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    plan: ({ base, image }) => {
      const end = endOf(image);
      const until = detached ? image.payload.end : base.size;
      if (end >= until || (detached && end <= image.payload.start))
        return { doesNotApply: 'there is nothing to cut' };
      if (detached) return { ...without(image, end, until), facts: { payloadBytesLeft: end } };
      return {
        patches: [cut(end, until - end)],
        touches: regionsFrom(image, end),
        facts: { bytesLeft: end },
      };
    },
  };
}

function truncations(layout: DetachedLayout): DetachedMutation[] {
  const detached = layout.placement === 'detached';
  const before: DetachedMutation = {
    ...strip(layout),
    id: 'detached-truncated-before-signature',
    kind: 'truncated',
    name: 'cut just before its signature',
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
  };
  const fileEnd = (image: DetachedImage): number => (detached ? image.payload.end : image.frame.end);
  return [
    truncated(
      layout,
      'one-byte',
      detached ? 'with a payload file one byte short' : 'one byte short',
      (image) => fileEnd(image) - 1,
    ),
    truncated(layout, 'half', detached ? 'with half of its payload file' : 'cut in half', (image) =>
      Math.floor(fileEnd(image) / 2),
    ),
    detached
      ? before
      : truncated(layout, 'before-signature', 'cut just before its signature', (image) =>
          Math.min(...image.signatures.map(({ start }) => start)),
        ),
  ];
}

/** A field that is not signed: a device may ignore it, and then does no harm. */
const unsignedField = byPolicy('unsignedMetadata', (value): Expectation =>
  value === 'ignore' ? { class: 'no-crash-only' } : mustReject,
);

function fieldEdit(
  words: { id: string; name: string; rationale: string; references: readonly string[] },
  find: (image: DetachedImage) => PlacedField | undefined,
  change: (bytes: Buffer, input: DetachedInput) => Buffer | undefined,
): DetachedMutation {
  return {
    ...common,
    ...words,
    kind: 'structure',
    expectation: unsignedField,
    invariants: ['same-length', 'signed-kept', 'signature-kept'],
    plan: (input) => {
      const field = find(input.image);
      if (field === undefined || field.start === field.end)
        return { doesNotApply: 'the frame has no such field' };
      const old = Buffer.from(input.base.read(field.start, field.end));
      const bytes = change(Buffer.from(old), input);
      if (bytes === undefined || bytes.equals(old))
        return { doesNotApply: 'the field has no room for it, or that value' };
      return editField(field, bytes);
    },
  };
}

/** Fields of a kind in a layout's frame, by their places. */
function places(layout: DetachedLayout, kind: string): number[] {
  return (layout.frame ?? []).flatMap(({ field }, index) => (field === kind ? [index] : []));
}

function magics(layout: DetachedLayout): DetachedMutation[] {
  return places(layout, 'magic').flatMap((place, count) => {
    const suffix = count === 0 ? '' : `-${count + 1}`;
    const at = (image: DetachedImage): PlacedField | undefined => image.fields[place];
    const words = {
      rationale:
        'Without its magic number the signature is none; what is not found must not be taken for good.',
      references: ['SIG-01', 'SIG-08'],
    };
    return [
      fieldEdit(
        { ...words, id: `detached-magic-bit${suffix}`, name: 'with one bit of its magic number flipped' },
        at,
        (bytes) => {
          bytes[0] = (bytes[0] ?? 0) ^ 1;
          return bytes;
        },
      ),
      fieldEdit(
        { ...words, id: `detached-magic-erased${suffix}`, name: 'with FF for its magic number' },
        at,
        (bytes) => bytes.fill(0xff),
      ),
    ];
  });
}

function schemes(layout: DetachedLayout): DetachedMutation[] {
  return places(layout, 'scheme').flatMap((place, count) => {
    const suffix = count === 0 ? '' : `-${count + 1}`;
    const at = (image: DetachedImage): PlacedField | undefined => image.fields[place];
    const words = {
      rationale:
        'The scheme is the trusted key’s; a number in front of the signature must not choose another, or none.',
      references: ['SIG-08', 'RFC 8725, 3.1'],
    };
    return [
      fieldEdit(
        { ...words, id: `detached-scheme-zero${suffix}`, name: 'with 0 for its scheme' },
        at,
        (bytes) => bytes.fill(0),
      ),
      fieldEdit(
        { ...words, id: `detached-scheme-next${suffix}`, name: 'with the next number for its scheme' },
        at,
        (bytes) => {
          const field = layout.frame?.[place];
          const low = field?.field === 'scheme' && field.order === 'le' ? 0 : bytes.length - 1;
          bytes[low] = ((bytes[low] ?? 0) + 1) & 0xff;
          return bytes;
        },
      ),
      fieldEdit(
        { ...words, id: `detached-scheme-largest${suffix}`, name: 'with the largest number for its scheme' },
        at,
        (bytes) => bytes.fill(0xff),
      ),
    ];
  });
}

function lengths(layout: DetachedLayout): DetachedMutation[] {
  return places(layout, 'length').flatMap((place, count) => {
    const suffix = count === 0 ? '' : `-${count + 1}`;
    const field = layout.frame?.[place];
    if (field?.field !== 'length') return [];
    const governs = layout.signatures.some((_, index) => governing(layout, index) === place);
    const at = (image: DetachedImage): PlacedField | undefined => image.fields[place];
    const put = (bytes: Buffer, change: (value: bigint) => bigint): Buffer | undefined => {
      const ordered = field.order === 'le' ? Buffer.from(bytes).reverse() : bytes;
      const value = change(BigInt(`0x${ordered.toString('hex')}`));
      if (value < 0n || value >= 1n << BigInt(8 * integerBytes[field.type])) return undefined;
      const result = Buffer.from(value.toString(16).padStart(2 * bytes.length, '0'), 'hex');
      return field.order === 'le' ? result.reverse() : result;
    };
    const words = {
      rationale: governs
        ? 'Where payload and signature part is read from bytes that nobody has verified yet.'
        : 'Two statements about one length must agree, or two readers see two images.',
      references: ['SIG-14', 'CWE-130'],
    };
    const lie = (
      id: string,
      name: string,
      change: (value: bigint, input: DetachedInput) => bigint,
    ): DetachedMutation =>
      fieldEdit({ ...words, id: `detached-length-${id}${suffix}`, name }, at, (bytes, input) =>
        put(bytes, (value) => change(value, input)),
      );
    return [
      lie('one-more', 'with a length one too large', (value) => value + 1n),
      lie('one-less', 'with a length one too small', (value) => value - 1n),
      lie('zero', 'with a length of zero', () => 0n),
      lie('largest', 'with the largest length', () => (1n << BigInt(8 * integerBytes[field.type])) - 1n),
      lie(
        'sign-bit',
        'with the length’s highest bit set',
        (value) => value | (1n << BigInt(8 * integerBytes[field.type] - 1)),
      ),
      lie('of-file', 'with the length of the whole file', (_, { base }) => BigInt(base.size)),
      lie('beyond-file', 'with a length one beyond the file', (_, { base }) => BigInt(base.size) + 1n),
    ];
  });
}

function reserved(layout: DetachedLayout): DetachedMutation[] {
  return places(layout, 'reserved').map((place, count) => ({
    ...fieldEdit(
      {
        id: `detached-reserved-set${count === 0 ? '' : `-${count + 1}`}`,
        name: 'with its reserved bytes set',
        rationale: 'Reserved bytes are not signed: refused or ignored, but never used.',
        references: ['SIG-14'],
      },
      (image) => image.fields[place],
      (bytes) => bytes.fill(0xa5),
    ),
    expectation: byPolicy('unsignedMetadata', (value): Expectation =>
      value === 'ignore' ? { class: 'benign-accept' } : { class: 'policy', dependsOn: 'unsignedMetadata' },
    ),
  }));
}

function beside(order: 'front' | 'back'): DetachedMutation {
  const front = order === 'front';
  return {
    ...common,
    id: `detached-second-image-${front ? 'in-front' : 'behind'}`,
    kind: 'injection',
    needs: ['second-image'],
    attackerModel: 'stolen-old-image',
    invariants: front ? [] : ['base-is-prefix'],
    expectation: byPolicy('appendedData', (value): Expectation =>
      value === 'refuse' ? mustReject : { class: 'no-crash-only' },
    ),
    name: front ? 'with another genuine image in front of it' : 'with another genuine image behind it',
    rationale: 'One is verified, the other one runs: where the two readers do not look at the same place.',
    references: ['SIG-14', 'Android Master Key (CVE-2013-4787), the same confusion'],
    plan: ({ base, image, second }) => {
      if (second === undefined) return { doesNotApply: 'there is no second image' };
      const insert = [ofSecond(second.source)];
      const [first] = image.regions;
      if (!front || first === undefined)
        return {
          patches: [{ at: base.size, remove: 0, insert }],
          touches: ['end-of-file'],
        };
      return { patches: [{ at: 0, remove: 0, insert }], touches: [first.name] };
    },
  };
}

const frameTwice: DetachedMutation = {
  ...common,
  id: 'detached-frame-twice',
  kind: 'appended',
  invariants: ['base-is-prefix'],
  expectation: byPolicy('appendedData', (value): Expectation =>
    value === 'refuse' ? mustReject : { class: 'no-crash-only' },
  ),
  name: 'with its signature appended once more',
  rationale: 'The last signature is over what lies before it, which now ends with the first one.',
  references: ['SIG-14'],
  plan: ({ base, image: { frame } }) =>
    frame.start === frame.end
      ? unsigned
      : {
          patches: [
            { at: base.size, remove: 0, insert: [{ kind: 'copy', start: frame.start, end: frame.end }] },
          ],
          touches: ['end-of-file'],
        },
};

const frameOverwritten: DetachedMutation = {
  ...common,
  id: 'detached-frame-erased',
  kind: 'unsigned',
  invariants: ['same-length', 'signed-kept'],
  name: 'with FF for its signature and all that belongs to it',
  rationale: 'Blank flash where the signature should be.',
  references: ['SIG-01'],
  plan: ({ image }) => {
    const { start, end } = image.frame;
    if (start === end) return unsigned;
    const touches = image.regions
      .filter((region) => region.start >= start && region.end <= end)
      .map(({ name }) => name);
    return { patches: [overwrite(start, Buffer.alloc(end - start, 0xff))], touches };
  },
};

export function framingMutations(layout: DetachedLayout): DetachedMutation[] {
  return [
    strip(layout),
    ...truncations(layout),
    frameOverwritten,
    ...magics(layout),
    ...schemes(layout),
    ...lengths(layout),
    ...reserved(layout),
    ...(layout.placement === 'appended' ? [frameTwice, beside('front'), beside('back')] : []),
  ];
}
