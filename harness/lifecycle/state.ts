/** What runs on the device, held against an image or against an earlier state. Nothing here talks to a wire. */

import type { Answer, FirmwareImage, FirmwareState, Observed } from '../capabilities.ts';
import { Inconclusive } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { imageEngine } from './image-engine.ts';

/** An answer in words: "refused (signature) at verify". */
export function say(answer: Answer): string {
  const reason = answer.reason === undefined ? '' : ` (${answer.reason})`;
  const stage = answer.stage === undefined ? '' : ` at ${answer.stage}`;
  return `${answer.kind}${reason}${stage}`;
}

/** How a state and an image go together. `unknown`: nothing could be compared, which is never a match. */
export type Fit = { kind: 'fits' } | { kind: 'differs'; how: string } | { kind: 'unknown' };

/** Holds version and digest of a state against those of an image. */
export function fitOf(state: FirmwareState, image: FirmwareImage): Fit {
  const { version, digest } = state;
  if (digest.observable && digest.value === image.sha256) return { kind: 'fits' };
  const identity = imageEngine().identifyImage(image.bytes);
  if (identity === undefined) return { kind: 'unknown' };
  const { digests, contentsHidden } = identity;
  const comparable = digest.observable && digests.length > 0 && !contentsHidden;
  if (comparable && !digests.includes(digest.value)) {
    return { kind: 'differs', how: `the digest read back is ${digest.value.slice(0, 16)}…, not the image's` };
  }
  if (!version.observable || identity.version === undefined) {
    return { kind: comparable ? 'fits' : 'unknown' };
  }
  if (version.value === identity.version) return { kind: 'fits' };
  return { kind: 'differs', how: `the version read back is ${version.value}, not ${identity.version}` };
}

/**
 * Whether the state would be the same if this image ran: by a version that it shares, or, of an image whose format nobody
 * reads, for want of a digest of what runs.
 */
export function looksLike(state: FirmwareState, image: FirmwareImage): boolean {
  const { kind } = fitOf(state, image);
  return kind === 'fits' || (kind === 'unknown' && !state.digest.observable);
}

/** How the state contradicts an image of a known format; undefined when it does not, or when nothing can be compared. */
export function differsFromImage(state: FirmwareState, image: FirmwareImage): string | undefined {
  const fit = fitOf(state, image);
  return fit.kind === 'differs' ? fit.how : undefined;
}

const terms = ['version', 'digest', 'securityCounter', 'confirmation'] as const;

/** Every observable term in which two states differ, in words; empty when they are alike. */
export function changes(before: FirmwareState, after: FirmwareState): string[] {
  return terms.flatMap((term) => {
    const was = before[term] as Observed<unknown>;
    const is = after[term] as Observed<unknown>;
    if (!was.observable || !is.observable || was.value === is.value) return [];
    const [old, now] = [shortened(was.value), shortened(is.value)];
    return [old === now ? `${term}: ${String(was.value)} → ${String(is.value)}` : `${term}: ${old} → ${now}`];
  });
}

/** Digests by their first sixteen digits: the whole of them stands in the record's states. */
function shortened(value: unknown): string {
  const text = String(value);
  return /^[0-9a-f]{40,}$/.test(text) ? `${text.slice(0, 16)}…` : text;
}

/** A state in which nothing that matters can be seen cannot show that something changed, or that nothing did. */
export function mustSeeSomething(t: CaseContext, state: FirmwareState): void {
  const hidden = terms.filter((term) => !state[term].observable);
  if (!state.version.observable && !state.digest.observable) {
    throw new Inconclusive(
      'state-not-observable',
      'neither version nor digest of the firmware can be read back',
      { hint: 'Name a way to read one of them under profile.firmware of the board file.' },
    );
  }
  for (const term of hidden) {
    const observed = state[term];
    if (!observed.observable) t.note(`${term} not observable: ${observed.why}`);
  }
}

/** True for an image that runs on trial, where the device tells. */
export function onTrial(state: FirmwareState): boolean {
  return state.confirmation.observable && state.confirmation.value === 'trial';
}
