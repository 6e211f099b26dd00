/** Order of versions as far as every scheme agrees on it: by their numbers, first to last. */

/** A version in its parts: `v1.10.0-rc.1` is the numbers 1, 10, 0 and the rest `-rc.1`. */
interface Parts {
  numbers: readonly bigint[];
  rest: string;
}

function partsOf(version: string): Parts | undefined {
  const found = /^v?(\d+(?:\.\d+)*)((?:[-+~_].*)?)$/.exec(version.trim());
  if (found === null) return undefined;
  return { numbers: (found[1] ?? '').split('.').map(BigInt), rest: found[2] ?? '' };
}

/** Negative when the first is lower; undefined where no scheme is known, or schemes differ: in what follows the numbers. */
export function orderOfVersions(one: string, other: string): number | undefined {
  const [left, right] = [partsOf(one), partsOf(other)];
  if (left === undefined || right === undefined) return undefined;
  const difference = orderOfNumbers(left.numbers, right.numbers);
  return difference === 0 && left.rest !== right.rest ? undefined : difference;
}

/** Whether the first is a pre-release of the second: `1.10.0-rc.1` of `1.10.0`; undefined where it cannot be told. */
export function isPreReleaseOf(one: string, other: string): boolean | undefined {
  const [left, right] = [partsOf(one), partsOf(other)];
  if (left === undefined || right === undefined) return undefined;
  return (
    orderOfNumbers(left.numbers, right.numbers) === 0 && /^[-~]/.test(left.rest) && !/^[-~]/.test(right.rest)
  );
}

function orderOfNumbers(left: readonly bigint[], right: readonly bigint[]): number {
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0n) - (right[i] ?? 0n);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return 0;
}
