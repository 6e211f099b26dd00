/**
 * Order of versions, as SWUpdate compares them: up to four numbers, or else letters.
 *
 * Source: SWUpdate, core/artifacts_versions.c; doc/source/swupdate.rst, options -N and -R.
 */

/** Negative when the first is lower, zero when they are equal. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  if (left === undefined || right === undefined) return one < other ? -1 : Number(one > other);
  for (const [index, number] of left.entries()) {
    const difference = number - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Up to four numbers of 16 bits each, missing ones 0; undefined when it is anything else. */
function numbersOf(version: string): number[] | undefined {
  if (!/^\d{1,5}(\.\d{1,5}){0,3}$/.test(version)) return undefined;
  const numbers = version.split('.').map(Number);
  return [...numbers, 0, 0, 0, 0].slice(0, 4);
}
