/**
 * Makes attack images from a genuine one, and checks each before anybody sends it.
 *
 * Seed per attack = HMAC-SHA256(master seed, id ‖ SHA-256 of the base): adding an attack never shifts another.
 */

import { createHmac, type KeyObject } from 'node:crypto';
import type { FirmwareImage } from '../capabilities.ts';
import { BenchError, NotExecuted } from '../errors.ts';
import { bytesSource, digestOf, materialise, type ByteSource } from './byte-source.ts';
import { formatOf, imageFormats, type ImageFormat } from './format.ts';
import type { ParsedImage } from './image.ts';
import type { DoesNotApply, Expectation, Mutation, Plan } from './mutation.ts';
import { patched, patchesFromRecord, patchesToRecord, PatchSet, type PatchRecord } from './patch-set.ts';
import { selfCheck } from './self-check.ts';

/** How an attack image came to be: enough to make it again from its base. */
export interface Provenance {
  mutation: string;
  format: string;
  base: { name: string; sha256: string; bytes: number };
  second?: { name: string; sha256: string };
  /** Seed of this attack, hex. */
  seed: string;
  patches: readonly PatchRecord[];
  facts: Readonly<Record<string, string | number>>;
  result: { sha256: string; bytes: number };
}

export interface AttackImage {
  mutation: Mutation;
  image: FirmwareImage;
  provenance: Provenance;
  expectation: Expectation;
}

export interface AttackOptions {
  /** Attacks by id; all of the format when absent. */
  ids?: readonly string[];
  /** Master seed of the run, at least 16 bytes. */
  seed: Uint8Array;
  /** Another genuine image of the same device, for attacks that need one. */
  second?: FirmwareImage;
  /** The maker's public keys. Without them, only the signatures of `base` and `second` count as genuine. */
  trustedKeys?: readonly KeyObject[];
}

export interface AttackSet {
  images: readonly AttackImage[];
  /** Attacks that make no sense for this image, with the reason: to be reported. */
  notApplicable: readonly { id: string; why: string }[];
}

/** Everything about the base that attacks share. */
interface Workshop {
  base: FirmwareImage;
  source: ByteSource;
  format: ImageFormat;
  image: ParsedImage;
  second: { source: ByteSource; image: ParsedImage; firmware: FirmwareImage } | undefined;
  verify: ReturnType<ImageFormat['verifier']>;
  options: AttackOptions;
}

/**
 * The attack images, in the order of `ids`.
 *
 * @throws NotExecuted when one of them does not apply to this base; see {@link attackSet} to go on without
 * @throws BenchError `unknown-attack`, `unknown-format`, `base-refused`, or `generator-bug` when an image is not
 *   what its expectation says
 */
export function attackImages(base: FirmwareImage, options: AttackOptions): AttackImage[] {
  const { images, notApplicable } = attackSet(base, options);
  const [first] = notApplicable;
  if (first !== undefined && options.ids !== undefined) {
    throw new NotExecuted('attack-does-not-apply', `${first.id} on ${base.name}: ${first.why}`, {
      data: { notApplicable },
    });
  }
  return [...images];
}

/** Like {@link attackImages}, with what does not apply as part of the result. */
export function attackSet(base: FirmwareImage, options: AttackOptions): AttackSet {
  const workshop = setUp(base, options);
  const images: AttackImage[] = [];
  const notApplicable: { id: string; why: string }[] = [];
  for (const mutation of select(workshop.format, options.ids)) {
    const made = make(workshop, mutation);
    if ('doesNotApply' in made) notApplicable.push({ id: mutation.id, why: made.doesNotApply });
    else images.push(made);
  }
  return { images, notApplicable };
}

/** Ids, names and rationales of all attacks on a format, for plans and lists. */
export function attacksOn(format: string): readonly Mutation[] {
  return imageFormats.find(({ name }) => name === format)?.mutations ?? [];
}

/**
 * Makes an attack image again from its base and its provenance.
 *
 * @throws BenchError when the base is another one, or the result differs from the recorded one
 */
export function rebuildAttack(base: FirmwareImage, provenance: Provenance): FirmwareImage {
  const source = bytesSource(base.bytes);
  requireDigest('base', digestOf(source).toString('hex'), provenance.base.sha256);
  const set = patchesFromRecord(source.size, provenance.patches);
  const image = firmware(attackName(base.name, provenance.mutation), patched(source, set));
  requireDigest('result', image.sha256, provenance.result.sha256);
  return image;
}

function requireDigest(what: string, actual: string, recorded: string): void {
  if (actual === recorded) return;
  throw new BenchError('other-digest', `the ${what} has SHA-256 ${actual}, the record says ${recorded}`);
}

function setUp(base: FirmwareImage, options: AttackOptions): Workshop {
  if (options.seed.length < 16) {
    throw new BenchError(
      'short-seed',
      `a master seed of ${options.seed.length} bytes; at least 16 are needed`,
    );
  }
  const source = bytesSource(base.bytes);
  const format = formatOf(source);
  if (format === undefined) {
    const known = imageFormats.map(({ name }) => name).join(', ');
    throw new BenchError('unknown-format', `${base.name}: not an image of a known format (${known})`);
  }
  const second = options.second && {
    firmware: options.second,
    source: bytesSource(options.second.bytes),
    image: format.parse(bytesSource(options.second.bytes)),
  };
  const genuine = [source, ...(second === undefined ? [] : [second.source])];
  const verify = format.verifier({ keys: options.trustedKeys ?? [], genuine });
  for (const [name, bytes] of [
    [base.name, source] as const,
    ...(second ? [[second.firmware.name, second.source] as const] : []),
  ]) {
    const verdict = verify(bytes);
    if (verdict.accepted) continue;
    throw new BenchError(
      'base-refused',
      `${name} is no genuine image: ${verdict.reason}: ${verdict.detail}`,
      {
        hint: 'Attacks start from an image that the device accepts. Are the public keys the right ones?',
      },
    );
  }
  return { base, source, format, image: format.parse(source), second, verify, options };
}

function select(format: ImageFormat, ids: readonly string[] | undefined): readonly Mutation[] {
  if (ids === undefined) return format.mutations;
  return ids.map((id) => {
    const mutation = format.mutations.find((candidate) => candidate.id === id);
    if (mutation !== undefined) return mutation;
    throw new BenchError('unknown-attack', `no attack ${id} on ${format.name} images`, {
      data: { known: format.mutations.map((candidate) => candidate.id) },
      hint: `Known: ${format.mutations.map((candidate) => candidate.id).join(', ')}`,
    });
  });
}

function make(workshop: Workshop, mutation: Mutation): AttackImage | DoesNotApply {
  const { base, source, format, image, second, options } = workshop;
  if (mutation.needs.includes('second-image') && second === undefined) {
    return { doesNotApply: 'it needs a second genuine image' };
  }
  const seed = attackSeed(options.seed, mutation.id, base.bytes);
  const plan = mutation.plan({
    base: source,
    image,
    ...(second === undefined ? {} : { second: { source: second.source, image: second.image } }),
    random: (label, bytes) => expand(seed, label, bytes),
  });
  if ('doesNotApply' in plan) return plan;
  const set = planned(mutation, source, plan);
  const altered = firmware(attackName(base.name, mutation.id), patched(source, set));
  selfCheck({ mutation, plan, set, source, image, format, altered: altered.bytes, verify: workshop.verify });
  const provenance: Provenance = {
    mutation: mutation.id,
    format: format.name,
    base: { name: base.name, sha256: digestOf(source).toString('hex'), bytes: source.size },
    ...(second === undefined
      ? {}
      : { second: { name: second.firmware.name, sha256: digestOf(second.source).toString('hex') } }),
    seed: seed.toString('hex'),
    patches: patchesToRecord(set),
    facts: plan.facts ?? {},
    result: { sha256: altered.sha256, bytes: altered.bytes.length },
  };
  return { mutation, image: altered, provenance, expectation: mutation.expectation };
}

function planned(mutation: Mutation, source: ByteSource, plan: Plan): PatchSet {
  try {
    return new PatchSet(source.size, plan.patches);
  } catch (cause) {
    throw new BenchError('generator-bug', `${mutation.id}: its patches do not fit together`, { cause });
  }
}

/** HMAC-SHA256(master, id ‖ SHA-256(base)). */
export function attackSeed(master: Uint8Array, id: string, base: Uint8Array): Buffer {
  return createHmac('sha256', master)
    .update(id)
    .update(digestOf(bytesSource(base)))
    .digest();
}

/** Blocks HMAC-SHA256(seed, label ‖ u32 block number, big-endian). */
function expand(seed: Uint8Array, label: string, bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, block) => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(block);
    return createHmac('sha256', seed).update(label).update(count).digest();
  });
  return Buffer.concat(blocks).subarray(0, bytes);
}

function firmware(name: string, source: ByteSource): FirmwareImage {
  const bytes = materialise(source);
  return { name, bytes, sha256: digestOf(bytesSource(bytes)).toString('hex') };
}

/** `golden-1.2.0.bin` → `golden-1.2.0.mcuboot-strip-signature.bin`. */
function attackName(base: string, id: string): string {
  const dot = base.lastIndexOf('.');
  return dot > 0 ? `${base.slice(0, dot)}.${id}${base.slice(dot)}` : `${base}.${id}`;
}
