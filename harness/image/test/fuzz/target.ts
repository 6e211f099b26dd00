/** What can be fuzzed: something that takes bytes and must keep its promises whatever they are. */

/** Bytes, and which of the target's judges looks at them: the sample whose keys and executed bytes count. */
export interface FuzzInput {
  bytes: Uint8Array;
  judge: number;
}

/** A part of an input with a meaning: where mutators put their numbers and cuts. */
export interface Part {
  start: number;
  end: number;
}

/** What an input brought about, beside the code that it reached. */
export interface Reaction {
  /** Kinds of behaviour, such as `issue:tlv-length`: an input that shows a new one is worth keeping. */
  features: readonly string[];
  /** In order; empty when the target does not know. */
  parts: readonly Part[];
}

export interface FuzzTarget {
  /** `mcuboot`, `codec-der`: names its corpus folder. */
  name: string;
  /** Inputs from which the search starts; none of them is at fault. */
  seeds: readonly FuzzInput[];
  /** More of them, of which not all need be kept. */
  examples: readonly FuzzInput[];
  judges: number;
  /** Longest input that is tried, in bytes. */
  maxBytes: number;
  /** @throws whatever says that a promise was broken: that is a finding */
  run(input: FuzzInput): Reaction;
  /**
   * What is needed to have the target again elsewhere, as JSON: samples use fresh keys. With one judge, for a finding,
   * or with all of them and the seeds.
   */
  record?(judge?: number): unknown;
}

/**
 * What a folder's `targets.ts` exports as `fuzzTargets`: anything beside the image formats that takes hostile bytes.
 */
export interface DeclaredTarget {
  name: string;
  seeds(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** @throws when a promise was broken. May return features, see {@link Reaction}. */
  run(bytes: Uint8Array): readonly string[] | void;
}

const leastMaxBytes = 4096;
/** How much longer than what there is an input may become. */
const mostGrowth = 64 * 1024;

export function longestInput(seeds: readonly { bytes: Uint8Array }[]): number {
  const longest = Math.max(0, ...seeds.map(({ bytes }) => bytes.length));
  return Math.max(leastMaxBytes, longest + Math.min(longest, mostGrowth));
}

/** @param declared of a folder's `targets.ts` */
export async function declaredTarget(declared: DeclaredTarget): Promise<FuzzTarget> {
  const seeds = (await declared.seeds()).map((bytes) => ({ bytes, judge: 0 }));
  return {
    name: declared.name,
    seeds,
    examples: [],
    judges: 1,
    maxBytes: longestInput(seeds),
    run: ({ bytes }) => ({ features: declared.run(bytes) ?? [], parts: [] }),
  };
}
