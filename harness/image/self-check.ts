/** Is an attack image what it claims to be? If not, the generator has a bug, and no device may be judged with it. */

import { BenchError } from '../errors.ts';
import { bytesSource, type ByteSource } from './byte-source.ts';
import type { ImageFormat, ReferenceVerdict } from './format.ts';
import type { ParsedImage } from './image.ts';
import type { Mutation, Plan } from './mutation.ts';
import { patched, PatchSet, type Patch } from './patch-set.ts';

export interface Candidate {
  mutation: Mutation;
  plan: Plan;
  set: PatchSet;
  source: ByteSource;
  image: ParsedImage;
  format: ImageFormat;
  altered: Uint8Array;
  verify: (source: ByteSource) => ReferenceVerdict;
}

/** @throws BenchError `generator-bug`, saying which of the checks failed */
export function selfCheck(candidate: Candidate): void {
  const { mutation, source, altered } = candidate;
  if (Buffer.compare(altered, source.read(0, source.size)) === 0) {
    throw bug(mutation, 'it does not differ from its base');
  }
  for (const name of candidate.plan.touches) requireTouched(candidate, name);
  for (const patch of candidate.set.patches) requireIntended(candidate, patch);
  requireExpected(candidate);
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
  const alone = patched(source, new PatchSet(source.size, [patch]));
  if (alone.size !== source.size) return true;
  const end = patch.at + patch.remove;
  return Buffer.compare(alone.read(patch.at, end), source.read(patch.at, end)) !== 0;
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

function requireExpected(candidate: Candidate): void {
  const { mutation, plan, source, image, format } = candidate;
  const altered = bytesSource(candidate.altered);
  const verdict = candidate.verify(altered);
  switch (mutation.expectation.class) {
    case 'must-reject':
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
        mutation.expectation.class === 'benign-accept' &&
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
