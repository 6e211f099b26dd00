/** Attacks on the archive around the description: lengths, names, order, ends. */

import { encodeCpioEntry } from '../../../codec/cpio.ts';
import { byPolicy, type Expectation, type Plan } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { cut, insertBytes, overwrite, ofSecond } from '../../../patch-set.ts';
import type { SwupdateImage } from '../parse.ts';
import {
  attack,
  benign,
  firstImage,
  mustReject,
  noCrash,
  planOf,
  setField,
  streamSource,
  type SwupdateInput,
  type SwupdateMutation,
} from './common.ts';

/** Behind the archive: to be refused only where the device says so. */
function behindArchive(policy: Policy): Expectation {
  return policy.appendedData === 'refuse' ? mustReject : benign;
}

function appended(bytes: number, words: string): SwupdateMutation {
  return attack({
    id: `swupdate-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale: 'What lies behind the trailer belongs to nothing: it may be refused or ignored.',
    references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA', 'SWUpdate core/cpio_utils.c, extract_padding'],
    expectation: behindArchive,
    plan: (input) => {
      const byte = (input.random('fill', 1)[0] ?? 0) | 1; // zeros would be padding
      return planOf(input, [
        { at: input.base.size, remove: 0, insert: [{ kind: 'fill', byte, count: bytes }] },
      ]);
    },
  });
}

const secondArchive = attack({
  id: 'swupdate-second-archive',
  kind: 'appended',
  invariants: ['base-is-prefix'],
  name: 'with a second archive behind its trailer',
  rationale: 'An agent that goes on reading behind the trailer installs what nobody signed.',
  references: ['SIG-14', `${streamSource}, STREAM_END`],
  expectation: behindArchive,
  plan: (input) => {
    const { descriptionEntry } = input.image;
    if (descriptionEntry === undefined) return { doesNotApply: 'there is no description' };
    const bytes = Buffer.concat([
      encodeCpioEntry('sw-description', Buffer.from('software = { version = "99.0.0"; };\n')),
      encodeCpioEntry('TRAILER!!!', Buffer.alloc(0), { fields: { mode: 0 } }),
    ]);
    return planOf(input, [insertBytes(input.base.size, bytes)]);
  },
});

function truncated(
  id: string,
  name: string,
  endOf: (image: SwupdateImage) => number | undefined,
  expectation: Expectation = mustReject,
  depth: 'standard' | 'full' = 'standard',
): SwupdateMutation {
  return attack({
    id: `swupdate-truncated-${id}`,
    kind: 'truncated',
    depth,
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that is installed.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    expectation,
    plan: (input) => {
      const end = endOf(input.image);
      if (end === undefined || end >= input.base.size) return { doesNotApply: 'there is nothing to cut' };
      return planOf(input, [cut(end, input.base.size - end)], {
        facts: { bytesLeft: end },
        refusedFor: 'truncated',
      });
    },
  });
}

const truncations = [
  // All images are there: only the mark of the end is not whole.
  truncated(
    'one-byte',
    'one byte short, in its end mark',
    ({ trailer }) => trailer && trailer.nameEnd - 1,
    noCrash,
  ),
  truncated('end-mark', 'without its end mark', ({ trailer }) => trailer?.start, noCrash, 'full'),
  truncated('last-image-byte', 'without the last byte of its last image', ({ entries }) => {
    const last = entries.at(-1);
    return last !== undefined && last.dataEnd > last.dataStart ? last.dataEnd - 1 : undefined;
  }),
  truncated('half', 'cut in half', (image) => Math.floor(image.imageEnd / 2)),
  truncated(
    'before-signature',
    'cut just before its signature',
    ({ signatureEntry }) => signatureEntry?.start,
  ),
];

type Name = [id: string, words: string, name: string, mode?: number];
const foreignNames: readonly Name[] = [
  ['unlisted', 'a file that its description does not name', 'extra.bin'],
  ['path-up', 'a file named up the path', '../../../../tmp/fieldproof-escaped'],
  ['path-absolute', 'a file with an absolute name', '/tmp/fieldproof-escaped'],
  ['path-symlink', 'a symbolic link that leads out', 'link', 0o120777],
  ['path-device', 'a device node', 'node', 0o060666],
  ['name-empty', 'a file without a name', ''],
];

/** Files that nobody signed and nothing installs. */
function foreignFile([id, words, name, mode]: Name): SwupdateMutation {
  return attack({
    id: `swupdate-file-${id}`,
    kind: 'injection',
    name: `with ${words}`,
    rationale:
      'It may be refused or passed over; nothing of it may be written where its name says, nor installed.',
    references: ['SIG-14', 'CVE-2023-7216', `${streamSource}, SKIP_FILE`],
    expectation: benign,
    plan: (input) => {
      const at = input.image.signatureEntry?.end;
      if (at === undefined) return { doesNotApply: 'the image is unsigned' };
      const data = Buffer.from(mode === 0o120777 ? '/tmp' : 'nobody signed this\n');
      const fields = mode === undefined ? {} : { mode };
      return planOf(input, [insertBytes(at, encodeCpioEntry(name, data, { fields }))]);
    },
  });
}

interface Lie {
  id: string;
  name: string;
  rationale: string;
  field: 'namesize' | 'filesize';
  of: 'description' | 'image';
  value: (actual: number) => number;
  expectation?: Expectation;
}

const lies: readonly Lie[] = [
  {
    id: 'name-size-overflow',
    name: 'with a name of 4 GiB',
    rationale: 'A name size that is added to or allocated without a limit overflows.',
    field: 'namesize',
    of: 'image',
    value: () => 0xffff_ffff,
  },
  {
    id: 'name-size-large',
    name: 'with a name larger than any buffer for names',
    rationale: 'Names have 256 bytes in the agent.',
    field: 'namesize',
    of: 'image',
    value: () => 0x1001,
  },
  {
    id: 'name-size-zero',
    name: 'with a name of no bytes',
    rationale: 'A name without even its zero byte ends where it begins, or one before.',
    field: 'namesize',
    of: 'description',
    value: () => 0,
  },
  {
    id: 'name-size-short',
    name: 'with a name that lacks its zero byte',
    rationale: 'Where names end by their size, the name is another; where by the zero byte, it goes on.',
    field: 'namesize',
    of: 'image',
    value: (actual) => actual - 1,
    // An agent that ends the name by its size installs the same bytes.
    expectation: noCrash,
  },
  {
    id: 'file-size-overflow',
    name: 'with a file of 4 GiB less one byte',
    rationale: 'The size is rounded up to a multiple of four: in 32 bits that is zero.',
    field: 'filesize',
    of: 'image',
    value: () => 0xffff_ffff,
  },
  {
    id: 'file-size-lie',
    name: 'with a file size that is four bytes short',
    rationale: 'What follows is read as the header of the next file.',
    field: 'filesize',
    of: 'image',
    value: (actual) => (actual > 4 ? actual - 4 : actual + 4),
  },
  {
    id: 'description-size-overflow',
    name: 'with a description of 4 GiB',
    rationale: 'The description is read into memory, or into a file in memory, before anything is verified.',
    field: 'filesize',
    of: 'description',
    value: () => 0xffff_fff0,
  },
];

function lie({ id, name, rationale, field, of, value, expectation = mustReject }: Lie): SwupdateMutation {
  return attack({
    id: `swupdate-${id}`,
    kind: value(0) > 0xffff ? 'resource' : 'structure',
    invariants: ['same-length', 'signature-kept'],
    name,
    rationale,
    references: ['SWUpdate core/cpio_utils.c, extract_cpio_header', 'cpio(5), New ASCII Format'],
    expectation,
    plan: (input) => {
      const found = of === 'image' ? firstImage(input.image) : { entry: input.image.descriptionEntry };
      if ('doesNotApply' in found) return found;
      if (found.entry === undefined) return { doesNotApply: 'there is no description' };
      const from = found.entry.fields[field];
      return planOf(input, [setField(found.entry, field, value(from))], { facts: { from, to: value(from) } });
    },
  });
}

const badNumber = attack({
  id: 'swupdate-number-not-hexadecimal',
  kind: 'structure',
  invariants: ['same-length'],
  name: 'with a file size that is no hexadecimal number',
  rationale:
    'Lenient conversion reads signs, spaces and prefixes, and gives another size than another reader.',
  references: ['cpio(5), New ASCII Format'],
  expectation: noCrash,
  plan: (input) => {
    const found = firstImage(input.image);
    if ('doesNotApply' in found) return found;
    return planOf(input, [overwrite(found.entry.start + 6 + 6 * 8, Buffer.from('-0000001'))]);
  },
});

const magicDowngraded = attack({
  id: 'swupdate-magic-without-sum',
  kind: 'downgrade',
  invariants: ['same-length'],
  name: 'said to be of the cpio format without byte sums',
  rationale: 'The sums are then not looked at; the SHA-256 still binds every image.',
  references: ['SWUpdate core/cpio_utils.c, get_cpiohdr'],
  expectation: benign,
  plan: (input) => {
    const patches = input.image.entries
      .filter(({ magic }) => magic === '070702')
      .map(({ start }) => overwrite(start, Buffer.from('070701')));
    return patches.length === 0 ? { doesNotApply: 'it has no byte sums' } : planOf(input, patches);
  },
});

const magicOther = attack({
  id: 'swupdate-magic-other',
  kind: 'structure',
  invariants: ['same-length'],
  name: 'with another magic number',
  rationale: 'An agent that guesses the format of what it does not know may unpack it by another reader.',
  references: ['SWUpdate core/cpio_utils.c, get_cpiohdr'],
  plan: (input): Plan => planOf(input, [overwrite(0, Buffer.from('070707'))], { refusedFor: 'format' }),
});

const manyFiles = attack({
  id: 'swupdate-files-many',
  kind: 'resource',
  name: 'with three thousand empty files',
  rationale: 'An endless list of files must cost neither memory nor time without bound.',
  references: ['RES-01', streamSource],
  expectation: noCrash,
  plan: (input) => {
    const at = input.image.signatureEntry?.end;
    if (at === undefined) return { doesNotApply: 'the image is unsigned' };
    const files = Array.from({ length: 3000 }, (_, index) => encodeCpioEntry(`f${index}`, Buffer.alloc(0)));
    return planOf(input, [insertBytes(at, Buffer.concat(files))]);
  },
});

const rollback = attack({
  id: 'swupdate-rollback',
  kind: 'rollback',
  name: 'of an older release, whole and genuine',
  rationale: 'Its signature stays good for ever; only the version tells that the release is withdrawn.',
  references: ['RBK-01', 'SWUpdate doc/source/swupdate.rst, options -N and -R'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'accept' ? { class: 'must-accept' } : mustReject,
  ),
  plan: (input: SwupdateInput) => {
    const { second, base, image } = input;
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    const version = second.image.description?.version ?? '';
    if (version === image.description?.version) return { doesNotApply: 'the two have the same version' };
    const { source } = second;
    return planOf(input, [{ at: 0, remove: base.size, insert: [ofSecond(source)] }], {
      facts: { version },
    });
  },
});

export const structureMutations: readonly SwupdateMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  secondArchive,
  ...truncations,
  ...foreignNames.map(foreignFile),
  ...lies.map(lie),
  badNumber,
  magicDowngraded,
  magicOther,
  manyFiles,
  rollback,
];
