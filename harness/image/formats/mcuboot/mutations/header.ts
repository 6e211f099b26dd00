/** Attacks on the header of MCUboot images, all of which is signed. */

import { setHeader } from '../edit.ts';
import { imageFlags, mcubootMagic, type HeaderField, type ImageFlag } from '../layout.ts';
import { regionNamed } from '../../../image.ts';
import { overwrite } from '../../../patch-set.ts';
import { designDoc, mustReject, planOf, refusedFor, type McubootMutation } from './common.ts';
import { isolatingPair } from './signed-bytes.ts';

const references = ['SIG-03', `${designDoc}, Image format`];

function fieldRaised(field: HeaderField, id: string, name: string, rationale: string): McubootMutation[] {
  return isolatingPair({
    id: `mcuboot-header-${id}`,
    kind: 'metadata',
    name,
    rationale,
    references,
    alter: (input) => {
      const from = input.image.header?.fields[field];
      if (from === undefined) return { doesNotApply: 'the image has no header' };
      const width = field.startsWith('version') ? (field === 'version.major' ? 0xff : 0xffff) : 0xffff_ffff;
      const to = from === width ? 0 : from + 1;
      return planOf(input, [setHeader(input.image, field, to)], { facts: { from, to } });
    },
  });
}

const fields = [
  ...fieldRaised(
    'version.major',
    'version-major',
    'with its major version raised',
    'An old image passes for a new one.',
  ),
  ...fieldRaised(
    'version.revision',
    'version-revision',
    'with its revision raised',
    'An old image passes for a new one.',
  ),
  ...fieldRaised(
    'version.build',
    'version-build',
    'with its build number raised',
    'An old image passes for a new one.',
  ),
  ...fieldRaised(
    'pad',
    'pad',
    'with its reserved header word set',
    'Reserved bytes are covered like any other.',
  ),
];

const flagNames: Record<Exclude<ImageFlag, 'PIC'>, string> = {
  ENCRYPTED_AES128: 'encrypted',
  ENCRYPTED_AES256: 'encrypted-256',
  NON_BOOTABLE: 'non-bootable',
  RAM_LOAD: 'ram-load',
  ROM_FIXED: 'rom-fixed',
  COMPRESSED_LZMA1: 'lzma1',
  COMPRESSED_LZMA2: 'lzma2',
  COMPRESSED_ARM_THUMB: 'arm-thumb',
};

function flagToggled(flag: Exclude<ImageFlag, 'PIC'>): McubootMutation[] {
  return isolatingPair({
    id: `mcuboot-flag-${flagNames[flag]}`,
    kind: 'metadata',
    name: `with its ${flag} flag the other way round`,
    rationale:
      'Flags decide how the payload is decoded and where it runs; they are read before they are verified.',
    references,
    alter: (input) => {
      const from = input.image.header?.fields.flags ?? 0;
      const bit = imageFlags[flag];
      const to = (from & bit) === 0 ? from + bit : from - bit;
      return planOf(input, [setHeader(input.image, 'flags', to)], { facts: { from, to } });
    },
  });
}

const flagsStripped = isolatingPair({
  id: 'mcuboot-flags-stripped',
  kind: 'metadata',
  name: 'with all its flags cleared',
  rationale:
    'A payload that is encrypted, compressed or bound to an address must not be run as if it were plain.',
  references,
  alter: (input) => {
    const from = input.image.header?.fields.flags ?? 0;
    if (from === 0) return { doesNotApply: 'the image has no flags' };
    return planOf(input, [setHeader(input.image, 'flags', 0)], { facts: { from } });
  },
});

const paddingFlipped = isolatingPair({
  id: 'mcuboot-header-padding',
  kind: 'metadata',
  name: 'with a bit flipped between header and payload',
  rationale: 'The padding up to the vector table is covered too; code could hide in it.',
  references,
  alter: (input) => {
    const padding = regionNamed(input.image, 'header.padding');
    if (padding === undefined) return { doesNotApply: 'the header has no padding' };
    const at = padding.end - 1;
    const old = input.base.read(at, at + 1)[0] ?? 0;
    return planOf(input, [overwrite(at, Buffer.of(old ^ 0x10))], { facts: { offset: at } });
  },
});

/** Header and payload meet elsewhere, and the signed part ends where it did: lengths add up. */
const boundaryMoved = isolatingPair({
  id: 'mcuboot-header-boundary',
  kind: 'structure',
  name: 'with its payload starting 16 bytes later, in the same bytes',
  rationale:
    'hdr_size decides where execution starts; no length is wrong, so that nothing but the cover tells.',
  references,
  alter: (input) => {
    const { hdr_size = 0, img_size = 0 } = input.image.header?.fields ?? {};
    if (img_size < 16 || hdr_size + 16 > 0xffff)
      return { doesNotApply: 'the payload is shorter than 16 bytes' };
    const patches = [
      setHeader(input.image, 'hdr_size', hdr_size + 16),
      setHeader(input.image, 'img_size', img_size - 16),
    ];
    return planOf(input, patches, { facts: { from: hdr_size, to: hdr_size + 16 } });
  },
});

function magic(id: string, name: string, value: number): McubootMutation {
  return {
    id: `mcuboot-magic-${id}`,
    kind: 'structure',
    invariants: ['same-length', 'signature-kept'],
    name,
    rationale: 'What does not begin as an image is none, whatever follows.',
    references: [
      `${designDoc}, Image format`,
      'MCUboot boot/bootutil/src/bootutil_loader.c, boot_check_header_valid',
    ],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: (input) => planOf(input, [setHeader(input.image, 'magic', value)]),
  };
}

const swapped = Buffer.from(mcubootMagic.toString(16), 'hex').readUInt32LE();

const imageSizeWraps: McubootMutation = {
  id: 'mcuboot-header-img-size-wraps',
  kind: 'structure',
  invariants: ['same-length', 'signature-kept'],
  name: 'with a size field that makes 32-bit sums wrap around',
  rationale:
    'Header and payload size add up to 2^32: a loader that adds without care looks for TLVs at offset 0.',
  references: ['MCUboot boot/bootutil/src/bootutil_img_hash.c, boot_u32_safe_add', 'CWE-190'],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: (input) => {
    const { hdr_size = 0 } = input.image.header?.fields ?? {};
    const to = 2 ** 32 - hdr_size;
    return refusedFor(
      planOf(input, [setHeader(input.image, 'img_size', to)], { facts: { to } }),
      'truncated',
    );
  },
};

export const headerMutations: readonly McubootMutation[] = [
  ...fields,
  ...(Object.keys(flagNames) as (keyof typeof flagNames)[]).flatMap(flagToggled),
  ...flagsStripped,
  ...paddingFlipped,
  ...boundaryMoved,
  magic('version-1', 'with the magic number of the first image format', 0x96f3b83c),
  magic('byte-swapped', 'with its magic number in the other byte order', swapped),
  magic('erased', 'with its magic number erased', 0xffff_ffff),
  imageSizeWraps,
];
