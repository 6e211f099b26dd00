/** Attacks on the manifest of verity bundles: every value that decides something, with the digest stale and fresh. */

import { overwrite } from '../../../patch-set.ts';
import { manifestEntry, type ManifestEntry } from '../manifest.ts';
import { formatsDoc, type RaucMutation } from './common.ts';
import { manifestShapes } from './isolating.ts';

function edited(
  group: string,
  key: string,
  words: { id: string; name: string; rationale: string; standard?: true },
  /** Another value of the same length; undefined when there is none. */
  edit: (value: string) => string | undefined,
): RaucMutation[] {
  const { standard, ...described } = words;
  return manifestShapes(
    {
      ...described,
      kind: 'metadata',
      references: ['SIG-03', formatsDoc],
      ...(standard === undefined ? {} : { depth: 'standard' }),
    },
    ({ image }) => {
      const entry = entryOf(image.manifest, group, key);
      if (entry === undefined) return { doesNotApply: `there is no ${key} to be seen in a manifest` };
      const to = edit(entry.value);
      if (to === undefined || to.length !== entry.end - entry.start) {
        return { doesNotApply: `${key} is ${entry.value}, which is not edited in its length` };
      }
      return {
        patches: [overwrite(entry.start, Buffer.from(to, 'latin1'))],
        touches: ['cms.content'],
        facts: { from: entry.value, to },
      };
    },
  );
}

function entryOf(
  manifest: Parameters<typeof manifestEntry>[0],
  group: string,
  key: string,
): ManifestEntry | undefined {
  if (group !== 'image.*') return manifestEntry(manifest, group, key);
  return manifest?.entries.find((entry) => entry.group.startsWith('image.') && entry.key === key);
}

/** The last digit, one higher; a nine becomes a zero. */
function nextDigit(value: string): string | undefined {
  const at = value.search(/\d(?=\D*$)/);
  if (at < 0) return undefined;
  return `${value.slice(0, at)}${(Number(value[at]) + 1) % 10}${value.slice(at + 1)}`;
}

/** The first hexadecimal digit with its lowest bit turned over. */
function otherHex(value: string): string | undefined {
  const digit = Number.parseInt(value.slice(0, 1), 16);
  return Number.isNaN(digit) ? undefined : `${(digit ^ 1).toString(16)}${value.slice(1)}`;
}

function otherLetter(value: string): string | undefined {
  if (value === '') return undefined;
  return `${value.slice(0, -1)}${value.endsWith('X') ? 'Y' : 'X'}`;
}

/** So many more or fewer bytes, in as many digits. */
function otherSize(difference: number): (value: string) => string | undefined {
  return (value) => {
    const to = Number(value) + difference;
    return Number.isSafeInteger(to) && to >= 0 ? String(to).padStart(value.length, '0') : undefined;
  };
}

export const manifestMutations: readonly RaucMutation[] = [
  ...edited(
    'update',
    'version',
    {
      id: 'rauc-manifest-version',
      name: 'with another version in its manifest',
      rationale: 'An old bundle passes for a new one when the version is not covered.',
      standard: true,
    },
    nextDigit,
  ),
  ...edited(
    'update',
    'compatible',
    {
      id: 'rauc-manifest-compatible',
      name: 'with another device named in its manifest',
      rationale: 'A bundle for other hardware fits when what it is for is not covered.',
      standard: true,
    },
    otherLetter,
  ),
  ...edited(
    'bundle',
    'verity-hash',
    {
      id: 'rauc-manifest-verity-hash',
      name: 'with another root hash in its manifest',
      rationale: 'The root hash is all that binds the payload to the signature.',
      standard: true,
    },
    otherHex,
  ),
  ...edited(
    'bundle',
    'verity-salt',
    {
      id: 'rauc-manifest-verity-salt',
      name: 'with another salt in its manifest',
      rationale: 'Every digest of the tree begins with the salt.',
    },
    otherHex,
  ),
  ...edited(
    'bundle',
    'verity-size',
    {
      id: 'rauc-manifest-verity-size',
      name: 'with a larger hash tree in its manifest',
      rationale: 'The size says where data ends and tree begins: one block of data becomes tree.',
      standard: true,
    },
    otherSize(4096),
  ),
  ...edited(
    'bundle',
    'verity-size',
    {
      id: 'rauc-manifest-verity-size-unaligned',
      name: 'with a hash tree of no whole number of blocks in its manifest',
      rationale: 'Where data ends and tree begins is a multiple of 4096.',
    },
    otherSize(-1),
  ),
  ...edited(
    'bundle',
    'verity-size',
    {
      id: 'rauc-manifest-verity-size-zero',
      name: 'with no hash tree in its manifest',
      rationale: 'Without a tree there is nothing to check the data against.',
    },
    (value) => '0'.repeat(value.length),
  ),
  ...edited(
    'image.*',
    'sha256',
    {
      id: 'rauc-manifest-image-digest',
      name: 'with another digest of an image in its manifest',
      rationale: 'The digest decides whether a slot is written at all, and what its status says.',
    },
    otherHex,
  ),
  ...edited(
    'image.*',
    'filename',
    {
      id: 'rauc-manifest-image-filename',
      name: 'with another file named for an image in its manifest',
      rationale: 'Another file of the same payload goes into the slot.',
    },
    otherLetter,
  ),
];
