/** The known word that a mistyped one was probably meant to be. */

/** Edits (insert, remove, replace, swap neighbours) that turn one word into the other. Source: Damerau 1964, optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length] ?? 0;
}

/** Lower case, without hyphens and underscores: `reply_within-ms` and `replyWithinMs` are the same word. */
const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_\s]/g, '');

/**
 * The nearest of the known words, or undefined when none is near enough to be worth proposing
 * (more than a third of the letters wrong).
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate));
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  if (best === undefined) return undefined;
  const longest = Math.max(plain(word).length, plain(best.word).length);
  return best.distance <= Math.max(1, Math.floor(longest / 3)) ? best.word : undefined;
}

/** `; did you mean X?`, or what is known when nothing is near; empty when nothing is known. */
export function suggestion(word: string, known: Iterable<string>): string {
  const words = [...new Set(known)];
  const found = nearest(word, words);
  if (found !== undefined) return `; did you mean ${found}?`;
  return words.length === 0 ? '' : `; known here: ${words.join(', ')}`;
}
