/** Versions as RAUC compares them: `1.2.3-rc1+build`, with minor and patch optional. */

const pattern = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/;

/**
 * Negative when `a` is lower; undefined when one of them is no such version.
 *
 * Source: Semantic Versioning 2.0.0, 11; RAUC documentation, Reference, `min-bundle-version`.
 */
export function compareVersions(a: string, b: string): number | undefined {
  const one = pattern.exec(a);
  const other = pattern.exec(b);
  if (one === null || other === null) return undefined;
  for (const part of [1, 2, 3]) {
    const difference = BigInt(one[part] ?? 0) - BigInt(other[part] ?? 0);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return comparePreReleases(one[4], other[4]);
}

function comparePreReleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const difference = compareIdentifiers(left[index] ?? '', right[index] ?? '');
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Numbers below words, numbers by value, words by their characters. */
function compareIdentifiers(a: string, b: string): number {
  const numbers = [a, b].map((text) => (/^\d+$/.test(text) ? BigInt(text) : undefined));
  const [one, other] = numbers;
  if (one !== undefined && other !== undefined) return one === other ? 0 : one < other ? -1 : 1;
  if (one !== undefined || other !== undefined) return one !== undefined ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
