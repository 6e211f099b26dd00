/**
 * Genuine older images offered as they are. That a device must refuse them follows from what it declares, and from
 * what the two images say: there is one attack for each relation between them.
 */

import { compareVersions, counterOf } from '../contents.ts';
import { encodeUint, tlvTypes } from '../layout.ts';
import { entriesOf, rewriteArea } from '../edit.ts';
import { parseMcuboot } from '../parse.ts';
import type { Refusal } from '../verify.ts';
import type { DoesNotApply, Expectation, Plan } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { patched, PatchSet, ofSecond, type Insert } from '../../../patch-set.ts';
import type { ByteSource } from '../../../byte-source.ts';
import {
  mustAccept,
  mustReject,
  whereCountersCount,
  type McubootInput,
  type McubootMutation,
} from './common.ts';

/** What an older image is told by. */
interface Relation {
  /** Security counters; undefined when there is none. */
  runs: number | undefined;
  offered: number | undefined;
  versionLower: boolean;
  policy: Policy;
}

/** What is offered stands in the record. */
const mostBytes = 64 * 1024 * 1024;

function offered(
  id: string,
  name: string,
  rationale: string,
  expectation: (policy: Policy) => Expectation,
  reason: Refusal,
  unless: (relation: Relation) => string | undefined,
  change: (input: McubootInput, second: NonNullable<McubootInput['second']>) => ByteSource | undefined = (
    _,
    second,
  ) => second.source,
): McubootMutation {
  return {
    id: `mcuboot-rollback-${id}`,
    kind: 'rollback',
    name,
    rationale,
    references: [
      'RB-01',
      'MCUboot docs/design.md, Downgrade prevention',
      'MCUboot boot/bootutil/src/loader.c',
    ],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    expectation,
    plan: (input): Plan | DoesNotApply => {
      const { second, policy } = input;
      if (second === undefined) return { doesNotApply: 'there is no second image' };
      const not = unless(relationOf(input, second, policy));
      if (not !== undefined) return { doesNotApply: not };
      const source = change(input, second);
      if (source === undefined || (source !== second.source && source.size > mostBytes))
        return { doesNotApply: 'the second image is too large' };
      const refused = expectation(policy).class === 'must-reject' ? { refusedFor: reason } : {};
      return { ...wholly(input, source), ...refused };
    },
  };
}

function relationOf(
  { base, image }: McubootInput,
  second: NonNullable<McubootInput['second']>,
  policy: Policy,
): Relation {
  return {
    runs: counterOf(base, image),
    offered: counterOf(second.source, second.image),
    // Loaders differ in whether the build number counts: lower is lower without it.
    versionLower: compareVersions(second.image, image, false) < 0,
    policy,
  };
}

/** The whole base replaced. */
function wholly({ base, image, second }: McubootInput, source: ByteSource): Plan {
  const insert: Insert =
    source === second?.source ? ofSecond(source) : { kind: 'bytes', bytes: source.read(0, source.size) };
  return {
    patches: [{ at: 0, remove: base.size, insert: [insert] }],
    touches: image.regions.map(({ name }) => name),
  };
}

const lowerCounter = offered(
  'lower-counter',
  'which is a genuine release with a lower security counter',
  'The counter is raised when a hole is closed: what has a lower one has the hole.',
  whereCountersCount,
  'counter',
  ({ runs, offered: counter }) =>
    runs === undefined || counter === undefined || counter >= runs
      ? 'its security counter is not lower'
      : undefined,
);

const noCounter = offered(
  'no-counter',
  'which is a genuine release from before there were security counters',
  'Where counters count, an image without one has the lowest.',
  whereCountersCount,
  'no-counter',
  ({ runs, offered: counter }) =>
    runs === undefined || counter !== undefined ? 'only one of the images may have a counter' : undefined,
);

/** Without an allow-list, MCUboot takes an unprotected counter for the missing one when it validates an image. */
const counterAdded = offered(
  'counter-added',
  'which is a genuine release without a security counter, an unsigned one added',
  'Anybody can write an unsigned counter: it must not stand in for the signed one that is missing.',
  whereCountersCount,
  'no-counter',
  ({ runs, offered: counter }) =>
    runs === undefined || counter !== undefined ? 'only one of the images may have a counter' : undefined,
  (_, { source, image }) => {
    const entry = { type: tlvTypes.SEC_CNT, value: encodeUint(0x7fff_ffff, 4, image.endian) };
    const entries = [...entriesOf(source, image, 'unprotected'), entry];
    const patches = rewriteArea(source, parseMcuboot(source), 'unprotected', entries);
    return patches === undefined ? undefined : patched(source, new PatchSet(source.size, patches));
  },
);

const equalCounter = offered(
  'equal-counter',
  'which is a genuine release with the same security counter',
  'Whether the floor itself is acceptable is the device’s to declare.',
  ({ equalCounter: equal, lowerVersion: lower }) => {
    if (equal === 'refuse') return mustReject;
    if (equal === undefined) return { class: 'policy', dependsOn: 'equalCounter' };
    return lower === 'accept' ? mustAccept : { class: 'policy', dependsOn: 'lowerVersion' };
  },
  'counter',
  ({ runs, offered: counter }) =>
    runs === undefined || counter !== runs ? 'the security counters differ, or there is none' : undefined,
);

const lowerVersion = offered(
  'lower-version',
  'which is a genuine release of lower version',
  'Downgrade prevention by version, without regard to a counter.',
  ({ equalCounter: equal, lowerVersion: lower }) => {
    if (lower === 'refuse') return mustReject;
    if (lower === undefined) return { class: 'policy', dependsOn: 'lowerVersion' };
    return equal === 'accept' ? mustAccept : { class: 'policy', dependsOn: 'equalCounter' };
  },
  'version',
  ({ runs, offered: counter, versionLower, policy }) => {
    if (!versionLower) return 'its version is not lower';
    if (runs === undefined || policy.equalCounter === undefined) return undefined;
    // Then the counter decides, and hides what becomes of the version.
    const refusedAnyway = counter === undefined || counter < runs;
    const equal = counter === runs && policy.equalCounter === 'refuse';
    return refusedAnyway || equal ? 'its security counter decides' : undefined;
  },
);

export const rollbackMutations: readonly McubootMutation[] = [
  lowerCounter,
  noCounter,
  counterAdded,
  equalCounter,
  lowerVersion,
];
