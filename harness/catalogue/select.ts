/** Picks cases by id, pattern or suite. */

import { nearest } from '../board/nearest.ts';
import { UsageError } from '../errors.ts';
import { suiteNames, type CatalogueCase } from './schema.ts';

/**
 * Cases that a pattern names: an id (`SIG-02`), a pattern with `*` (`SIG-0*`), a prefix (`SIG`) or a suite
 * (`replay`). Case does not matter.
 */
export function expandPattern(pattern: string, cases: readonly CatalogueCase[]): CatalogueCase[] {
  const wanted = pattern.trim();
  const escaped = wanted.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const ids = new RegExp(`^${escaped.join('.*')}(${/^[a-z]+$/i.test(wanted) ? '-\\d+' : ''})$`, 'i');
  return cases.filter(({ id, suite }) => ids.test(id) || suite === wanted.toLowerCase());
}

/**
 * All cases that any of the patterns names, in the catalogue's order; `!pattern` takes away. Retired cases are left
 * out. Without a positive pattern, all cases are meant.
 *
 * @throws UsageError when a pattern names nothing, with the nearest id or suite
 */
export function selectCases(patterns: readonly string[], cases: readonly CatalogueCase[]): CatalogueCase[] {
  const alive = cases.filter(({ retired }) => retired === undefined);
  const expanded = (pattern: string): CatalogueCase[] => {
    const found = expandPattern(pattern, alive);
    if (found.length === 0) throw unknownCase(pattern, cases);
    return found;
  };
  const without = new Set(patterns.filter((p) => p.startsWith('!')).flatMap((p) => expanded(p.slice(1))));
  const positive = patterns.filter((p) => !p.startsWith('!'));
  const wanted = positive.length === 0 ? new Set(alive) : new Set(positive.flatMap(expanded));
  return alive.filter((one) => wanted.has(one) && !without.has(one));
}

/** The error for an id or pattern that names nothing. */
export function unknownCase(pattern: string, cases: readonly CatalogueCase[]): UsageError {
  const retired = cases.find(({ id, retired: why }) => id === pattern.toUpperCase() && why !== undefined);
  if (retired !== undefined)
    return new UsageError('retired-case', `${retired.id} is retired: ${retired.retired}`);
  const names = [...cases.map(({ id }) => id), ...suiteNames];
  const near = nearest(pattern, names);
  return new UsageError(
    'unknown-case',
    `no case or suite ${pattern}${near === undefined ? '' : `; did you mean ${near}?`}`,
    {
      hint: '`fieldproof list cases` shows all cases; patterns such as SIG-0* are possible.',
    },
  );
}
