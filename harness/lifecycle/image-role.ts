/** Whether a genuine image is what the role demands under which the board names it, as far as its format tells. */

import type { ImageRole } from '../board/index.ts';
import type { ImageFacts, Policy } from '../image/index.ts';
import { isPreReleaseOf, orderOfVersions } from '../image/version-order.ts';

/** Version, counter and hardware of the golden image and of the one in the role. */
interface Both {
  golden: ImageFacts;
  image: ImageFacts;
  policy: Policy;
}

/** Whether it is so; undefined where neither image tells. */
type Told = boolean | undefined;
interface Demand {
  /** To finish “the role demands …”. */
  demands: string;
  holds(both: Both): Told;
}

/** Counter against golden's: -1, 0 or 1. A counter of 0 in both is one that nobody uses. */
function counters({ golden: { counter: golden }, image: { counter: image } }: Both): number | undefined {
  if (golden === undefined || image === undefined || (golden === 0n && image === 0n)) return undefined;
  return image === golden ? 0 : image < golden ? -1 : 1;
}

const versions = ({ golden, image }: Both): number | undefined =>
  golden.version === undefined || image.version === undefined
    ? undefined
    : orderOfVersions(image.version, golden.version);

const lower = (order: number | undefined): Told => (order === undefined ? undefined : order < 0);
const higher = (order: number | undefined): Told => (order === undefined ? undefined : order > 0);
const equal = (order: number | undefined): Told => (order === undefined ? undefined : order === 0);

/** False when one of them is; else true when one of them is. */
function all(...told: readonly Told[]): Told {
  if (told.includes(false)) return false;
  return told.includes(true) ? true : undefined;
}

/** A counter that golden uses and the image lacks. */
const lacksCounter = ({ golden, image }: Both): boolean =>
  (golden.counter ?? 0n) > 0n && image.counter === undefined;

const newer: Demand = {
  demands: 'one that is newer than golden: a higher version or counter, and neither lower',
  holds: (both) => {
    const [counter, version] = [counters(both), versions(both)];
    if (lower(counter) === true) return false;
    if (lower(version) === true) return higher(counter) === true && both.policy.lowerVersion !== 'refuse';
    if (higher(counter) === true || higher(version) === true) return true;
    return version === undefined ? undefined : false;
  },
};

/** What each role demands beside golden; those that are not here are told by nothing that a format states. */
const demands: Partial<Record<ImageRole, Demand>> = {
  older: {
    demands: 'a lower version than golden’s and, where images carry counters, a lower counter',
    holds: (both) => {
      if (lacksCounter(both)) return false;
      // Where versions decide too, an equal counter saves no image from being refused.
      const counter = counters(both);
      const decided = counter === 0 && both.policy.lowerVersion === 'refuse' ? undefined : lower(counter);
      return all(decided, lower(versions(both)));
    },
  },
  lowerCounter: {
    demands: 'a lower security counter than golden’s, and a higher version',
    holds: (both) => (lacksCounter(both) ? false : all(lower(counters(both)), higher(versions(both)))),
  },
  equalCounter: {
    demands: 'golden’s security counter, and a lower version',
    holds: (both) => (lacksCounter(both) ? false : all(equal(counters(both)), lower(versions(both)))),
  },
  noCounter: {
    demands: 'no security counter, beside a golden image that has one',
    // Where a header has a place for it in any case, 0 stands for none.
    holds: ({ golden, image }) =>
      golden.counter === undefined ? undefined : image.counter === undefined || image.counter === 0n,
  },
  maximumCounter: {
    demands: 'the highest security counter, and so a higher one than golden’s',
    holds: (both) => (lacksCounter(both) ? false : higher(counters(both))),
  },
  otherHardware: {
    demands: 'other hardware than golden’s',
    holds: ({ golden, image }) =>
      golden.hardware.length === 0 || image.hardware.length === 0
        ? undefined
        : hardwareText(golden) !== hardwareText(image),
  },
  lowerNumber: {
    demands: 'a version that is lower than golden’s by its numbers, and higher as text',
    holds: (both) => {
      const { version = '' } = both.image;
      return all(
        lower(versions(both)),
        versions(both) === undefined ? undefined : version > (both.golden.version ?? ''),
      );
    },
  },
  preRelease: {
    demands: 'a pre-release of golden’s version',
    holds: ({ golden, image }) =>
      golden.version === undefined || image.version === undefined
        ? undefined
        : isPreReleaseOf(image.version, golden.version),
  },
  noVersion: {
    demands: 'no version, beside a golden image that has one',
    holds: ({ golden, image }) => (golden.version === undefined ? undefined : image.version === undefined),
  },
  expired: {
    demands: 'one that is not newer than golden',
    holds: (both) => {
      const newerBy = [higher(counters(both)), higher(versions(both))];
      return newerBy.includes(true) ? false : newerBy.includes(false) ? true : undefined;
    },
  },
  newer,
  newerExpired: newer,
  staleComponent: newer,
  crashing: newer,
  hanging: newer,
};

const hardwareText = ({ hardware }: ImageFacts): string =>
  hardware
    .map(({ name, value }) => `${name} ${value}`)
    .sort()
    .join(', ');

const told = ({ version, counter, hardware }: ImageFacts): string =>
  [
    version === undefined ? 'no version' : `version ${version}`,
    counter === undefined ? 'no counter' : `counter ${counter}`,
    ...hardware.map(({ name, value }) => `${name} ${value}`),
  ].join(', ');

export type RoleVerdict =
  | { kind: 'fits' }
  /** What it is, and what the role demands. */
  | { kind: 'differs'; detail: string }
  /** Why nothing can be said. */
  | { kind: 'unknown'; why: string };

/**
 * Holds the image in a role against golden.
 *
 * @param policy what the device declares: whether lower versions are refused
 */
export function fitsRole(role: string, golden: ImageFacts, image: ImageFacts, policy: Policy): RoleVerdict {
  const demand = Object.hasOwn(demands, role) ? demands[role as ImageRole] : undefined;
  if (demand === undefined) return { kind: 'unknown', why: 'no format states what the role demands' };
  const holds = demand.holds({ golden, image, policy });
  if (holds === true) return { kind: 'fits' };
  if (holds === undefined)
    return { kind: 'unknown', why: `it has ${told(image)}, and golden has ${told(golden)}` };
  const detail = `it has ${told(image)}; golden has ${told(golden)}; the role demands ${demand.demands}`;
  return { kind: 'differs', detail };
}
