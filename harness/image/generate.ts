/**
 * Makes attack images from a genuine one, and checks each before anybody sends it.
 *
 * Seed per attack = HMAC-SHA256(master seed, id ‖ SHA-256 of the base): adding an attack never shifts another.
 */

import { createHmac, createPublicKey, X509Certificate } from 'node:crypto';
import type { FirmwareImage } from '../capabilities.ts';
import { BenchError, NotExecuted } from '../errors.ts';
import { bytesSource, materialise, type ByteSource } from './byte-source.ts';
import { digestOf, sha256Hex } from './digest.ts';
import type { ImageFormat } from './format.ts';
import { imageFormats } from './formats/index.ts';
import type { ParsedImage } from './image.ts';
import { expectationOf, type DoesNotApply, type Expectation, type Mutation, type Plan } from './mutation.ts';
import { patched, patchesToRecord, PatchSet } from './patch-set.ts';
import type { Policy } from './policy.ts';
import { attackName, type GenuineImage, type Provenance } from './provenance.ts';
import { formatOf } from './recognise.ts';
import { selfCheck } from './self-check.ts';
import type { PublicKey, TestKey, Trust } from './trust.ts';

/** An attack image, streamed from its base: nothing is in memory until it is asked for. */
export interface AttackImage {
  mutation: Mutation;
  /** `golden-1.2.0.mcuboot-strip-signature.bin` */
  name: string;
  source: ByteSource;
  /** SHA-256 of the whole, lower-case hex. */
  sha256: string;
  provenance: Provenance;
  /** Under the policy that was given. */
  expectation: Expectation;
  /** The patches that make it of its base. */
  set: PatchSet;
}

export interface AttackNotMade {
  mutation: Mutation;
  notApplicable: string;
}

export interface AttackOptions {
  /** Attacks by id; all of the format when absent. */
  ids?: readonly string[];
  /** Master seed of the run, at least 16 bytes. */
  seed: Uint8Array;
  /** Another genuine image of the same device, for attacks that need one. */
  second?: GenuineImage;
  /** The maker's public keys. Without them, only the signatures of `base` and `second` count as genuine. */
  trustedKeys?: readonly PublicKey[];
  /** DER certificate revocation lists. */
  crls?: readonly Uint8Array[];
  /** A key that the device trusts, for attacks that sign anew. */
  testKey?: TestKey;
  /** What the device declares; expectations that depend on it stay open without. */
  policy?: Policy;
  /** Make images beyond 2 GiB too: hashing them takes seconds, writing them takes the space. */
  huge?: boolean;
  /** The format, where the content alone does not tell. */
  format?: ImageFormat;
}

export interface AttackSet {
  images: readonly AttackImage[];
  /** Attacks that make no sense for this image, with the reason: to be reported. */
  notApplicable: readonly { id: string; why: string }[];
}

/** Everything about the base that attacks share. */
interface Workshop {
  base: GenuineImage;
  format: ImageFormat;
  image: ParsedImage;
  second: { genuine: GenuineImage; image: ParsedImage } | undefined;
  verify: ReturnType<ImageFormat['verifier']>;
  options: AttackOptions;
  policy: Policy;
}

export function genuine(image: FirmwareImage): GenuineImage {
  return { name: image.name, source: bytesSource(image.bytes) };
}

/** The attack image in memory, to be offered to a device. */
export function inMemory(attack: AttackImage): FirmwareImage {
  return { name: attack.name, bytes: materialise(attack.source), sha256: attack.sha256 };
}

/**
 * The attack images, in the order of `ids`.
 *
 * @throws NotExecuted when one of them does not apply to this base; see {@link attackSet} to go on without
 * @throws BenchError as {@link eachAttack}
 */
export function attackImages(base: GenuineImage, options: AttackOptions): AttackImage[] {
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
export function attackSet(base: GenuineImage, options: AttackOptions): AttackSet {
  const images: AttackImage[] = [];
  const notApplicable: { id: string; why: string }[] = [];
  for (const made of eachAttack(base, options)) {
    if ('notApplicable' in made) notApplicable.push({ id: made.mutation.id, why: made.notApplicable });
    else images.push(made);
  }
  return { images, notApplicable };
}

/**
 * The attack images one by one, as they are made and checked.
 *
 * @throws BenchError `unknown-attack`, `unknown-format`, `base-refused`, or `generator-bug` when an image is not
 *   what its expectation says
 */
export function* eachAttack(
  base: GenuineImage,
  options: AttackOptions,
): Generator<AttackImage | AttackNotMade> {
  const workshop = setUp(base, options);
  for (const mutation of select(workshop.format, options.ids)) {
    const made = make(workshop, mutation);
    yield 'doesNotApply' in made ? { mutation, notApplicable: made.doesNotApply } : made;
  }
}

/** Ids, names and rationales of all attacks on a format, for plans and lists. */
export function attacksOn(format: string): readonly Mutation[] {
  return imageFormats.find(({ name }) => name === format)?.mutations ?? [];
}

function setUp(base: GenuineImage, options: AttackOptions): Workshop {
  if (options.seed.length < 16) {
    throw new BenchError(
      'short-seed',
      `a master seed of ${options.seed.length} bytes; at least 16 are needed`,
    );
  }
  const format = options.format ?? formatOf(base.source);
  if (format === undefined) {
    const known = imageFormats.map(({ name }) => name).join(', ');
    throw new BenchError('unknown-format', `${base.name}: not an image of a known format (${known})`);
  }
  const policy = options.policy ?? {};
  const second = options.second && {
    genuine: options.second,
    image: format.parse(options.second.source),
  };
  const genuineImages = [base, ...(options.second === undefined ? [] : [options.second])];
  const trust: Trust = {
    keys: trustedKeys(options),
    ...(options.crls === undefined ? {} : { crls: options.crls }),
    genuine: genuineImages.map(({ source }) => source),
    policy,
  };
  const verify = format.verifier(trust);
  for (const { name, source } of genuineImages) requireGenuine(name, verify(source));
  return { base, format, image: format.parse(base.source), second, verify, options, policy };
}

/** The maker's; and the test key, or the authority at the end of its chain, which the device trusts for the test. */
export function trustedKeys({
  trustedKeys: makers = [],
  testKey,
}: Pick<AttackOptions, 'trustedKeys' | 'testKey'>): readonly PublicKey[] {
  if (testKey === undefined) return makers;
  // A chain that does not end in itself ends, where there are maker's keys, in one of those.
  if (makers.length > 0 && testKey.chain.length > 0 && !isSelfSigned(testKey.chain.at(-1))) return makers;
  const trusted = publicHalf(testKey);
  return makers.some((maker) => isSameKey(maker, trusted)) ? makers : [...makers, trusted];
}

function publicHalf(testKey: TestKey): PublicKey {
  const { name, chain } = testKey;
  const authority = chain.at(-1);
  if (authority !== undefined) {
    const { publicKey: key } = new X509Certificate(authority);
    return { kind: 'classic', key, certificate: authority, name };
  }
  if (testKey.kind === 'raw')
    return { kind: 'raw', algorithm: testKey.algorithm, bytes: testKey.bytes, name };
  return { kind: 'classic', key: createPublicKey(testKey.key), name };
}

function isSelfSigned(der: Uint8Array | undefined): boolean {
  if (der === undefined) return false;
  const certificate = new X509Certificate(der);
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function isSameKey(a: PublicKey, b: PublicKey): boolean {
  if (a.kind === 'classic') return b.kind === 'classic' && a.key.equals(b.key);
  return b.kind === 'raw' && a.algorithm === b.algorithm && Buffer.compare(a.bytes, b.bytes) === 0;
}

function requireGenuine(name: string, verdict: ReturnType<Workshop['verify']>): void {
  if (verdict.accepted) return;
  throw new BenchError('base-refused', `${name} is no genuine image: ${verdict.reason}: ${verdict.detail}`, {
    hint: 'Attacks start from an image that the device accepts. Are the public keys the right ones, and all of them?',
  });
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
  const { base, format, image, second, options, policy } = workshop;
  const lacking = lacks(mutation, options);
  if (lacking !== undefined) return { doesNotApply: lacking };
  const seed = attackSeed(options.seed, mutation.id, base.source);
  const plan = mutation.plan({
    base: base.source,
    image,
    ...(second === undefined ? {} : { second: { source: second.genuine.source, image: second.image } }),
    ...(options.testKey === undefined ? {} : { testKey: options.testKey }),
    policy,
    random: (label, bytes) => expand(seed, label, bytes),
  });
  if ('doesNotApply' in plan) return plan;
  const set = planned(mutation, base.source, plan);
  const source = patched(base.source, set);
  const expectation = plan.expectation ?? expectationOf(mutation, policy);
  const { verify } = workshop;
  const moot = mootWhereTaken(mutation, plan);
  if (moot !== undefined && expectation.class === 'must-reject' && verify(source).accepted) {
    return { doesNotApply: moot };
  }
  selfCheck({
    mutation,
    expectation,
    plan,
    set,
    source: base.source,
    image,
    format,
    altered: source,
    verify,
    ...(second === undefined ? {} : { second: second.genuine.source }),
  });
  const sha256 = sha256Hex(source);
  const provenance: Provenance = {
    mutation: mutation.id,
    format: format.name,
    base: { name: base.name, sha256: sha256Hex(base.source), bytes: base.source.size },
    ...(second === undefined
      ? {}
      : { second: { name: second.genuine.name, sha256: sha256Hex(second.genuine.source) } }),
    seed: seed.toString('hex'),
    patches: patchesToRecord(set),
    facts: plan.facts ?? {},
    result: { sha256, bytes: source.size },
  };
  return { mutation, name: attackName(base.name, mutation.id), source, sha256, provenance, expectation, set };
}

function mootWhereTaken({ kind }: Mutation, plan: Plan): string | undefined {
  if (kind !== 'transplant') return plan.mootWhereTaken;
  return 'the signature is good for this image too: both are signed over the same';
}

/** What the mutation needs and nobody gave, or asked for, in words. */
function lacks({ needs, huge }: Mutation, options: AttackOptions): string | undefined {
  const { second, testKey } = options;
  if (huge === true && options.huge !== true)
    return 'its image is larger than 2 GiB, which was not asked for';
  if (needs.includes('second-image') && second === undefined) return 'it needs a second genuine image';
  if (needs.includes('test-key') && testKey === undefined)
    return 'it needs a test key that the device trusts';
  return undefined;
}

function planned(mutation: Mutation, source: ByteSource, plan: Plan): PatchSet {
  try {
    return new PatchSet(source.size, plan.patches);
  } catch (cause) {
    throw new BenchError('generator-bug', `${mutation.id}: its patches do not fit together`, { cause });
  }
}

/** HMAC-SHA256(master, id ‖ SHA-256(base)). */
export function attackSeed(master: Uint8Array, id: string, base: ByteSource): Buffer {
  return createHmac('sha256', master).update(id).update(digestOf(base)).digest();
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
