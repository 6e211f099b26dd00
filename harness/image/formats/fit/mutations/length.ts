/** Attacks on the length of FIT images, and another kind of image in their place. */

import { crc32 } from 'node:zlib';
import { pieces, type ByteSource } from '../../../byte-source.ts';
import { valueOf, property } from '../../../codec/fdt.ts';
import { cells } from '../../../codec/fdt-edit.ts';
import type { Policy } from '../../../policy.ts';
import type { Expectation } from '../../../mutation.ts';
import { cut } from '../../../patch-set.ts';
import { signaturesInForce, targetOf, touchesOf } from '../edit.ts';
import { chosenConfigurations, imagesOf, type FitData } from '../model.ts';
import { dataOf } from '../verify.ts';
import { benign, mustReject, noCrash, onTheWay, type FitInput, type FitMutation } from './common.ts';

const appendedExpectation = (policy: Policy): Expectation =>
  policy.appendedData === 'refuse' ? mustReject : benign;

function appended(bytes: number, words: string): FitMutation {
  return onTheWay(
    {
      id: `fit-appended-${bytes}`,
      kind: 'appended',
      name: `with ${words} appended`,
      rationale:
        'What lies behind the image is unsigned: it may be refused or ignored, and must never be executed.',
      references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA'],
    },
    appendedExpectation,
    ({ base, random, policy }) => ({
      patches: [
        {
          at: base.size,
          remove: 0,
          insert: [{ kind: 'fill', byte: (random('fill', 1)[0] ?? 0) | 1, count: bytes }],
        },
      ],
      touches: ['end-of-file'],
      ...(policy.appendedData === 'refuse' ? { refusedFor: 'appended' } : {}),
    }),
    { depth: 'standard', invariants: ['base-is-prefix'] },
  );
}

/**
 * Behind the last byte that a loader needs and that is not zero: memory behind a file that is cut off often is zero, and
 * then nothing is missing. Counted are external data, the names that are signed, or embedded data.
 */
function neededEnd({ base, image, policy }: FitInput): number {
  const images = chosenConfigurations(image).flatMap(imagesOf);
  const ends = (kind: FitData['kind']): number[] =>
    images.flatMap(({ data }) => (data?.kind === kind ? [data.claimedEnd] : []));
  const hashed = signaturesInForce({ image, policy })[0]?.signature.hashedStrings;
  const strings = image.tree.header?.off_dt_strings ?? 0;
  const inTree = typeof hashed === 'number' ? [strings + hashed] : ends('embedded');
  return behindLastNonZero(base, Math.max(0, ...inTree, ...ends('external')));
}

function behindLastNonZero(source: ByteSource, end: number): number {
  for (let to = end; to > 0; to -= 65_536) {
    const from = Math.max(0, to - 65_536);
    const last = source.read(from, to).findLastIndex((byte) => byte !== 0);
    if (last >= 0) return from + last + 1;
  }
  return 0;
}

function truncated(id: string, name: string, endOf: (input: FitInput) => number | undefined): FitMutation {
  return onTheWay(
    {
      id: `fit-truncated-${id}`,
      kind: 'truncated',
      name,
      rationale: 'A transfer that broke off, or was broken off, must not leave an image that boots.',
      references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    },
    mustReject,
    (input) => {
      const end = endOf(input);
      if (end === undefined || end >= neededEnd(input) || end <= 0) {
        return { doesNotApply: 'there is nothing to cut off there' };
      }
      const patches = [cut(end, input.base.size - end)];
      const refusedFor = end < (input.image.tree.header?.totalsize ?? 0) ? 'truncated' : 'data';
      return { patches, touches: touchesOf(input.image, patches), facts: { bytesLeft: end }, refusedFor };
    },
    { depth: 'standard', invariants: ['is-prefix-of-base'] },
  );
}

const freeRoomCut = onTheWay(
  {
    id: 'fit-truncated-free-room',
    kind: 'truncated',
    name: 'cut behind the last byte that it uses',
    rationale:
      'Free room at the end of the tree is empty: what boots is all there, and the total size is a lie.',
    references: ['SIG-15', 'Devicetree Specification v0.4, 5.2'],
  },
  noCrash,
  (input) => {
    const { header } = input.image.tree;
    const end = header === undefined ? 0 : header.off_dt_strings + header.size_dt_strings;
    if (end <= 0 || neededEnd(input) > end || end >= input.image.imageEnd)
      return { doesNotApply: 'it has no free room' };
    const patches = [cut(end, input.base.size - end)];
    return { patches, touches: touchesOf(input.image, patches) };
  },
  { invariants: ['is-prefix-of-base', 'signed-kept'] },
);

/** Source: U-Boot include/image.h, struct legacy_img_hdr; all big-endian, CRC-32 over header (its field zero) and data. */
function legacyHeader(bytes: number, dataCrc: number, address: number): Buffer {
  const header = Buffer.concat([
    cells(0x2705_1956, 0, 0, bytes, address, address, dataCrc),
    // Linux, ARM, kernel, uncompressed.
    Buffer.of(5, 2, 2, 0),
    Buffer.alloc(32),
  ]);
  header.write('kernel', 32);
  header.writeUInt32BE(crc32(header), 4);
  return header;
}

const legacy = onTheWay(
  {
    id: 'fit-legacy-image',
    kind: 'downgrade',
    name: 'replaced by an image of the old format, which has no signature',
    rationale: 'A loader that takes both formats can be given the one that cannot be signed.',
    references: ['CVE-2018-3968', 'U-Boot doc/usage/fit/signature.rst, Enabling FIT verification'],
  },
  mustReject,
  (input) => {
    const target = targetOf(input.image);
    if ('doesNotApply' in target) return target;
    const { data, node } = target.kernel;
    let crc = 0;
    for (const piece of pieces(dataOf(input.base, target.kernel))) crc = crc32(piece, crc);
    const load = valueOf(input.base, property(node, 'load'));
    const header = legacyHeader(
      data.claimedEnd - data.start,
      crc,
      load.length === 4 ? load.readUInt32BE(0) : 0x8000_8000,
    );
    const patches = [
      {
        at: 0,
        remove: input.base.size,
        insert: [
          { kind: 'bytes' as const, bytes: header },
          { kind: 'copy' as const, start: data.start, end: data.claimedEnd },
        ],
      },
    ];
    return { patches, touches: touchesOf(input.image, patches), refusedFor: 'structure' };
  },
  { attackerModel: 'storage' },
);

export const lengthMutations: readonly FitMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  truncated('one-byte', 'one byte short of what its loader reads', (input) => neededEnd(input) - 1),
  truncated('half', 'cut in half', (input) => Math.floor(neededEnd(input) / 2)),
  truncated(
    'before-signature',
    'cut just before its signature',
    (input) => signaturesInForce(input)[0]?.signature.value?.valueStart,
  ),
  truncated('behind-tree', 'cut behind its device tree', ({ image }) => image.tree.header?.totalsize),
  freeRoomCut,
  legacy,
];
