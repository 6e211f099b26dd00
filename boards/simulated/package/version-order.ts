/**
 * Versions and their order: up to three numbers, a pre-release behind `-`, build metadata behind `+`.
 *
 * Source: Semantic Versioning 2.0.0, 11. A missing number counts as 0, as in `3` for `3.0.0`.
 */

export interface Version {
  numbers: readonly [number, number, number];
  /** Identifiers of the pre-release; empty for a release. */
  preRelease: readonly string[];
}

const NUMBER = '(?:0|[1-9]\\d{0,8})';
const IDENTIFIER = '[0-9A-Za-z-]+';
const FORM = new RegExp(
  `^(${NUMBER})(?:\\.(${NUMBER}))?(?:\\.(${NUMBER}))?(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?(?:\\+${IDENTIFIER}(?:\\.${IDENTIFIER})*)?$`,
);

/** @returns undefined when the text is no version */
export function parseVersion(text: string): Version | undefined {
  const [whole, major, minor = '0', revision = '0', preRelease] = FORM.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return {
    numbers: [Number(major), Number(minor), Number(revision)],
    preRelease: preRelease === undefined ? [] : preRelease.split('.'),
  };
}

/** Negative when the first is lower, 0 when neither is. */
export function compareVersions(one: Version, other: Version): number {
  for (const [index, number] of one.numbers.entries()) {
    const difference = number - (other.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePreReleases(one.preRelease, other.preRelease);
}

/** A release is higher than its pre-releases; of two, the one with more identifiers. */
function comparePreReleases(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  for (const [index, identifier] of one.entries()) {
    const against = other[index];
    if (against === undefined) return 1;
    const order = compareIdentifiers(identifier, against);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Numbers by value, and below words; words by their bytes. */
function compareIdentifiers(one: string, other: string): number {
  const numeric = [one, other].map((text) => /^\d+$/.test(text));
  if (numeric[0] === true && numeric[1] === true) return Number(one) - Number(other);
  if (numeric[0] !== numeric[1]) return numeric[0] === true ? -1 : 1;
  return one < other ? -1 : Number(one > other);
}
