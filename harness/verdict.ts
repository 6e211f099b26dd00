/** The six verdicts, and how several become one. */

export const verdicts = [
  'violates',
  'error',
  'inconclusive',
  'not-executed',
  'conforms',
  'not-applicable',
] as const;

/** What is said of one case. Listed from the one that outweighs all others to the one that yields to all. */
export type Verdict = (typeof verdicts)[number];

/**
 * One verdict for many: violates > error > inconclusive > not-executed > conforms > not-applicable.
 *
 * @param parts the components; an empty list combines to `not-executed`, for nothing has been shown
 */
export function combine(parts: Iterable<Verdict>): Verdict {
  const seen = new Set(parts);
  return verdicts.find((verdict) => seen.has(verdict)) ?? 'not-executed';
}

/** Exit codes of the command line (see README, "Exit codes"). */
export const exitCodes = { conforms: 0, violates: 1, undecided: 2, bench: 3, usage: 64 } as const;

/**
 * The exit code of a run: 1 (the device violates) beats 3 (the bench failed) beats 2 (not decided) beats 0.
 * A run in which nothing was executed is undecided, never a success.
 *
 * @param parts verdicts of every selected case
 */
export function exitCodeOf(parts: readonly Verdict[]): number {
  if (parts.includes('violates')) return exitCodes.violates;
  if (parts.includes('error')) return exitCodes.bench;
  if (parts.includes('inconclusive') || parts.includes('not-executed')) return exitCodes.undecided;
  return parts.includes('conforms') ? exitCodes.conforms : exitCodes.undecided;
}
