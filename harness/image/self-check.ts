/** Is an attack image what it claims to be? If not, the generator has a bug, and no device may be judged with it. */

import { BenchError } from '../errors.ts';
import { sameBytes, slice, type ByteSource } from './byte-source.ts';
import type { ImageFormat } from './format.ts';
import type { ParsedImage } from './image.ts';
import type { Expectation, Invariant, Mutation, Plan } from './mutation.ts';
import { insertedBytes, patched, PatchSet, type Patch } from './patch-set.ts';
import type { ReferenceVerdict } from './trust.ts';

export interface Candidate {
  mutation: Mutation;
  expectation: Expectation;
  plan: Plan;
  set: PatchSet;
  source: ByteSource;
  image: ParsedImage;
  format: ImageFormat;
  altered: ByteSource;
  verify: (source: ByteSource) => ReferenceVerdict;
  /** The other genuine image. */
  second?: ByteSource;
}

/** @throws BenchError `generator-bug`, saying which of the checks failed */
export function selfCheck(candidate: Candidate): void {
  const { mutation, source, altered } = candidate;
  if (sameBytes(altered, source)) throw bug(mutation, 'it does not differ from its base');
  for (const name of candidate.plan.touches) requireTouched(candidate, name);
  for (const patch of candidate.set.patches) requireIntended(candidate, patch);
  for (const invariant of mutation.invariants ?? []) requireInvariant(candidate, invariant);
  requireExpected(candidate);
}

function requireInvariant(candidate: Candidate, invariant: Invariant): void {
  if (!holds(candidate, invariant))
    throw bug(candidate.mutation, `it is said to be ${invariant}, and is not`);
}

function holds({ source, altered, image, set }: Candidate, invariant: Invariant): boolean {
  const untouched = (coverage: string): boolean =>
    image.regions
      .filter((region) => region.coverage === coverage)
      .every(
        (region) => !set.patches.some((patch) => overlaps(patch, region) && changesSomething(source, patch)),
      );
  switch (invariant) {
    case 'same-length':
      return altered.size === source.size;
    case 'signature-kept':
      return untouched('signature');
    case 'signed-kept':
      return untouched('signed');
    case 'base-is-prefix':
      return altered.size > source.size && sameBytes(slice(altered, 0, source.size), source);
    case 'is-prefix-of-base':
      return altered.size < source.size && sameBytes(altered, slice(source, 0, altered.size));
  }
}

/** A region of the plan, or the place behind the last byte. */
function rangeOf({ source, image, mutation }: Candidate, name: string): { start: number; end: number } {
  if (name === 'end-of-file') return { start: source.size, end: source.size };
  const region = image.regions.find((candidate) => candidate.name === name);
  if (region === undefined) throw bug(mutation, `it means to change ${name}, which the image does not have`);
  return region;
}

function meets(patch: Patch, { start, end }: { start: number; end: number }): boolean {
  if (start === end) return patch.at === start;
  return patch.at < end && (patch.at + patch.remove > start || patch.at >= start);
}

/** One of the patches changes the region: applied alone, it makes another image. */
function requireTouched(candidate: Candidate, name: string): void {
  const { mutation, set, source } = candidate;
  const range = rangeOf(candidate, name);
  const changes = set.patches.some((patch) => meets(patch, range) && changesSomething(source, patch));
  if (!changes) throw bug(mutation, `it means to change ${name}, and does not`);
}

function changesSomething(source: ByteSource, patch: Patch): boolean {
  if (insertedBytes(patch.insert) !== patch.remove) return true;
  const alone = patched(source, new PatchSet(source.size, [patch]));
  const end = patch.at + patch.remove;
  return !sameBytes(slice(alone, patch.at, end), slice(source, patch.at, end));
}

/** No patch reaches beyond the regions of the plan. */
function requireIntended(candidate: Candidate, patch: Patch): void {
  const { mutation, image, plan } = candidate;
  const intended = new Set(plan.touches);
  const strange = image.regions.find((region) => !intended.has(region.name) && overlaps(patch, region));
  if (strange !== undefined) throw bug(mutation, `its patch at ${patch.at} also changes ${strange.name}`);
}

/** The patch removes bytes of the region, or puts bytes between two of its own. */
function overlaps(patch: Patch, { start, end }: { start: number; end: number }): boolean {
  if (patch.remove === 0) return patch.at > start && patch.at < end;
  return patch.at < end && patch.at + patch.remove > start;
}

function isWholeSecond({ mutation, altered, second }: Candidate): boolean {
  return mutation.kind === 'rollback' && second !== undefined && sameBytes(altered, second);
}

function requireExpected(candidate: Candidate): void {
  const { mutation, expectation, plan, source, image, format, altered } = candidate;
  const verdict = candidate.verify(altered);
  switch (expectation.class) {
    case 'must-reject':
      // A genuine image is refused for what runs on the device, which its own bytes do not tell.
      if (isWholeSecond(candidate)) return;
      if (verdict.accepted) throw bug(mutation, 'it must be rejected, and our own verifier accepts it');
      if (plan.refusedFor !== undefined && verdict.reason !== plan.refusedFor) {
        throw bug(
          mutation,
          `our verifier refuses it for ${verdict.reason} (${verdict.detail}), not for ${plan.refusedFor}`,
        );
      }
      return;
    case 'must-accept':
    case 'benign-accept':
      if (!verdict.accepted) {
        throw bug(
          mutation,
          `it is harmless, and our own verifier refuses it: ${verdict.reason}: ${verdict.detail}`,
        );
      }
      if (
        expectation.class === 'benign-accept' &&
        format.executedDigest(altered, format.parse(altered)) !== format.executedDigest(source, image)
      ) {
        throw bug(mutation, 'it is said to leave the executed bytes alone, and changes them');
      }
      return;
    case 'policy':
    case 'no-crash-only':
      return;
  }
}

function bug(mutation: Mutation, what: string): BenchError {
  return new BenchError('generator-bug', `${mutation.id}: ${what}`, {
    hint: 'This is a fault of Fieldproof, not of the device; please report it with the base image.',
  });
}
