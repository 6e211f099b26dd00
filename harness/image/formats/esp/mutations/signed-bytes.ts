/**
 * Attacks on the bytes that the signature covers, each three times: sums stale; checksum and SHA-256 recomputed; the
 * block's copy of the digest and its CRC as well, so that only the signature can tell.
 */

import type { AttackKind } from '../../../mutation.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import { setHeader, u32, withFreshSums } from '../edit.ts';
import { appFields, type AppField, type HeaderField } from '../layout.ts';
import type { EspImage } from '../parse.ts';
import type { Refusal } from '../verify.ts';
import { attack, guide, imageFormatSource, planOf, type EspInput, type EspMutation } from './common.ts';

interface Altering {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  depth?: 'standard';
  /** Patches that change no length, or why there are none. */
  alter: (input: EspInput) => readonly Patch[] | string;
  /** What tells when no sum is recomputed. */
  staleReason: (image: EspImage) => Refusal;
}

function isolated({ alter, staleReason, ...described }: Altering): EspMutation[] {
  const variant = (
    suffix: string,
    words: string,
    why: string,
    sums: (input: EspInput, patches: readonly Patch[]) => readonly Patch[],
    refusedFor: (image: EspImage) => Refusal,
  ): EspMutation =>
    attack({
      ...described,
      id: `${described.id}-${suffix}`,
      name: `${described.name}${words}`,
      rationale: `${described.rationale} ${why}`.trim(),
      invariants: ['same-length', 'signature-kept'],
      plan: (input) => {
        const patches = alter(input);
        if (typeof patches === 'string') return { doesNotApply: patches };
        if (input.image.blocks.length === 0) return { doesNotApply: 'the image is unsigned' };
        return planOf(input, sums(input, patches), { refusedFor: refusedFor(input.image) });
      },
    });
  return [
    variant('stale-digest', '', '', (_input, patches) => patches, staleReason),
    variant(
      'fresh-sums',
      ', checksum and SHA-256 recomputed',
      'The image’s own sums fit; the digest in the signature block does not.',
      ({ base, image }, patches) => withFreshSums(base, image, patches, 'content'),
      () => 'digest',
    ),
    variant(
      'fresh-digest',
      ', every sum recomputed',
      'Every sum fits, that of the signature block too, so that only the signature can tell.',
      ({ base, image }, patches) => withFreshSums(base, image, patches, 'all'),
      () => 'signature',
    ),
  ];
}

const afterChecksum = ({ sha256At }: EspImage): Refusal => (sha256At === undefined ? 'digest' : 'sha256');

function payloadFlip(where: 'first' | 'middle' | 'last'): EspMutation[] {
  return isolated({
    id: `esp-payload-${where}-bit`,
    kind: 'payload',
    depth: 'standard',
    name: `with one bit of its ${where} code byte flipped`,
    rationale: 'All segments must be covered, to their edges.',
    references: ['SIG-02', guide],
    alter: ({ base, image, random }) => {
      const at = codeByte(image, where);
      if (at === undefined) return 'its segments are empty';
      const bit = (random('bit', 1)[0] ?? 0) & 7;
      return [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ (1 << bit)))];
    },
    staleReason: () => 'checksum',
  });
}

function codeByte({ segments }: EspImage, where: 'first' | 'middle' | 'last'): number | undefined {
  const filled = segments.filter(({ dataStart, end }) => end > dataStart);
  const [first] = filled;
  const last = filled.at(-1);
  if (first === undefined || last === undefined) return undefined;
  if (where === 'first') return first.dataStart;
  if (where === 'last') return last.end - 1;
  const longest = filled.reduce((a, b) => (b.end - b.dataStart > a.end - a.dataStart ? b : a));
  return longest.dataStart + Math.floor((longest.end - longest.dataStart) / 2);
}

function headerChange(
  field: HeaderField,
  words: { id: string; name: string; rationale: string; depth?: 'standard'; kind?: AttackKind },
  change: (value: number) => number,
): EspMutation[] {
  return isolated({
    kind: 'metadata',
    ...words,
    references: ['SIG-03', imageFormatSource],
    alter: ({ image }) => {
      const from = image.header?.[field];
      return from === undefined ? 'it has no header' : [setHeader(field, change(from))];
    },
    staleReason: afterChecksum,
  });
}

const headerChanges = [
  ...headerChange(
    'entry_addr',
    {
      id: 'esp-entry-address',
      depth: 'standard',
      name: 'with another entry address',
      rationale: 'Where execution begins decides what is executed.',
    },
    (address) => (address ^ 0x10) >>> 0,
  ),
  ...headerChange(
    'chip_id',
    {
      id: 'esp-chip-id',
      name: 'with another chip id',
      kind: 'compatibility',
      rationale: 'The chip id is signed: who may change it makes any image fit any chip.',
    },
    (id) => (id === 0x0009 ? 0x0005 : 0x0009),
  ),
  ...headerChange(
    'min_chip_rev_full',
    {
      id: 'esp-min-chip-revision',
      name: 'with another lowest chip revision',
      kind: 'compatibility',
      rationale: 'An image that relies on a repaired chip must not be made to run on the ones before.',
    },
    (revision) => revision ^ 1,
  ),
  ...headerChange(
    'max_chip_rev_full',
    {
      id: 'esp-max-chip-revision',
      name: 'with another highest chip revision',
      kind: 'compatibility',
      rationale: 'The revisions that the image is for are part of what is signed.',
    },
    (revision) => revision ^ 1,
  ),
  ...headerChange(
    'spi_speed_size',
    {
      id: 'esp-flash-parameters',
      name: 'with other flash parameters',
      rationale:
        'Flashing tools rewrite these bytes of unsigned images; in a signed one they are covered like all others.',
    },
    (value) => value ^ 0x10,
  ),
  ...headerChange(
    'reserved',
    {
      id: 'esp-header-reserved',
      name: 'with other bytes in a reserved field of its header',
      rationale: 'Reserved bytes are signed as well: tomorrow they mean something.',
    },
    (value) => (value ^ 1) >>> 0,
  ),
];

const loadAddress = isolated({
  id: 'esp-segment-load-address',
  kind: 'metadata',
  depth: 'standard',
  name: 'with another load address for its last segment',
  rationale:
    'Code at another place is other code; load addresses are used before the signature is checked, and may reach ' +
    'over the loader.',
  references: ['SIG-03', imageFormatSource, 'CVE-2018-18439 (the same fault in another loader)'],
  alter: ({ image }) => {
    const last = image.segments.at(-1);
    if (last === undefined) return 'it has no segments';
    return [overwrite(last.start, u32(last.loadAddr ^ 0x1000))];
  },
  staleReason: afterChecksum,
});

function appChange(
  field: AppField,
  words: { id: string; name: string; rationale: string; depth?: 'standard'; kind?: AttackKind },
  change: (old: Buffer) => Buffer,
): EspMutation[] {
  return isolated({
    kind: 'metadata',
    ...words,
    references: ['SIG-03', 'ESP-IDF components/esp_app_format/include/esp_app_desc.h'],
    alter: ({ base, image }) => {
      if (image.app === undefined) return 'it has no application descriptor';
      const index = appFields.findIndex(({ name }) => name === field);
      const at = image.app.start + appFields.slice(0, index).reduce((sum, { bytes }) => sum + bytes, 0);
      const bytes = appFields[index]?.bytes ?? 0;
      return [overwrite(at, change(Buffer.from(base.read(at, at + bytes))))];
    },
    staleReason: () => 'checksum',
  });
}

const appChanges = [
  ...appChange(
    'secure_version',
    {
      id: 'esp-secure-version',
      depth: 'standard',
      kind: 'counter',
      name: 'with its secure version raised',
      rationale:
        'A forged image with a raised secure version passes the rollback check, and would burn the eFuses of the ' +
        'counter if it were ever taken.',
    },
    (old) => u32(old.readUInt32LE(0) + 1),
  ),
  ...appChange(
    'version',
    {
      id: 'esp-app-version',
      depth: 'standard',
      name: 'with another version',
      rationale: 'An old image passes for a new one when the version is not covered.',
    },
    (old) => flipped(old),
  ),
  ...appChange(
    'project_name',
    {
      id: 'esp-project-name',
      kind: 'compatibility',
      name: 'with another project name',
      rationale: 'Some updaters tell products apart by the project name.',
    },
    (old) => flipped(old),
  ),
];

/** The last bit of the first byte flipped: still text. */
function flipped(text: Buffer): Buffer {
  text[0] = (text[0] ?? 0) ^ 1;
  return text;
}

const hashFlag = isolated({
  id: 'esp-hash-appended-cleared',
  kind: 'coverage',
  name: 'whose header denies its appended SHA-256',
  rationale:
    'The flag shortens the image by 32 bytes: where the signed part ends is itself read from unverified bytes.',
  references: ['SIG-08', imageFormatSource],
  alter: ({ image }) => {
    if (image.sha256At === undefined) return 'it has no appended SHA-256';
    // Without the SHA-256 the image would end a sector earlier, and its signature be looked for elsewhere.
    if (Math.ceil(image.sha256At / 4096) * 4096 !== image.signedEnd)
      return 'the SHA-256 lies at a sector’s end';
    return [setHeader('hash_appended', 0)];
  },
  staleReason: () => 'digest',
}).filter(({ id }) => !id.endsWith('-fresh-sums'));

const padding = isolated({
  id: 'esp-padding-byte',
  kind: 'coverage',
  name: 'with another byte in the padding before its signature sector',
  rationale: 'The signature covers the padding up to the sector; no sum but the digest does.',
  references: ['SIG-08', guide],
  alter: ({ base, image }) => {
    const at = image.signedEnd - 1;
    if (at < image.imageEnd) return 'it ends with a sector and has no padding';
    return [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1))];
  },
  staleReason: () => 'digest',
}).filter(({ id }) => !id.endsWith('-fresh-sums'));

/** The sums themselves, everything around them made to fit. */
function ownSum(which: 'checksum' | 'sha256', fresh: 'all' | undefined): EspMutation {
  const words = which === 'checksum' ? 'checksum' : 'appended SHA-256';
  return attack({
    id: `esp-${which}-${fresh === undefined ? 'wrong' : 'wrong-fresh-digest'}`,
    kind: 'metadata',
    invariants: ['same-length', 'signature-kept'],
    name: `with a wrong ${words}${fresh === undefined ? '' : ', every sum around it recomputed'}`,
    rationale: `The ${words} is among the signed bytes: a loader that has stopped to check it still finds out.`,
    references: ['SIG-03', imageFormatSource],
    plan: (input) => {
      const { base, image } = input;
      const at = which === 'checksum' ? image.checksumAt : image.sha256At;
      if (at === undefined || image.blocks.length === 0)
        return { doesNotApply: `it has no ${words}, or no signature` };
      const patch = overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1));
      const patches = fresh === undefined ? [patch] : withFreshSums(base, image, [patch], fresh, which);
      return planOf(input, patches, { refusedFor: which });
    },
  });
}

export const signedBytesMutations: readonly EspMutation[] = [
  ...payloadFlip('first'),
  ...payloadFlip('middle'),
  ...payloadFlip('last'),
  ...headerChanges,
  ...loadAddress,
  ...appChanges,
  ...hashFlag,
  ...padding,
  ownSum('checksum', undefined),
  ownSum('checksum', 'all'),
  ownSum('sha256', undefined),
  ownSum('sha256', 'all'),
];
