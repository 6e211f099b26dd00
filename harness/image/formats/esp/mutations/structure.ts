/** Counts and lengths in the headers of ESP images that lie: they decide where the signature is looked for. */

import { overwrite } from '../../../patch-set.ts';
import { setHeader, u32, withFreshSums } from '../edit.ts';
import {
  attack,
  imageFormatSource,
  planOf,
  type EspInput,
  type EspMutation,
  type EspPlan,
} from './common.ts';

function lengthLie(
  id: string,
  name: string,
  rationale: string,
  value: (bytes: number) => number,
): EspMutation {
  return attack({
    id: `esp-segment-length-${id}`,
    kind: 'structure',
    invariants: ['same-length', 'signature-kept'],
    name,
    rationale,
    references: ['SIG-09', imageFormatSource],
    plan: (input) => {
      const last = input.image.segments.at(-1);
      if (last === undefined) return { doesNotApply: 'it has no segments' };
      const to = value(last.claimedBytes);
      if (to < 0 || to === last.claimedBytes) return { doesNotApply: 'the last segment is too short' };
      return planOf(input, [overwrite(last.start + 4, u32(to))], { facts: { from: last.claimedBytes, to } });
    },
  });
}

const lengths = [
  lengthLie(
    'longer',
    'whose last segment says 4 bytes more than it has',
    'Checksum and signature are then read from other places, and must fail there.',
    (bytes) => bytes + 4,
  ),
  lengthLie(
    'shorter',
    'whose last segment says 4 bytes less than it has',
    'The last word is loaded no more, though it is still signed.',
    (bytes) => bytes - 4,
  ),
  lengthLie(
    'next-sector',
    'whose last segment reaches over the signature sector',
    'The signature is looked for one sector later, where the attacker writes what they like.',
    (bytes) => bytes + 4096,
  ),
  lengthLie(
    'unaligned',
    'whose last segment has a length that is no multiple of 4',
    'Words are loaded; the rest of an odd length is read over the end.',
    (bytes) => bytes + 1,
  ),
  lengthLie(
    'sixteen-megabytes',
    'whose last segment says 16 MiB',
    'The loader maps what the header says; the limit must come before.',
    () => 0x100_0000,
  ),
  lengthLie(
    'wraps',
    'whose last segment has a length that wraps around the address space',
    'Start and length added in 32 bits end before the start: every later comparison is fooled.',
    () => 0xffff_fffc,
  ),
];

function countLie(
  id: string,
  name: string,
  rationale: string,
  value: (count: number) => number,
): EspMutation {
  return attack({
    id: `esp-segment-count-${id}`,
    kind: 'structure',
    invariants: ['same-length', 'signature-kept'],
    name,
    rationale,
    references: ['SIG-09', imageFormatSource],
    plan: (input) => countPlan(input, value),
  });
}

function countPlan(input: EspInput, value: (count: number) => number): EspPlan {
  const from = input.image.header?.segment_count ?? 0;
  const to = value(from);
  if (from === 0 || to === from) return { doesNotApply: 'it has that number of segments' };
  return planOf(input, [setHeader('segment_count', to)], { facts: { from, to } });
}

const counts = [
  countLie('zero', 'that says it has no segments', 'Nothing to load, and nothing to check.', () => 0),
  countLie(
    'one-fewer',
    'that hides its last segment',
    'A loader must not run half of an image because its header says so.',
    (count) => count - 1,
  ),
  countLie(
    'one-more',
    'that says it has one segment more',
    'Checksum and padding are read as a header of a segment.',
    (count) => count + 1,
  ),
  countLie(
    'seventeen',
    'that says it has 17 segments',
    'The loader keeps an array of 16: one more is written behind it.',
    () => 17,
  ),
  countLie('most', 'that says it has 255 segments', 'The largest number that fits the field.', () => 255),
];

const boundaryMoved = attack({
  id: 'esp-segment-boundary-moved',
  kind: 'structure',
  invariants: ['same-length', 'signature-kept'],
  name: 'whose first segment swallows the second, every sum recomputed',
  rationale:
    'Lengths and count agree with each other and the image has its old end: only the signature knows that the ' +
    'segments were others.',
  references: ['SIG-09', imageFormatSource],
  plan: (input) => {
    const [first, second] = input.image.segments;
    const count = input.image.header?.segment_count ?? 0;
    if (first === undefined || second === undefined) return { doesNotApply: 'it has one segment only' };
    const patches = withFreshSums(
      input.base,
      input.image,
      [overwrite(first.start + 4, u32(second.end - first.dataStart)), setHeader('segment_count', count - 1)],
      'all',
    );
    return planOf(input, patches, { refusedFor: 'signature' });
  },
});

const magic = attack({
  id: 'esp-magic',
  kind: 'structure',
  invariants: ['same-length', 'signature-kept'],
  name: 'with another magic byte',
  rationale: 'The one byte by which an empty partition is told from an image.',
  references: ['SIG-09', imageFormatSource],
  plan: (input) => planOf(input, [setHeader('magic', 0xea)], { refusedFor: 'format' }),
});

export const structureMutations: readonly EspMutation[] = [...lengths, ...counts, boundaryMoved, magic];
