/**
 * Attacks on the bytes that Authenticode covers, each three times: digests stale; the image's digest in the CMS
 * recomputed; the digest of that one as well, so that only the signature can tell.
 */

import type { AttackKind } from '../../../mutation.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import { u16, u32, withFreshDigests } from '../edit.ts';
import { coffFields, optionalFields, type CoffField, type OptionalField } from '../layout.ts';
import type { Refusal } from '../verify.ts';
import {
  attack,
  authenticode,
  peFormat,
  planOf,
  withTable,
  type PeInput,
  type PeMutation,
} from './common.ts';

interface Altering {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  depth?: 'standard';
  alter: (input: PeInput) => readonly Patch[] | string;
}

export function isolated({ alter, ...described }: Altering): PeMutation[] {
  const variant = (
    suffix: string,
    words: string,
    sums: (input: PeInput, patches: readonly Patch[]) => readonly Patch[],
    refusedFor: Refusal,
  ): PeMutation =>
    attack({
      ...described,
      id: `${described.id}-${suffix}`,
      name: `${described.name}${words}`,
      invariants: ['signature-kept'],
      plan: (input) =>
        withTable(input, () => {
          const patches = alter(input);
          if (typeof patches === 'string') return { doesNotApply: patches };
          return planOf(input, sums(input, patches), { refusedFor });
        }),
    });
  return [
    variant('stale-digest', '', (_input, patches) => patches, 'digest'),
    variant(
      'fresh-image-digest',
      ', its digest in the CMS recomputed',
      ({ base, image }, patches) => withFreshDigests(base, image, patches, 'image-digest'),
      'cms-digest',
    ),
    variant(
      'fresh-digest',
      ', every digest recomputed',
      ({ base, image }, patches) => withFreshDigests(base, image, patches, 'message-digest'),
      'signature',
    ),
  ];
}

function payloadFlip(where: 'first' | 'middle' | 'last'): PeMutation[] {
  return isolated({
    id: `pe-payload-${where}-bit`,
    kind: 'payload',
    depth: 'standard',
    name: `with one bit of the ${where} byte of its sections flipped`,
    rationale: 'All sections must be covered, to their edges.',
    references: ['SIG-02', authenticode],
    alter: ({ base, image, random }) => {
      const at = sectionByte(image.sections, where);
      if (at === undefined) return 'it has no section with data';
      const bit = (random('bit', 1)[0] ?? 0) & 7;
      return [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ (1 << bit)))];
    },
  });
}

function sectionByte(
  sections: readonly { start: number; end: number }[],
  where: 'first' | 'middle' | 'last',
): number | undefined {
  const [first] = sections;
  const last = sections.at(-1);
  if (first === undefined || last === undefined) return undefined;
  if (where === 'first') return first.start;
  if (where === 'last') return last.end - 1;
  const longest = sections.reduce((a, b) => (b.end - b.start > a.end - a.start ? b : a));
  return longest.start + Math.floor((longest.end - longest.start) / 2);
}

type Words = { id: string; name: string; rationale: string; depth?: 'standard'; kind?: AttackKind };

function coffChange(field: CoffField, words: Words, change: (value: number) => number): PeMutation[] {
  return fieldChange(words, ({ image: { headers } }) => {
    const row = coffFields.find(({ name }) => name === field);
    if (headers === undefined || row === undefined) return 'it has no headers';
    const value = change(headers.coff[field]);
    return [overwrite(headers.coffAt + row.at, row.bytes === 2 ? u16(value) : u32(value))];
  });
}

function optionalChange(field: OptionalField, words: Words, change: (value: number) => number): PeMutation[] {
  return fieldChange(words, ({ image: { headers } }) => {
    const row = optionalFields.find(({ name }) => name === field);
    if (headers === undefined || row === undefined) return 'it has no headers';
    const value = change(headers.optional[field]);
    return [overwrite(headers.optionalAt + row.at, row.bytes === 2 ? u16(value) : u32(value))];
  });
}

function fieldChange(words: Words, alter: Altering['alter']): PeMutation[] {
  return isolated({ kind: 'metadata', ...words, references: ['SIG-03', peFormat], alter });
}

const headerChanges = [
  ...coffChange(
    'timestamp',
    {
      id: 'pe-timestamp',
      name: 'with another time stamp',
      rationale: 'The time of the build is what some updaters compare.',
    },
    (time) => time ^ 1,
  ),
  ...coffChange(
    'machine',
    {
      id: 'pe-machine',
      kind: 'compatibility',
      name: 'for another machine',
      rationale: 'What the image is built for is signed like everything else.',
    },
    (machine) => (machine === 0xaa64 ? 0x8664 : 0xaa64),
  ),
  ...coffChange(
    'characteristics',
    {
      id: 'pe-characteristics',
      name: 'with other characteristics',
      rationale: 'The loader decides by these bits what it does with the image.',
    },
    (bits) => bits ^ 0x2000,
  ),
  ...optionalChange(
    'entry_point',
    {
      id: 'pe-entry-point',
      depth: 'standard',
      name: 'with another entry point',
      rationale: 'Where execution begins decides what is executed.',
    },
    (address) => address ^ 0x10,
  ),
  ...optionalChange(
    'subsystem',
    {
      id: 'pe-subsystem',
      name: 'for another subsystem',
      rationale:
        'An application that is loaded as a runtime driver stays in memory with the rights of firmware.',
    },
    (subsystem) => (subsystem === 12 ? 10 : 12),
  ),
  ...optionalChange(
    'image_version',
    {
      id: 'pe-image-version',
      depth: 'standard',
      name: 'with another version in its header',
      rationale: 'An old image passes for a new one when the version is not covered.',
    },
    (version) => version ^ 1,
  ),
  ...optionalChange(
    'dll_characteristics',
    {
      id: 'pe-dll-characteristics',
      name: 'with its protections switched off',
      rationale: 'Address randomisation and non-executable memory are asked for by bits of the header.',
    },
    (bits) => bits ^ 0x0140,
  ),
  ...optionalChange(
    'image_size',
    {
      id: 'pe-image-size',
      depth: 'standard',
      name: 'with another size in memory',
      rationale: 'The loader allocates what the header says, and copies what the sections say.',
    },
    (size) => size + 0x1000,
  ),
];

function sectionChange(words: Words, offset: number, change: (bytes: Buffer) => Buffer): PeMutation[] {
  return fieldChange(words, ({ base, image }) => {
    const last = image.sections.at(-1);
    if (last === undefined) return 'it has no section with data';
    const at = last.headerAt + offset;
    return [overwrite(at, change(Buffer.from(base.read(at, at + 4))))];
  });
}

const sectionChanges = [
  ...sectionChange(
    {
      id: 'pe-section-address',
      depth: 'standard',
      name: 'whose last section goes to another address',
      rationale: 'Code at another place is other code.',
    },
    12,
    (bytes) => u32(bytes.readUInt32LE(0) ^ 0x1000),
  ),
  ...sectionChange(
    {
      id: 'pe-section-virtual-size',
      name: 'whose last section has another size in memory',
      rationale: 'How much of a section is loaded is written in its header only.',
    },
    8,
    (bytes) => u32(bytes.readUInt32LE(0) ^ 1),
  ),
  ...sectionChange(
    {
      id: 'pe-section-name',
      name: 'whose last section has another name',
      rationale: 'Unified kernel images find kernel, command line and SBAT by the names of sections.',
    },
    0,
    (bytes) => Buffer.concat([Buffer.of((bytes[0] ?? 0) ^ 1), bytes.subarray(1)]),
  ),
  ...sectionChange(
    {
      id: 'pe-section-characteristics',
      name: 'whose last section has other rights',
      rationale: 'Data that becomes executable is code.',
    },
    36,
    (bytes) => u32(bytes.readUInt32LE(0) ^ 0x2000_0000),
  ),
];

const dosStub = isolated({
  id: 'pe-dos-stub',
  kind: 'payload',
  name: 'with another byte in its DOS header',
  rationale: 'The bytes before the PE header are hashed like all others, though no firmware reads them.',
  references: ['SIG-02', authenticode],
  alter: ({ base }) => [overwrite(40, Buffer.of((base.read(40, 41)[0] ?? 0) ^ 1))],
});

const headerPadding = isolated({
  id: 'pe-header-padding',
  kind: 'coverage',
  name: 'with data between its headers and its first section',
  rationale: 'The hole behind the section table is loaded with the headers, and hashed with them.',
  references: ['SIG-08', authenticode],
  alter: ({ image, base }) => {
    const hole = image.regions.find(({ name }) => name === 'headers.padding');
    if (hole === undefined) return 'its headers have no padding';
    return [overwrite(hole.end - 1, Buffer.of((base.read(hole.end - 1, hole.end)[0] ?? 0) ^ 1))];
  },
});

const overlay = isolated({
  id: 'pe-overlay-added',
  kind: 'coverage',
  name: 'with 16 bytes more between its last section and the certificate table',
  rationale:
    'No section holds them; the hash reaches up to the table, wherever the directory says that it begins.',
  references: ['SIG-08', authenticode],
  alter: ({ image, random }) => {
    const { table, securityAt } = image.headers ?? {};
    if (table === undefined || securityAt === undefined) return 'it has no certificate table';
    return [
      overwrite(securityAt, u32(table.start + 16)),
      { at: table.start, remove: 0, insert: [{ kind: 'bytes', bytes: random('overlay', 16) }] },
    ];
  },
});

export const signedBytesMutations: readonly PeMutation[] = [
  ...payloadFlip('first'),
  ...payloadFlip('middle'),
  ...payloadFlip('last'),
  ...headerChanges,
  ...sectionChanges,
  ...dosStub,
  ...headerPadding,
  ...overlay,
];
