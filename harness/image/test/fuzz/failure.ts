/** Which failures are one and the same. */

/**
 * What happened and where, without the numbers: two inputs with the same key show the same fault.
 */
export function failureKey(failure: unknown): string {
  const error = failure instanceof Error ? failure : new Error(String(failure));
  const place = ourFrame(error.stack ?? '');
  // What the oracle says tells faults apart; what is thrown elsewhere is one fault a place, however it is worded.
  return place.said ? `${error.name}: ${wording(error)} (${place.at})` : `${error.name} at ${place.at}`;
}

function wording(error: Error): string {
  return (error.message.split('\n')[0] ?? '').replace(/[0-9a-f]{6,}|\d+/gi, 'N').slice(0, 160);
}

/** The innermost place of the stack in our code, and whether it is the oracle's. */
function ourFrame(stack: string): { at: string; said: boolean } {
  const frames = [...stack.matchAll(/(harness\/[\w./-]+\.ts)(?:\?[^:]*)?:(\d+)/g)];
  const [first] = frames;
  if (first === undefined) return { at: 'an unknown place', said: true };
  const [, file = '', line = ''] = first;
  return { at: `${file}:${line}`, said: oracle.test(file) };
}

const oracle = /image\/test\/(contract|fuzz\/(format-target|fuzzer|targets?))\.ts$|\.ci\//;

export function describeFailure(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
}
