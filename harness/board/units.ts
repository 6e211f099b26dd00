/** Units that people write into values or leave out of keys, translated into ours: the unit stands in the key's name. */

import { nearest } from './nearest.ts';

/** Key suffix → unit as written in a value → factor to the key's unit. */
const unitTables: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Ms: { us: 0.001, µs: 0.001, ms: 1, s: 1000, sec: 1000, min: 60_000, m: 60_000, h: 3_600_000 },
  S: { ms: 0.001, s: 1, sec: 1, min: 60, m: 60, h: 3600 },
  Bytes: { b: 1, byte: 1, bytes: 1, kb: 1000, kib: 1024, k: 1024, mb: 1_000_000, mib: 1_048_576 },
  Bits: { bit: 1, bits: 1 },
  Hz: { hz: 1, khz: 1000 },
};

const quantity = /^\s*(-?\d+(?:[._]\d+)*)\s*([a-zµ]+)\s*$/i;

/** Unit words that people put into keys (`replyWithinSeconds`, `timeout_ms`, `delayS`), as factors to milliseconds. */
const keyUnits: readonly [RegExp, number][] = [
  [/_?(milliseconds?|millis|msecs?|ms)$/i, 1],
  [/(_?(seconds?|secs?)|_s|(?<=[a-z])S)$/, 1000],
  [/_?(Seconds?|Secs?)$/, 1000],
  [/_?(minutes?|mins?)$/i, 60_000],
];

const suffixOf = (key: string): string | undefined =>
  Object.keys(unitTables).find((suffix) => key.endsWith(suffix) && key.length > suffix.length);

/**
 * A value with a unit, in the unit of the key: `('replyWithinMs', '2s')` → 2000.
 *
 * @returns undefined when the key has no unit, or the value is no quantity in it
 */
export function inUnitOf(key: string, value: unknown): number | undefined {
  const suffix = suffixOf(key);
  if (suffix === undefined || typeof value !== 'string') return undefined;
  const match = quantity.exec(value);
  const factor = unitTables[suffix]?.[match?.[2]?.toLowerCase() ?? ''];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  return Number(match[1].replaceAll('_', '')) * factor;
}

/**
 * The known key, with its value in the right unit, that a key without unit or with another one was meant to be:
 * `replyWithin: 2s` and `replyWithinSeconds: 2` → `replyWithinMs: 2000`.
 */
export function meantQuantity(key: string, value: unknown, known: readonly string[]): string | undefined {
  const withUnit = known.filter((name) => suffixOf(name) !== undefined);
  const byStem = new Map(withUnit.map((name) => [name.slice(0, -(suffixOf(name) ?? '').length), name]));
  const keyOf = (stem: string): string | undefined => byStem.get(nearest(stem, byStem.keys()) ?? '');

  // The key names a unit of its own: that unit counts, whichever key it resembles.
  for (const [pattern, factor] of keyUnits) {
    const meant = pattern.test(key) ? keyOf(key.replace(pattern, '')) : undefined;
    if (meant?.endsWith('Ms') === true && typeof value === 'number') return `${meant}: ${value * factor}`;
  }
  const meant = keyOf(key);
  if (meant === undefined) return undefined;
  const converted = inUnitOf(meant, value);
  if (converted !== undefined) return `${meant}: ${converted}`;
  return typeof value === 'number' ? `${meant}: ${value}` : undefined;
}
