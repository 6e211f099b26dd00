/**
 * Images signed anew with a test key that the device trusts: the signature is good, and only one thing is wrong, or
 * nothing. They try what a stolen signing key or a careless release could do.
 */

import { rewriteArea, entriesOf, setHeader, touchedRegions, type Entry } from '../edit.ts';
import { counterOf } from '../contents.ts';
import { encodeUint, imageFlags, tlvTypes } from '../layout.ts';
import { signedAnew } from '../resign.ts';
import type { Refusal } from '../verify.ts';
import { byPolicy, type AttackKind, type DoesNotApply, type Expectation } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import type { Policy } from '../../../policy.ts';
import {
  designDoc,
  mustAccept,
  mustReject,
  noCrash,
  whereCountersCount,
  type McubootInput,
  type McubootMutation,
} from './common.ts';

/** Patches of signed bytes, and unprotected entries beside those that are there. */
type Change = readonly Patch[] | { patches: readonly Patch[]; added: readonly Entry[] };

interface Resigned {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  expectation: Expectation | ((policy: Policy) => Expectation);
  /** Where it must be refused. */
  reason?: Refusal;
  change: (input: McubootInput) => Change | DoesNotApply;
}

function resigned({ id, reason, change, ...words }: Resigned): McubootMutation {
  return {
    ...words,
    id: `mcuboot-resigned-${id}`,
    references: ['RB-02', `${designDoc}, Security counter`],
    attackerModel: 'insider',
    needs: ['test-key'],
    plan: (input) => {
      const changed = change(input);
      if ('doesNotApply' in changed) return changed;
      const patches =
        'patches' in changed ? signedAnew(input, changed.patches, changed.added) : signedAnew(input, changed);
      if ('doesNotApply' in patches) return patches;
      const { expectation } = words;
      const expected = typeof expectation === 'function' ? expectation(input.policy) : expectation;
      const refused = expected.class === 'must-reject' && reason !== undefined ? { refusedFor: reason } : {};
      return { patches, touches: touchedRegions(input.image, patches), ...refused };
    },
  };
}

/** A higher build number, so that it is another image; nothing else of it is told by a loader. */
function raisedBuild({ image }: McubootInput): Patch[] {
  const build = image.header?.fields['version.build'] ?? 0;
  return [setHeader(image, 'version.build', build === 0xffff_ffff ? build - 1 : build + 1)];
}

function withProtected(
  { base, image }: McubootInput,
  change: (entries: Entry[]) => readonly Entry[] | DoesNotApply,
): readonly Patch[] | DoesNotApply {
  if (image.protectedArea === undefined) return { doesNotApply: 'the image has no protected entries' };
  const entries = change(entriesOf(base, image, 'protected'));
  if ('doesNotApply' in entries) return entries;
  return rewriteArea(base, image, 'protected', entries) ?? { doesNotApply: 'the area would be too large' };
}

const replacing =
  (type: number, value: (input: McubootInput, old: Uint8Array) => Uint8Array | undefined) =>
  (input: McubootInput): readonly Patch[] | DoesNotApply =>
    withProtected(input, (entries) => {
      const at = entries.findIndex((entry) => entry.type === type);
      const old = entries[at];
      const fresh = old === undefined ? undefined : value(input, old.value);
      if (fresh === undefined) return { doesNotApply: 'the image has no such entry, or that value already' };
      return entries.with(at, { type, value: fresh });
    });

const counterTo = (of: (from: number) => number): Resigned['change'] =>
  replacing(tlvTypes.SEC_CNT, ({ base, image }) => {
    const from = counterOf(base, image);
    const to = from === undefined ? undefined : of(from);
    return to === undefined || to < 0 || to === from ? undefined : encodeUint(to, 4, image.endian);
  });

/** One above the genuine counter, so that only where it stands is wrong. */
function unprotectedCounter(input: McubootInput): Change | DoesNotApply {
  const { base, image } = input;
  const counter = counterOf(base, image);
  if (counter === undefined) return { doesNotApply: 'the image has no security counter' };
  const patches = withProtected(input, (entries) => entries.filter(({ type }) => type !== tlvTypes.SEC_CNT));
  if ('doesNotApply' in patches) return patches;
  const value = encodeUint(Math.min(counter + 1, 0xffff_ffff), 4, image.endian);
  return { patches, added: [{ type: tlvTypes.SEC_CNT, value }] };
}

const control: Resigned[] = [
  {
    id: 'control',
    kind: 'metadata',
    name: 'signed anew with the test key, nothing wrong with it',
    rationale: 'The twin of all that follow: refused, the others prove nothing.',
    expectation: mustAccept,
    change: (input) =>
      counterOf(input.base, input.image) === undefined
        ? raisedBuild(input)
        : { doesNotApply: 'it has a security counter, of which the device may want more' },
  },
  {
    id: 'counter-equal',
    kind: 'counter',
    name: 'signed anew with the same security counter',
    rationale: 'Whether the floor itself is acceptable is the device’s to declare.',
    expectation: byPolicy('equalCounter', (value) => (value === 'accept' ? mustAccept : mustReject)),
    reason: 'counter',
    change: (input) =>
      counterOf(input.base, input.image) === undefined
        ? { doesNotApply: 'the image has no security counter' }
        : raisedBuild(input),
  },
];

const counters: Resigned[] = [
  {
    id: 'counter-lower',
    kind: 'counter',
    name: 'signed anew with a security counter lower by 1',
    rationale: 'The signature is good; the counter alone must refuse it.',
    expectation: whereCountersCount,
    reason: 'counter',
    change: counterTo((from) => from - 1),
  },
  {
    id: 'counter-zero',
    kind: 'counter',
    name: 'signed anew with a security counter of 0',
    rationale: 'Zero must not mean that there is none.',
    expectation: whereCountersCount,
    reason: 'counter',
    change: counterTo(() => 0),
  },
  {
    id: 'counter-max',
    kind: 'counter',
    name: 'signed anew with the highest security counter',
    rationale:
      'Counters in few fuses cannot hold it, signed arithmetic takes it for −1. A device that takes it takes no other release afterwards: only for devices that can be reset.',
    expectation: noCrash,
    change: counterTo(() => 0xffff_ffff),
  },
  {
    id: 'counter-absent',
    kind: 'counter',
    name: 'signed anew without a security counter',
    rationale: 'Where counters count, an image without one has the lowest.',
    expectation: whereCountersCount,
    reason: 'no-counter',
    change: (input) =>
      withProtected(input, (entries) => {
        const kept = entries.filter(({ type }) => type !== tlvTypes.SEC_CNT);
        return kept.length === entries.length ? { doesNotApply: 'the image has no security counter' } : kept;
      }),
  },
  {
    id: 'unprotected-counter',
    kind: 'counter',
    name: 'signed anew with its security counter in the unprotected area',
    rationale:
      'Nobody signed the counter: whoever has an old image without one could write any. A counter that is not protected is none.',
    expectation: whereCountersCount,
    reason: 'no-counter',
    change: unprotectedCounter,
  },
  {
    id: 'counter-short',
    kind: 'counter',
    name: 'signed anew with a security counter of 2 bytes',
    rationale: 'What is missing must not be taken from memory.',
    expectation: whereCountersCount,
    change: replacing(tlvTypes.SEC_CNT, (_, old) => (old.length === 4 ? Buffer.alloc(2, 0xff) : undefined)),
  },
  {
    id: 'counter-long',
    kind: 'counter',
    name: 'signed anew with a security counter of 8 bytes',
    rationale: 'More than a counter holds must not be written behind it.',
    expectation: whereCountersCount,
    change: replacing(tlvTypes.SEC_CNT, (_, old) => (old.length === 4 ? Buffer.alloc(8, 0xff) : undefined)),
  },
];

const rest: Resigned[] = [
  {
    id: 'version-lower',
    kind: 'metadata',
    name: 'signed anew with a lower version',
    rationale: 'Downgrade prevention by version; the security counter is the same.',
    expectation: ({ lowerVersion, equalCounter }) => {
      if (lowerVersion === 'refuse') return mustReject;
      if (lowerVersion === undefined) return { class: 'policy', dependsOn: 'lowerVersion' };
      return equalCounter === 'accept' ? mustAccept : { class: 'policy', dependsOn: 'equalCounter' };
    },
    change: ({ image }) => {
      const { 'version.major': major = 0, 'version.minor': minor = 0 } = image.header?.fields ?? {};
      if (major > 0) return [setHeader(image, 'version.major', major - 1)];
      if (minor > 0) return [setHeader(image, 'version.minor', minor - 1)];
      return { doesNotApply: 'its version is the lowest' };
    },
  },
  ...(
    [
      [tlvTypes.UUID_VID, 'other-vendor', 'for another vendor'],
      [tlvTypes.UUID_CID, 'other-class', 'for another class of devices'],
    ] as const
  ).map(([type, id, name]): Resigned => ({
    id,
    kind: 'compatibility',
    name: `signed anew ${name}`,
    rationale: 'One key signs for several products: the ids tell them apart.',
    expectation: byPolicy('hardwareCompatibility', (value) => (value === 'checked' ? mustReject : noCrash)),
    change: replacing(type, (_, old) => Uint8Array.from(old, (byte) => byte ^ 0xff)),
  })),
  {
    id: 'dependency-unmet',
    kind: 'compatibility',
    name: 'signed anew with a dependency on a version that does not exist',
    rationale: 'Devices with several images must hold it back; those with one have nothing to compare.',
    expectation: { class: 'policy', dependsOn: 'loader' },
    change: (input) =>
      withProtected(input, (entries) => [
        ...entries.filter(({ type }) => type !== tlvTypes.DEPENDENCY),
        {
          type: tlvTypes.DEPENDENCY,
          value: Buffer.concat([Buffer.of(0, 0, 0, 0), Buffer.alloc(8, 0xff)]),
        },
      ]),
  },
  {
    id: 'non-bootable',
    kind: 'metadata',
    name: 'signed anew and marked as not bootable',
    rationale: 'A genuine part of a split image is not to be started by itself.',
    expectation: { class: 'policy', dependsOn: 'loader' },
    change: ({ image }) => {
      const flags = image.header?.fields.flags ?? 0;
      if ((flags & imageFlags.NON_BOOTABLE) !== 0) return { doesNotApply: 'it is marked so already' };
      return [setHeader(image, 'flags', flags + imageFlags.NON_BOOTABLE)];
    },
  },
];

export const resignedMutations: readonly McubootMutation[] = [...control, ...counters, ...rest].map(resigned);
