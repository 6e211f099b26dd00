/** Attacks on the frame of RAUC bundles: the trailer, what it points at, and what lies between the parts. */

import { verityBlockBytes } from '../../../codec/verity.ts';
import type { Expectation, Plan } from '../../../mutation.ts';
import { cut, insertBytes, overwrite, type Insert, type Patch } from '../../../patch-set.ts';
import { trailerBytes, type RaucImage } from '../parse.ts';
import {
  bundleSource,
  formatsDoc,
  mustReject,
  payloadReasons,
  reasonBy,
  regionsWithin,
  trailerPatch,
  u64be,
  type RaucMutation,
} from './common.ts';

function trailerSize(
  id: string,
  words: { name: string; rationale: string; refusedFor?: string },
  sizeOf: (real: bigint, image: RaucImage) => bigint,
  expectation: Expectation = mustReject,
): RaucMutation {
  return {
    id: `rauc-trailer-size-${id}`,
    kind: 'structure',
    invariants: ['same-length', 'signed-kept', 'signature-kept'],
    name: words.name,
    rationale: words.rationale,
    references: ['SIG-19', 'RAUC src/bundle.c, open_local_bundle'],
    attackerModel: 'network',
    needs: [],
    expectation,
    plan: ({ image }) => {
      const from = image.claimedCmsBytes ?? 0n;
      const to = BigInt.asUintN(64, sizeOf(from, image));
      return {
        patches: [trailerPatch(image, to)],
        touches: ['trailer.size'],
        facts: { from: String(from), to: String(to) },
        ...(words.refusedFor === undefined ? {} : { refusedFor: words.refusedFor }),
      };
    },
  };
}

const beyond = 'A size beyond the file, as a number with or without sign, must not become an offset.';
/** The size is right in its low half. Whoever reads only that finds the genuine signature over the genuine payload. */
const rightInLowHalf = { class: 'no-crash-only' } as const;

const trailerSizes = [
  trailerSize(
    'zero',
    {
      name: 'with a trailer that says there is no signature',
      rationale: 'No signature is not a good signature.',
      refusedFor: 'unsigned',
    },
    () => 0n,
  ),
  trailerSize(
    'plus-one',
    {
      name: 'with a signature said to begin one byte before it does',
      rationale: 'Payload and signature share no byte.',
      refusedFor: 'format',
    },
    (real) => real + 1n,
  ),
  trailerSize(
    'minus-one',
    {
      name: 'with a signature said to begin one byte after it does',
      rationale: 'A byte of the signature must not become payload.',
      refusedFor: 'format',
    },
    (real) => real - 1n,
  ),
  trailerSize(
    'overlapping',
    {
      name: 'with a signature said to begin 4 KiB before it does, in the payload',
      rationale: 'What is read as a signature must be one from its first byte.',
    },
    (real) => real + 4096n,
  ),
  trailerSize(
    'whole-file',
    {
      name: 'with a signature said to be the whole file',
      rationale: 'Then nothing is left for the payload.',
    },
    (_real, { size }) => BigInt(size - trailerBytes),
  ),
  trailerSize(
    'beyond-file',
    {
      name: 'with a signature said to be one byte larger than the file',
      rationale: beyond,
      refusedFor: 'format',
    },
    (_real, { size }) => BigInt(size - trailerBytes + 1),
  ),
  trailerSize(
    'two-to-the-31',
    { name: 'with a signature said to have 2^31 bytes', rationale: beyond },
    () => 1n << 31n,
  ),
  trailerSize(
    'two-to-the-63',
    { name: 'with a signature said to have 2^63 bytes', rationale: beyond, refusedFor: 'format' },
    () => 1n << 63n,
  ),
  trailerSize(
    'all-ones',
    { name: 'with a signature said to have 2^64−1 bytes', rationale: beyond, refusedFor: 'format' },
    () => -1n,
  ),
  trailerSize(
    'high-half',
    {
      name: 'with a signature size that is right in its low 32 bits only',
      rationale: 'Whoever computes with 32 bits reads another file than whoever checks with 64.',
    },
    (real) => real + (1n << 32n),
    rightInLowHalf,
  ),
  trailerSize(
    'little-endian',
    {
      name: 'with its trailer in the other byte order',
      rationale: 'The size is big-endian and nothing else.',
      refusedFor: 'format',
    },
    (real) => Buffer.from(u64be(real)).readBigUInt64LE(0),
  ),
];

interface Frame {
  id: string;
  kind: 'structure' | 'injection' | 'payload';
  name: string;
  rationale: string;
  expectation?: Expectation;
  plan: RaucMutation['plan'];
}

function frame({ expectation = mustReject, ...described }: Frame): RaucMutation {
  return {
    ...described,
    references: [formatsDoc, bundleSource],
    attackerModel: 'network',
    needs: [],
    expectation,
  };
}

/** Bytes put between payload and CMS: they belong to the payload then. */
function beforeCms(image: RaucImage, insert: readonly Insert[]): Plan {
  return { patches: [{ at: image.payloadEnd, remove: 0, insert }], touches: [] };
}

const insertedByte = frame({
  id: 'rauc-misaligned',
  kind: 'structure',
  name: 'with one byte between payload and signature',
  rationale: 'Data and tree are whole blocks. One byte more shifts the tree, or is left over.',
  plan: ({ image }) => ({
    ...beforeCms(image, [{ kind: 'fill', byte: 0, count: 1 }]),
    ...reasonBy(image, { plain: 'digest', verity: 'misaligned', crypt: 'encrypted' }),
  }),
});

const insertedBlock = frame({
  id: 'rauc-block-inserted',
  kind: 'injection',
  name: 'with a block of zeros between payload and signature',
  rationale: 'Aligned, and covered by nothing: it must not be taken for payload or tree.',
  plan: ({ image }) => ({
    ...beforeCms(image, [{ kind: 'fill', byte: 0, count: verityBlockBytes }]),
    ...reasonBy(image, { plain: 'digest', crypt: 'encrypted' }),
  }),
});

function secondSignature(aligned: boolean): RaucMutation {
  return frame({
    id: aligned ? 'rauc-second-signature-aligned' : 'rauc-second-signature',
    kind: 'structure',
    name: `with its signature and trailer a second time behind them${aligned ? ', aligned to 4 KiB' : ''}`,
    rationale:
      'Then the first signature is payload. Whoever finds it by searching checks another file than is read.',
    plan: ({ base, image }) => {
      const pad = aligned ? (verityBlockBytes - (base.size % verityBlockBytes)) % verityBlockBytes : 0;
      return {
        patches: [
          {
            at: base.size,
            remove: 0,
            insert: [
              { kind: 'fill', byte: 0, count: pad },
              { kind: 'copy', start: image.payloadEnd, end: base.size },
            ],
          },
        ],
        touches: ['end-of-file'],
        ...reasonBy(image, { plain: payloadReasons.plain, crypt: payloadReasons.crypt }),
      };
    },
  });
}

const secondTrailer = frame({
  id: 'rauc-second-trailer',
  kind: 'structure',
  name: 'with its trailer twice',
  rationale: 'The last one counts, and points into the signature then.',
  plan: ({ base, image }) => ({
    patches: [
      {
        at: base.size,
        remove: 0,
        insert: [{ kind: 'copy', start: image.size - trailerBytes, end: image.size }],
      },
    ],
    touches: ['end-of-file'],
    refusedFor: 'format',
  }),
});

function junk(where: 'behind' | 'before'): RaucMutation {
  const behind = where === 'behind';
  return frame({
    id: `rauc-cms-junk-${where}`,
    kind: 'injection',
    name: `with 16 bytes ${where} the signature, inside its area`,
    rationale: behind
      ? 'The signature ends before its area does. What is left over is unsigned, and must have no effect.'
      : 'A signature that does not begin its area must not be searched for.',
    ...(behind ? { expectation: { class: 'benign-accept' } } : {}),
    plan: ({ image, random }) => {
      const at = behind ? image.size - trailerBytes : image.payloadEnd;
      const bytes = random('junk', 16);
      const size = (image.claimedCmsBytes ?? 0n) + 16n;
      const patches: Patch[] = behind
        ? [
            {
              at,
              remove: trailerBytes,
              insert: [
                { kind: 'bytes', bytes },
                { kind: 'bytes', bytes: u64be(size) },
              ],
            },
          ]
        : [insertBytes(at, Buffer.concat([Buffer.alloc(8), bytes.subarray(8)])), trailerPatch(image, size)];
      return { patches, touches: ['trailer.size'], ...(behind ? {} : { refusedFor: 'format' }) };
    },
  });
}

const noPayload = frame({
  id: 'rauc-no-payload',
  kind: 'structure',
  name: 'without any payload',
  rationale:
    'A length of zero may stand for "everything" in the code that hashes: it must not stand for nothing to check.',
  plan: ({ image }) => ({
    patches: [cut(0, image.payloadEnd)],
    touches: regionsWithin(image, 0, image.payloadEnd),
    ...reasonBy(image, { plain: 'digest', verity: 'misaligned', crypt: 'encrypted' }),
  }),
});

const noData = frame({
  id: 'rauc-no-data',
  kind: 'structure',
  name: 'without data, with its hash tree alone',
  rationale: 'The size of the data is what is left of the file: none, or less than none.',
  plan: ({ image }) =>
    image.tree === undefined || image.bundleFormat !== 'verity'
      ? { doesNotApply: 'there is no tree' }
      : {
          patches: [cut(0, image.dataEnd)],
          touches: regionsWithin(image, 0, image.dataEnd),
          refusedFor: 'verity-size',
        },
});

const emptyFile = frame({
  id: 'rauc-trailer-alone',
  kind: 'structure',
  name: 'of eight zero bytes',
  rationale: 'The smallest file that has a trailer.',
  plan: ({ base, image }) => ({
    patches: [
      cut(0, base.size - trailerBytes),
      overwrite(base.size - trailerBytes, Buffer.alloc(trailerBytes)),
    ],
    touches: image.regions.map(({ name }) => name),
    refusedFor: 'unsigned',
  }),
});

export const structureMutations: readonly RaucMutation[] = [
  ...trailerSizes,
  insertedByte,
  insertedBlock,
  secondSignature(false),
  secondSignature(true),
  secondTrailer,
  junk('behind'),
  junk('before'),
  noPayload,
  noData,
  emptyFile,
];
