/**
 * The search: inputs made from those that were worth keeping, in batches; those that reach new code or show new
 * behaviour are kept, those that fail are findings. Everything that happens follows from the seed.
 */

import type { Coverage } from './coverage.ts';
import { failureKey } from './failure.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';
import type { FuzzInput, FuzzTarget, Part } from './target.ts';

export interface Finding {
  /** Same for all inputs that show the same fault. */
  key: string;
  failure: unknown;
  /** As small as it got. */
  input: FuzzInput;
}

export interface FuzzerOptions {
  random: Random;
  coverage?: Coverage | undefined;
  /** Called with every input before it is run, so that one that never ends is known. */
  before?: (input: FuzzInput) => void;
  /** Called after each input that did not fail. May throw: that is a finding too. */
  after?: (input: FuzzInput) => void;
  /** Called after each input, however it went. */
  ended?: () => void;
}

export interface KeptInput extends FuzzInput {
  parts: readonly Part[];
  seed: boolean;
}

const batchInputs = 32;
/** Kept inputs in all; beyond, an old one that is no seed gives way. */
const mostKept = 4000;

export class Fuzzer {
  readonly findings: Finding[] = [];
  readonly #target: FuzzTarget;
  readonly #options: FuzzerOptions;
  readonly #kept: KeptInput[] = [];
  readonly #features = new Set<string>();
  readonly #failed = new Set<string>();
  #inputs = 0;

  constructor(target: FuzzTarget, options: FuzzerOptions) {
    this.#target = target;
    this.#options = options;
  }

  get inputs(): number {
    return this.#inputs;
  }

  get kept(): readonly KeptInput[] {
    return this.#kept;
  }

  get features(): number {
    return this.#features.size;
  }

  /** Takes in inputs to start from, kept whatever they do. */
  load(inputs: readonly FuzzInput[]): void {
    for (const input of inputs) {
      const ran = this.#run(input);
      if (ran !== undefined) this.#kept.push({ ...input, parts: ran.parts, seed: true });
    }
    this.#options.coverage?.look().remember();
  }

  /** Takes in inputs of which those are kept that bring something new. */
  offer(inputs: readonly FuzzInput[]): void {
    for (let at = 0; at < inputs.length; at += batchInputs) this.#batch(inputs.slice(at, at + batchInputs));
  }

  /** One batch of new inputs. */
  step(): void {
    this.#batch(Array.from({ length: batchInputs }, () => this.#offspring()));
  }

  #batch(batch: readonly FuzzInput[]): void {
    const { coverage } = this.#options;
    const plain: KeptInput[] = [];
    for (const input of batch) {
      const ran = this.#run(input);
      if (ran === undefined) continue;
      const kept = { ...input, parts: ran.parts, seed: false };
      if (ran.news) this.#keep(kept);
      else plain.push(kept);
    }
    const look = coverage?.look();
    if (coverage === undefined || look?.news !== true) return;
    this.#attribute(plain, coverage);
    // What could not be attributed came with a failure, with new behaviour, or only once: it is no news again.
    look.remember();
  }

  /** Finds the inputs that reach new code, by running each again by itself. */
  #attribute(inputs: readonly KeptInput[], coverage: Coverage): void {
    for (const input of inputs) {
      this.#run(input);
      const look = coverage.look();
      if (!look.news) continue;
      look.remember();
      this.#keep(input);
    }
  }

  #offspring(): FuzzInput {
    const { random } = this.#options;
    const { maxBytes, judges } = this.#target;
    if (this.#kept.length === 0)
      return { bytes: random.bytes(random.below(64)), judge: random.below(judges) };
    // What was found last is most worth a look.
    const recent = Math.max(0, this.#kept.length - 64);
    const parent = random.oneIn(3) ? random.pick(this.#kept.slice(recent)) : random.pick(this.#kept);
    const bytes = mutate(parent, { random, other: random.pick(this.#kept), maxBytes });
    return { bytes, judge: random.oneIn(32) ? random.below(judges) : parent.judge };
  }

  #keep(input: KeptInput): void {
    if (this.#kept.length >= mostKept) {
      const victim = this.#kept.findIndex(({ seed }) => !seed);
      if (victim < 0) return;
      this.#kept.splice(victim, 1);
    }
    this.#kept.push(input);
  }

  /** Undefined when it failed. */
  #run(input: FuzzInput): { parts: readonly Part[]; news: boolean } | undefined {
    this.#inputs += 1;
    try {
      const { parts, features } = this.#try(input);
      const before = this.#features.size;
      for (const feature of features) this.#features.add(feature);
      return { parts, news: this.#features.size > before };
    } catch (failure) {
      this.#found(input, failure);
      return undefined;
    }
  }

  #try(input: FuzzInput): ReturnType<FuzzTarget['run']> {
    this.#options.before?.(input);
    try {
      const reaction = this.#target.run(input);
      this.#options.after?.(input);
      return reaction;
    } finally {
      this.#options.ended?.();
    }
  }

  #found(input: FuzzInput, failure: unknown): void {
    const key = failureKey(failure);
    if (this.#failed.has(key)) return;
    this.#failed.add(key);
    let smallest = failure;
    const bytes = minimise(input.bytes, (candidate) => {
      try {
        this.#try({ bytes: candidate, judge: input.judge });
        return false;
      } catch (again) {
        if (failureKey(again) !== key) return false;
        smallest = again;
        return true;
      }
    });
    this.findings.push({ key, failure: smallest, input: { bytes, judge: input.judge } });
  }
}

/**
 * Of the kept inputs, the fewest that reach what the seeds do not: small ones first.
 *
 * @param coverage that has seen nothing yet; without, features alone count
 */
export function distil(
  target: FuzzTarget,
  kept: readonly KeptInput[],
  coverage: Coverage | undefined,
): FuzzInput[] {
  const features = new Set<string>();
  const isNew = (input: FuzzInput): boolean => {
    coverage?.look();
    const before = features.size;
    try {
      for (const feature of target.run(input).features) features.add(feature);
    } catch {
      return false; // a finding is reported, not kept as an example
    }
    const look = coverage?.look();
    look?.remember();
    return look?.news === true || features.size > before;
  };
  for (const input of [...target.seeds, ...target.examples]) isNew(input);
  return kept
    .filter(({ seed }) => !seed)
    .sort((a, b) => a.bytes.length - b.bytes.length)
    .filter(isNew)
    .map(({ bytes, judge }) => ({ bytes, judge }));
}
