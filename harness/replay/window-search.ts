/** Finds the edge of an acceptance window by bisection: up to which age does a device take a message? */

import { DriverError } from '../errors.ts';

export interface WindowSearch {
  /** Sends one fresh message of this age and says whether it was accepted. Negative ages lie in the future. */
  probe: (ageMs: number) => Promise<boolean>;
  /** The edge is looked for between these two. One of them lies in the window, the other outside. */
  lowMs: number;
  highMs: number;
  /** The search ends when the edge is known within this. */
  resolutionMs: number;
  /** How often each of the two ages beside the edge is asked again at the end (default 2). */
  confirmations?: number;
}

export interface WindowProbe {
  ageMs: number;
  accepted: boolean;
}

export type WindowEdge =
  | {
      outcome: 'found';
      /** The age nearest to the edge that was accepted, and the nearest that was refused. */
      acceptedMs: number;
      refusedMs: number;
      /** Middle of the two. */
      edgeMs: number;
      /** The edge lies within `edgeMs` ± this, as far as ages at the device are those that were asked for. */
      uncertaintyMs: number;
      probes: readonly WindowProbe[];
    }
  /** Both ends were answered alike: there is no edge between them. */
  | { outcome: 'all-accepted' | 'all-refused'; probes: readonly WindowProbe[] }
  /** The answers contradict one another: no single edge explains them. */
  | { outcome: 'inconclusive'; why: string; probes: readonly WindowProbe[] };

/**
 * Bisects between `lowMs` and `highMs`, each time with a fresh probe; then asks again on both sides of the edge and
 * midway to each end. Answers that no single edge explains make it inconclusive, never a number.
 *
 * At most 4 + log2(range / resolution) + 2 × confirmations probes. Errors of a probe pass through.
 *
 * @throws DriverError when the range or the resolution makes no sense
 */
export async function searchWindow(search: WindowSearch): Promise<WindowEdge> {
  checkSearch(search);
  const probes: WindowProbe[] = [];
  const ask = async (ageMs: number): Promise<boolean> => {
    const accepted = await search.probe(ageMs);
    probes.push({ ageMs, accepted });
    return accepted;
  };
  const lowAccepted = await ask(search.lowMs);
  const highAccepted = await ask(search.highMs);
  if (lowAccepted === highAccepted) {
    return { outcome: lowAccepted ? 'all-accepted' : 'all-refused', probes };
  }
  const edge = await bisect(search, ask, lowAccepted);
  for (const ageMs of checkPoints(search, edge.low, edge.high)) await ask(ageMs);
  const { low, high } = widened(edge, probes, lowAccepted, search.resolutionMs);

  const [acceptedMs, refusedMs] = lowAccepted ? [low, high] : [high, low];
  const contradiction = probes.find(
    ({ ageMs, accepted }) => (ageMs <= low || ageMs >= high) && (accepted !== ageMs <= low) === lowAccepted,
  );
  if (contradiction !== undefined) {
    return { outcome: 'inconclusive', why: contradicts(contradiction, acceptedMs, refusedMs), probes };
  }
  return {
    outcome: 'found',
    acceptedMs,
    refusedMs,
    edgeMs: (low + high) / 2,
    uncertaintyMs: (high - low) / 2,
    probes,
  };
}

function checkSearch({ lowMs, highMs, resolutionMs }: WindowSearch): void {
  if (!(Number.isFinite(lowMs) && Number.isFinite(highMs) && lowMs < highMs)) {
    throw new DriverError('bad-range', `window search from ${lowMs} to ${highMs} ms: not an ascending range`);
  }
  if (!(resolutionMs > 0)) {
    throw new DriverError('bad-resolution', `window search with a resolution of ${resolutionMs} ms`);
  }
}

/** Two ages at most `resolutionMs` apart that were answered differently: `low` as the low end was. */
async function bisect(
  { lowMs, highMs, resolutionMs }: WindowSearch,
  ask: (ageMs: number) => Promise<boolean>,
  lowAccepted: boolean,
): Promise<{ low: number; high: number }> {
  let [low, high] = [lowMs, highMs];
  while (high - low > resolutionMs) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break; // finer than numbers are
    if ((await ask(middle)) === lowAccepted) low = middle;
    else high = middle;
  }
  return { low, high };
}

/**
 * A probe ages on its way, so that one at the very edge is answered now so and now otherwise: the edge then lies
 * somewhere between the nearest ages beyond which all answers agree, if these are near enough.
 */
function widened(
  edge: { low: number; high: number },
  probes: readonly WindowProbe[],
  lowAccepted: boolean,
  resolutionMs: number,
): { low: number; high: number } {
  const asLow = probes.filter(({ accepted }) => accepted === lowAccepted).map(({ ageMs }) => ageMs);
  const asHigh = probes.filter(({ accepted }) => accepted !== lowAccepted).map(({ ageMs }) => ageMs);
  const low = Math.max(...asLow.filter((ageMs) => asHigh.every((other) => ageMs < other)));
  const high = Math.min(...asHigh.filter((ageMs) => asLow.every((other) => ageMs > other)));
  return high - low <= 3 * resolutionMs ? { low, high } : edge;
}

/** Where a second edge or a wavering device would show. */
function checkPoints(
  { lowMs, highMs, confirmations = 2 }: WindowSearch,
  low: number,
  high: number,
): number[] {
  const beside = Array.from({ length: confirmations }, () => [low, high]).flat();
  return [...beside, (lowMs + low) / 2, (high + highMs) / 2];
}

function contradicts({ ageMs, accepted }: WindowProbe, acceptedMs: number, refusedMs: number): string {
  const answered = accepted ? 'accepted' : 'refused';
  return `${ageMs} ms was ${answered}, though ${acceptedMs} ms was accepted and ${refusedMs} ms refused: not one edge`;
}
