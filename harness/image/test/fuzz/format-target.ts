/** An image format as a target: parsed and verified, each input held to the contract of formats. */

import { bytesSource, materialise } from '../../byte-source.ts';
import type { ImageFormat } from '../../format.ts';
import { eachAttack } from '../../generate.ts';
import type { ParsedImage } from '../../image.ts';
import type { ReferenceVerdict } from '../../trust.ts';
import { assertTolerant } from '../contract.ts';
import type { Sample } from '../sample.ts';
import { startRecord } from './records.ts';
import { longestInput, type FuzzInput, type FuzzTarget, type Part, type Reaction } from './target.ts';

/** A sample with the format that it is of. */
export interface JudgedSample {
  /** Names the format among those of its folder: the format's name, or that of its set of samples. */
  key: string;
  format: ImageFormat;
  sample: Sample;
}

interface GenuineImage {
  key: string;
  format: ImageFormat;
  bytes: Uint8Array;
}

/** What a target starts from. Signing anew is not reproducible, so a run that is to be had again keeps this. */
export interface FormatStart {
  samples: readonly JudgedSample[];
  seeds: readonly FuzzInput[];
  /** Attacks on the samples, which lead deep into the verifier. */
  examples: readonly FuzzInput[];
  /** Images signed with a key of the device: what they execute may be executed. */
  genuine: readonly GenuineImage[];
}

/**
 * Judges are the samples, and the samples again without their keys: then only the very image is genuine.
 */
export function formatTarget(name: string, start: FormatStart): FuzzTarget {
  const { samples, seeds, examples } = start;
  const judges = [
    ...samples,
    ...samples.map((judged) => ({ ...judged, sample: { ...judged.sample, keys: [] } })),
  ];
  const genuine = new GenuineImages(start);
  return {
    name,
    seeds,
    examples,
    judges: judges.length,
    maxBytes: longestInput(samples.map(({ sample }) => sample)),
    run: ({ bytes, judge }) => {
      const judged = judges[judge % judges.length];
      if (judged === undefined) throw new Error(`${name} has no sample`);
      return react(judged, bytes, genuine);
    },
    record: (judge) => {
      const judged = judge === undefined ? undefined : judges[judge % judges.length];
      return startRecord(
        judged === undefined ? start : { ...start, samples: [judged], seeds: [], examples: [] },
      );
    },
  };
}

/** The samples, their older ones, and, when wanted, the attacks on them, which take time to make. */
export function startFrom(samples: readonly JudgedSample[], attacks: boolean): FormatStart {
  const seeds: FuzzInput[] = [];
  const examples: FuzzInput[] = [];
  const made = new Set<string>();
  const genuine: GenuineImage[] = [];
  for (const [judge, judged] of samples.entries()) {
    const { key, format, sample } = judged;
    seeds.push({ bytes: sample.bytes, judge }, { bytes: sample.bytes, judge: judge + samples.length });
    genuine.push({ key, format, bytes: sample.bytes });
    if (sample.second !== undefined) {
      seeds.push({ bytes: sample.second, judge });
      genuine.push({ key, format, bytes: sample.second });
    }
    for (const { bytes, signedAnew } of attacks ? attacksOn(judged, made) : []) {
      examples.push({ bytes, judge });
      if (signedAnew) genuine.push({ key, format, bytes });
    }
  }
  return { samples, seeds, examples, genuine };
}

/** Each attack on one sample to which it applies: making all of them on all samples would take longer than fuzzing. */
function attacksOn(judged: JudgedSample, made: Set<string>): { bytes: Uint8Array; signedAnew: boolean }[] {
  const limit = longestInput([judged.sample]);
  const ids = judged.format.mutations.map(({ id }) => id).filter((id) => !made.has(`${judged.key} ${id}`));
  const attacks: { bytes: Uint8Array; signedAnew: boolean }[] = [];
  const base = { name: 'golden.bin', source: bytesSource(judged.sample.bytes) };
  try {
    for (const attack of ids.length === 0 ? [] : eachAttack(base, { ...options(judged), ids })) {
      if ('notApplicable' in attack) continue;
      made.add(`${judged.key} ${attack.mutation.id}`);
      if (attack.source.size > limit) continue;
      attacks.push({
        bytes: materialise(attack.source),
        signedAnew: attack.mutation.needs.includes('test-key'),
      });
    }
  } catch {
    // An attack that is wrong is the contract's to report; here it ends the examples of this sample.
  }
  return attacks;
}

function options({ format, sample }: JudgedSample): Parameters<typeof eachAttack>[1] {
  return {
    seed: Buffer.alloc(32, 7),
    format,
    trustedKeys: sample.keys,
    policy: sample.policy ?? {},
    ...(sample.crls === undefined ? {} : { crls: sample.crls }),
    ...(sample.second === undefined
      ? {}
      : { second: { name: 'older.bin', source: bytesSource(sample.second) } }),
    ...(sample.testKey === undefined ? {} : { testKey: sample.testKey }),
  };
}

/** Images whose bytes may be executed: splices of two genuine images may well give the other one. */
class GenuineImages {
  readonly #byDigest = new Map<string, Uint8Array>();

  constructor({ genuine }: FormatStart) {
    for (const { key, format, bytes } of genuine) {
      const source = bytesSource(bytes);
      this.#byDigest.set(`${key} ${format.executedDigest(source, format.parse(source))}`, bytes);
    }
  }

  withDigest(key: string, executed: string): Uint8Array | undefined {
    return this.#byDigest.get(`${key} ${executed}`);
  }
}

/** What was seen of the format while the oracle asked it. */
interface Seen {
  image?: ParsedImage;
  executed?: string;
  verdict?: ReferenceVerdict;
  claim?: string;
}

function react({ key, format, sample }: JudgedSample, bytes: Uint8Array, genuine: GenuineImages): Reaction {
  const seen: Seen = {};
  try {
    assertTolerant(observed(format, seen), sample, bytes);
  } catch (failure) {
    // Without keys too: some formats carry their keys, and take whatever the genuine image's are good for.
    const same = seen.verdict?.accepted === true ? genuine.withDigest(key, seen.executed ?? '') : undefined;
    if (same === undefined) throw failure;
    assertTolerant(observed(format, seen), { ...sample, bytes: same }, bytes);
  }
  return { features: featuresOf(seen), parts: seen.image === undefined ? [] : partsOf(seen.image) };
}

/** The format, with its answers for this one input noted. */
function observed(format: ImageFormat, seen: Seen): ImageFormat {
  return {
    ...format,
    claims: (source) => {
      const claim = format.claims(source);
      seen.claim = claim?.certainty ?? 'none';
      return claim;
    },
    parse: (source) => {
      const image = format.parse(source);
      seen.image ??= image;
      return image;
    },
    executedDigest: (source, image) => {
      const digest = format.executedDigest(source, image);
      seen.executed ??= digest;
      return digest;
    },
    verifier: (trust) => {
      const verify = format.verifier(trust);
      return (source) => (seen.verdict = verify(source));
    },
  };
}

function featuresOf({ image, verdict, claim }: Seen): string[] {
  const codes = [...new Set(image?.issues.map(({ code }) => code))].sort();
  const reason = verdict === undefined ? 'none' : verdict.accepted ? 'accepted' : verdict.reason;
  const regions = Math.ceil(Math.log2(1 + (image?.regions.length ?? 0)));
  return [
    `claim:${claim}`,
    `reason:${reason}`,
    `regions:2^${regions}`,
    ...codes.map((code) => `issue:${code}`),
    ...(codes.length <= 3 ? [`issues:${codes.join(',')}:${reason}`] : []),
    ...(verdict?.accepted === false ? [`detail:${shape(verdict.detail)}`] : []),
  ];
}

/** A message without what comes from the input: how it is worded tells one check from another. */
function shape(detail: string): string {
  return detail.replace(/"[^"]*"|'[^']*'|[0-9a-f]{4,}|\d+/gi, 'N').slice(0, 40);
}

const mostParts = 2000;

function partsOf({ regions }: ParsedImage): Part[] {
  return regions.slice(0, mostParts).map(({ start, end }) => ({ start, end }));
}
