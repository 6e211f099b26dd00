/** Attacks that need no knowledge of the format. */

import { sameBytes, slice, type ByteSource } from '../../byte-source.ts';
import {
  byPolicy,
  type AttackKind,
  type DoesNotApply,
  type Expectation,
  type Invariant,
  type Mutation,
  type PlanInput,
} from '../../mutation.ts';
import { overwrite, type Insert, type Patch, ofSecond } from '../../patch-set.ts';
import { contentEnd, inRun, type OpaqueImage } from './parse.ts';

type OpaqueInput = PlanInput<OpaqueImage>;
type OpaqueMutation = Mutation<OpaqueImage>;
type Alteration = (input: OpaqueInput) => Patch[] | DoesNotApply;

const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;
/** What lies behind the end may be refused or ignored: more is not to be said of a format that nobody knows. */
const byAppended = byPolicy('appendedData', (value): Expectation =>
  value === 'refuse' ? mustReject : { class: 'no-crash-only' },
);

interface Described {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  alter: Alteration;
  full?: boolean;
  expectation?: OpaqueMutation['expectation'];
  invariants?: readonly Invariant[];
  second?: boolean;
  refusedFor?: string;
}

function attack({ alter, full, second, refusedFor = 'altered', ...described }: Described): OpaqueMutation {
  return {
    attackerModel: second === true ? 'stolen-old-image' : 'network',
    expectation: mustReject,
    needs: second === true ? ['second-image'] : [],
    ...(full === true ? {} : { depth: 'standard' }),
    ...described,
    plan: (input) => {
      if (input.base.size === 0) return { doesNotApply: 'the image is empty' };
      const patches = alter(input);
      if ('doesNotApply' in patches) return patches;
      const behind = patches.every(({ at }) => at === input.base.size);
      return { patches, touches: [behind ? 'end-of-file' : 'payload'], refusedFor };
    },
  };
}

function flip(base: ByteSource, at: number, bit: number): Patch[] {
  const old = base.read(at, at + 1)[0] ?? 0;
  return [overwrite(at, Buffer.of(old ^ (1 << (bit & 7))))];
}

const flips = (['first', 'middle', 'last'] as const).map((where) =>
  attack({
    id: `opaque-payload-${where}-bit`,
    kind: 'payload',
    invariants: ['same-length'],
    name: `with one bit of its ${where} byte flipped`,
    rationale: 'What is signed must be covered to its edges. Padding at the end of the file is left alone.',
    references: ['SIG-02'],
    alter: ({ base, random }) => {
      const end = contentEnd(base);
      const at = where === 'first' ? 0 : where === 'last' ? end - 1 : middleOf(base, end);
      if (at === undefined) return { doesNotApply: 'it is padding around its middle' };
      return flip(base, at, random('bit', 1)[0] ?? 0);
    },
  }),
);

/** The place nearest behind the middle that is no padding between parts; looked for in so many steps. */
function middleOf(base: ByteSource, end: number): number | undefined {
  const middle = Math.floor(end / 2);
  const step = Math.max(1, Math.floor(end / 512));
  for (let at = middle; at < end; at += step) if (!inRun(base, at)) return at;
  return undefined;
}

const seededPlaces = 16;

const seeded = Array.from({ length: seededPlaces }, (_, index) =>
  attack({
    id: `opaque-payload-seeded-bit-${index + 1}`,
    kind: 'payload',
    full: true,
    invariants: ['same-length'],
    name: `with one bit flipped at a place that the seed chose, the ${index + 1}. of ${seededPlaces}`,
    rationale:
      'Where the format is not known, places that were not chosen by anybody find what is not covered.',
    references: ['SIG-02'],
    alter: ({ base, random }) => {
      const end = contentEnd(base);
      // Bytes between equal ones may be padding between parts: then another place.
      for (let attempt = 0; attempt < 64; attempt += 1) {
        const at = random(`place ${attempt}`, 6).readUIntBE(0, 6) % end;
        if (!inRun(base, at)) return flip(base, at, random('bit', 1)[0] ?? 0);
      }
      return { doesNotApply: 'it is padding almost everywhere' };
    },
  }),
);

function truncated(id: string, name: string, endOf: (content: number) => number): OpaqueMutation {
  return attack({
    id: `opaque-truncated-${id}`,
    kind: 'truncated',
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    alter: ({ base }) => {
      const content = contentEnd(base);
      const end = endOf(content);
      if (end >= content) return { doesNotApply: `it has ${content} bytes` };
      return [{ at: end, remove: base.size - end, insert: [] }];
    },
  });
}

const truncations = [
  truncated('one-byte', 'one byte short', (content) => content - 1),
  truncated('half', 'cut in half', (content) => Math.floor(content / 2)),
  truncated('to-1024', 'cut to its first KiB', () => 1024),
  truncated('to-nothing', 'of no bytes at all', () => 0),
];

function appended(id: string, name: string, insert: (input: OpaqueInput) => Insert): OpaqueMutation {
  return attack({
    id: `opaque-${id}`,
    kind: 'appended',
    expectation: byAppended,
    invariants: ['base-is-prefix'],
    name,
    rationale: 'What lies behind the image may be refused or ignored, and must never be executed.',
    references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA'],
    alter: (input) => [{ at: input.base.size, remove: 0, insert: [insert(input)] }],
  });
}

function filler(count: number): (input: OpaqueInput) => Insert {
  return ({ random }) => ({ kind: 'fill', byte: random('fill', 1)[0] ?? 0, count });
}

const extensions = [
  appended('appended-1', 'with one byte appended', filler(1)),
  appended('appended-4096', 'with 4 KiB appended', filler(4096)),
  appended('doubled', 'twice in a row', ({ base }) => ({ kind: 'copy', start: 0, end: base.size })),
];

/** 4 KiB, as flash has it; a quarter of what is smaller than four of them. */
function blockBytes(content: number): number {
  return Math.min(4096, Math.floor(content / 4));
}

function filled(byte: number, words: string): OpaqueMutation {
  return attack({
    id: `opaque-block-${byte === 0 ? 'zeroed' : 'erased'}`,
    kind: 'payload',
    full: true,
    invariants: ['same-length'],
    name: `with a block of ${words} in its middle`,
    rationale: 'A block that was lost on the way, or on the flash, must not go unnoticed.',
    references: ['SIG-02', 'FWU T.PARTIAL_UPDATE'],
    alter: ({ base }) => {
      const content = contentEnd(base);
      const count = blockBytes(content);
      const at = Math.floor(content / 2 / Math.max(1, count)) * count;
      if (base.read(at, at + count).every((old) => old === byte))
        return { doesNotApply: 'the block is so already' };
      return [{ at, remove: count, insert: [{ kind: 'fill', byte, count }] }];
    },
  });
}

const swapped = attack({
  id: 'opaque-blocks-swapped',
  kind: 'payload',
  full: true,
  invariants: ['same-length'],
  name: 'with two of its blocks exchanged',
  rationale: 'Blocks that are checked one by one must be bound to their places.',
  references: ['SIG-02'],
  alter: ({ base }) => {
    const content = contentEnd(base);
    const bytes = blockBytes(content);
    const other = Math.floor(content / 2 / Math.max(1, bytes)) * bytes;
    const [a, b] = [base.read(0, bytes), base.read(other, other + bytes)];
    if (Buffer.compare(a, b) === 0) return { doesNotApply: 'the blocks are the same' };
    return [
      { at: 0, remove: bytes, insert: [{ kind: 'copy', start: other, end: other + bytes }] },
      { at: other, remove: bytes, insert: [{ kind: 'copy', start: 0, end: bytes }] },
    ];
  },
});

const older = attack({
  id: 'opaque-older-release',
  kind: 'rollback',
  second: true,
  refusedFor: 'older',
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'refuse' ? mustReject : { class: 'must-accept' },
  ),
  name: 'of another release, which is given as the older one',
  rationale:
    'Genuine in every byte, with the faults that were mended since. Which one is older, only people know here.',
  references: ['RFC 9124, 4.2.1'],
  alter: ({ base, second }) =>
    second === undefined
      ? { doesNotApply: 'there is no second image' }
      : [{ at: 0, remove: base.size, insert: [ofSecond(second.source)] }],
});

const spliced = attack({
  id: 'opaque-halves-of-two',
  kind: 'substitution',
  second: true,
  name: 'with the second half of another release',
  rationale: 'Two genuine halves make no genuine image: what is signed is the whole.',
  references: ['SIG-05'],
  alter: ({ base, second }) => {
    const half = Math.floor(contentEnd(base) / 2);
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    const { source } = second;
    if (source.size <= half) return { doesNotApply: `the second image has ${source.size} bytes` };
    if (sameBytes(slice(source, half, source.size), slice(base, half, base.size)))
      return { doesNotApply: 'the halves are the same' };
    if (sameBytes(slice(base, 0, half), slice(source, 0, half))) {
      return { doesNotApply: 'the first halves are the same: it would be the other release' };
    }
    return [{ at: half, remove: base.size - half, insert: [ofSecond(source, half)] }];
  },
});

export const opaqueMutations: readonly OpaqueMutation[] = [
  ...flips,
  ...seeded,
  ...truncations,
  ...extensions,
  filled(0, 'zeros'),
  filled(0xff, 'FF'),
  swapped,
  older,
  spliced,
];
