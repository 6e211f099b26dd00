/** A failing input made as small as it gets. */

/**
 * Removes chunks, from large to small, while the input still fails in the same way; then sets what is left to zero.
 *
 * @param fails whether an input shows the same fault
 * @param mostTries bound of the work
 */
export function minimise(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => boolean,
  mostTries = 2000,
): Uint8Array {
  let best = input;
  let tries = 0;
  const attempt = (candidate: Uint8Array): boolean => {
    tries += 1;
    if (tries > mostTries || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let chunk = ceilPower(best.length); chunk >= 1; chunk /= 2) {
    for (let at = 0; at < best.length && tries < mostTries;) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + chunk)]);
      if (!attempt(shorter)) at += chunk;
    }
  }
  for (let chunk = ceilPower(best.length); chunk >= 1; chunk /= 2) {
    for (let at = 0; at < best.length && tries < mostTries; at += chunk) {
      if (best.subarray(at, at + chunk).every((byte) => byte === 0)) continue;
      attempt(Uint8Array.from(best).fill(0, at, at + chunk));
    }
  }
  return best;
}

function ceilPower(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bytes)));
}
