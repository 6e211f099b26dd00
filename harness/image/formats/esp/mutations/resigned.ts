/** Images signed anew with a test key of the device: only what was changed is wrong with them. */

import { createHash } from 'node:crypto';
import { byPolicy } from '../../../mutation.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import { blockKey, layoutFor, signedBlock, withCrc, withField } from '../block.ts';
import { sectorPatch, setHeader, u32, withFreshSums } from '../edit.ts';
import { reversed, signPss } from '../keys.ts';
import { keyDigest, signedDigest, type Refusal } from '../verify.ts';
import {
  alteredBy,
  attack,
  blockBy,
  guide,
  imageFormatSource,
  mustReject,
  planOf,
  type EspInput,
  type EspMutation,
  type EspPlan,
} from './common.ts';

type Alter = (input: EspInput) => readonly Patch[] | string;

/** The altered image with one block of the test key. */
function resigned(
  input: EspInput,
  alter: Alter,
  more: { skip?: 'checksum' | 'sha256'; refusedFor?: Refusal } = {},
): EspPlan {
  const key = testKeyOf(input);
  if (typeof key === 'string') return { doesNotApply: key };
  const patches = alter(input);
  if (typeof patches === 'string') return { doesNotApply: patches };
  const content = withFreshSums(input.base, input.image, patches, 'content', more.skip);
  const block = blockBy(key, input, alteredBy(input.base, content));
  const { refusedFor } = more;
  return planOf(
    input,
    [...content, sectorPatch(input.base, input.image, [block])],
    refusedFor === undefined ? {} : { refusedFor },
  );
}

/** The test key, where it is one of those that the image is signed with. */
function testKeyOf(input: EspInput): NonNullable<ReturnType<typeof blockKey>> | string {
  const { testKey, image } = input;
  const key = testKey?.kind === 'classic' ? blockKey(testKey.key) : undefined;
  if (key === undefined) return 'the test key is neither RSA-3072 nor on a curve of secure boot v2';
  const digest = createHash('sha256').update(key.field).digest('hex');
  return image.blocks.some((block) => keyDigest(block) === digest)
    ? key
    : 'the image is not signed with the test key: whether the device trusts it is not known';
}

const insider = {
  attackerModel: 'insider',
  needs: ['test-key'],
} as const;

const control = attack({
  ...insider,
  id: 'esp-resigned-build-time',
  kind: 'metadata',
  name: 'with another time of its build, rightfully signed',
  rationale:
    'The twin of every altered image: what is signed with a trusted key is taken. The secure version stays, for a ' +
    'device that takes a higher one burns it into eFuses, and never takes the genuine image again.',
  references: ['SIG-00', guide],
  expectation: { class: 'must-accept' },
  plan: (input) =>
    resigned(input, ({ base, image: { app } }) => {
      if (app === undefined) return 'it has no application descriptor';
      const at = app.start + 80;
      return [overwrite(at, Buffer.of((base.read(at, at + 1)[0] ?? 0) ^ 1))];
    }),
});

const lowerCounter = attack({
  ...insider,
  id: 'esp-resigned-lower-secure-version',
  kind: 'counter',
  name: 'with a secure version one lower, rightfully signed',
  rationale:
    'Only the counter is wrong: a device that takes it has no protection against withdrawn releases.',
  references: ['RBK-01', 'ESP-IDF docs/en/api-reference/system/ota.rst, Anti-rollback'],
  expectation: byPolicy('equalCounter', () => mustReject),
  plan: (input) => {
    const { app } = input.image;
    const older = input.second?.image.app?.secureVersion ?? Infinity;
    if (app === undefined || app.secureVersion === 0)
      return { doesNotApply: 'its secure version is 0, or it has none' };
    if (older < app.secureVersion) return { doesNotApply: 'the second image is the better rollback' };
    return resigned(input, () => [overwrite(app.start + 4, u32(app.secureVersion - 1))]);
  },
});

/** For other hardware: refused where the device says that it looks. */
function otherHardware(
  id: string,
  name: string,
  rationale: string,
  refusedFor: Refusal,
  alter: Alter,
): EspMutation {
  return attack({
    ...insider,
    id: `esp-resigned-${id}`,
    kind: 'compatibility',
    name,
    rationale,
    references: ['CMP-01', 'ESP-IDF bootloader_common_loader.c, bootloader_common_check_chip_validity'],
    expectation: byPolicy('hardwareCompatibility', (value) =>
      value === 'checked' ? mustReject : { class: 'no-crash-only' },
    ),
    plan: (input) =>
      resigned(input, alter, input.policy.hardwareCompatibility === 'checked' ? { refusedFor } : {}),
  });
}

const hardware = [
  otherHardware(
    'chip-id',
    'for another chip, rightfully signed',
    'Code for another chip does not run on this one, and may well not be repaired from afar.',
    'chip-id',
    ({ image }) => [setHeader('chip_id', image.header?.chip_id === 0x0009 ? 0x0005 : 0x0009)],
  ),
  otherHardware(
    'min-chip-revision',
    'for chips of a revision that there is none of, rightfully signed',
    'The lowest revision of an image is there to be compared with that of the chip.',
    'chip-revision',
    () => [setHeader('min_chip_rev_full', 0xffff)],
  ),
];

/** Faults inside the signed bytes that only a maker can make: nothing is promised of them but that nothing breaks. */
function ownFault(
  id: string,
  name: string,
  rationale: string,
  plan: (input: EspInput) => EspPlan,
): EspMutation {
  return attack({
    ...insider,
    id: `esp-resigned-${id}`,
    kind: 'structure',
    name,
    rationale,
    references: [imageFormatSource],
    expectation: { class: 'no-crash-only' },
    plan,
  });
}

const faults = [
  ownFault(
    'checksum-wrong',
    'with a wrong checksum, rightfully signed',
    'ESP-IDF compares the checksum before it looks at the signature.',
    (input) =>
      resigned(
        input,
        ({ base, image: { checksumAt } }) =>
          checksumAt === undefined
            ? 'it has no checksum'
            : [overwrite(checksumAt, Buffer.of((base.read(checksumAt, checksumAt + 1)[0] ?? 0) ^ 1))],
        { skip: 'checksum' },
      ),
  ),
  ownFault(
    'sha256-wrong',
    'with a wrong appended SHA-256, rightfully signed',
    'Where signatures are checked, ESP-IDF leaves the appended SHA-256 alone.',
    (input) =>
      resigned(
        input,
        ({ base, image: { sha256At } }) =>
          sha256At === undefined
            ? 'it has no appended SHA-256'
            : [overwrite(sha256At, Buffer.of((base.read(sha256At, sha256At + 1)[0] ?? 0) ^ 1))],
        { skip: 'sha256' },
      ),
  ),
  ownFault(
    'load-address-rom',
    'that is to be loaded over the ROM’s stack, rightfully signed',
    'Load addresses come from the image: the loader must not write over itself before it knows whose they are.',
    (input) =>
      resigned(input, ({ image }) => {
        const last = image.segments.at(-1);
        return last === undefined ? 'it has no segments' : [overwrite(last.start, u32(0x3fff_fff0))];
      }),
  ),
  ownFault(
    'salt-length',
    'signed with a salt of 20 bytes',
    'The salt is 32 bytes; some verifiers take any.',
    (input) => {
      const key = testKeyOf(input);
      if (typeof key === 'string') return { doesNotApply: key };
      if (key.kind !== 'rsa') return { doesNotApply: 'the test key is no RSA key' };
      const digest = signedDigest(input.base, input.image, layoutFor(key).hash);
      const block = signedBlock(key, digest, input.random('salt', 32));
      const signature = reversed(signPss(key.key, digest, input.random('short salt', 20)));
      const bytes = withCrc(withField(block, layoutFor(key).signature.at, signature));
      return planOf(input, [sectorPatch(input.base, input.image, [bytes])]);
    },
  ),
];

export const resignedMutations: readonly EspMutation[] = [control, lowerCounter, ...hardware, ...faults];
