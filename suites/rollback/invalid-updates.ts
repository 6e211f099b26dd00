/** RB-22: many invalid updates in a row wear no device out, and are slowed down where that is declared. */

import {
  always,
  canRestart,
  changes,
  controlUpdate,
  firmwareOf,
  forgeries,
  mustBeAlive,
  monotonicMs,
  pause,
  primaryIngress,
  provenDead,
  readState,
  recover,
  restart,
  say,
  watchProcess,
  type Answer,
  type CaseContext,
  type FirmwareState,
  type ForbiddenImage,
} from '../../harness/index.ts';
import { mustTakeLegitimateUpdate, uninstalledImage } from '../still-serviceable.ts';

/** How many, by the depth of the run. */
const counts: Readonly<Record<CaseContext['run']['depth'], number>> = { smoke: 10, standard: 100, full: 300 };
/** Every so many offers another image than the shortest: a whole transfer, with a signature to verify. */
const longOneEvery = 10;
/** Offers without a yes or a no after which there is no use in going on. */
const enoughUnanswered = 3;

/** How the offers were met. */
interface Tally {
  offered: number;
  refused: number;
  /** Neither yes nor no. */
  unanswered: number;
  /** The connection was ended, without a word. */
  closed: number;
  lastRefusedAtMs: number;
  lockTried: boolean;
  /** Something was found after which more of them prove nothing. */
  stopped: boolean;
}

/**
 * Invalid images without a restart in between, each to be refused; then a legitimate one, which must be taken once a
 * declared lock is over. Where a lock is declared it is looked for by offering a legitimate image, and nothing else
 * tells it from a refusal of the image.
 */
export async function mustStayServiceable(t: CaseContext): Promise<void> {
  const ingress = primaryIngress(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  const tally = await t.step('invalid images in a row', () => offerInvalid(t, ingress, baseline));
  const after = `${tally.offered} invalid images in a row`;
  t.note(`${after}: ${tally.refused} refused, ${tally.closed} closed, ${tally.unanswered} not answered`);
  const changed = changes(baseline, await readState(t, `after ${after}`));
  if (changed.length > 0) {
    const finding = {
      code: 'forbidden-image-took-effect',
      expected: 'invalid images to change nothing',
      observed: changed.join('; '),
    };
    t.found(finding); // kept, whatever recovery brings
    await recover(t, baseline, finding.observed);
    return;
  }
  await mustBeAlive(t);
  await lockMustPass(t);
  const state = await mustTakeLegitimateUpdate(t, ingress, baseline, after);
  await mustKeepState(t, state);
  if (tally.unanswered > 0)
    t.inconclusive('no-answer', `${tally.unanswered} of ${after} were met by neither yes nor no`);
}

async function offerInvalid(t: CaseContext, ingress: string, baseline: FirmwareState): Promise<Tally> {
  const images = invalidImages(t);
  // So many that a declared limit shows, at any depth, unless that is a matter of hours.
  const total = Math.max(
    counts[t.run.depth],
    Math.min(t.update.invalidUpdates?.lockAfter ?? 0, counts.standard),
  );
  const tally: Tally = {
    ...{ offered: 0, refused: 0, unanswered: 0, closed: 0, lastRefusedAtMs: 0 },
    ...{ lockTried: false, stopped: false },
  };
  const watch = watchProcess(t);
  const offers = async (): Promise<void> => {
    while (tally.offered < total && tally.unanswered < enoughUnanswered && !tally.stopped) {
      await offerOne(t, ingress, baseline, imageAt(images, tally.offered), tally);
      await lockMustShow(t, ingress, baseline, tally);
    }
  };
  await always(
    offers,
    () => watch.stop(),
    (error) => t.note(`watching the process value failed too: ${String(error)}`),
  );
  const { lockAfter } = t.update.invalidUpdates ?? {};
  if (lockAfter === undefined) t.note('no rate limit declared');
  else if (!tally.lockTried)
    t.note(`rate limit not seen: it comes after ${lockAfter} refused images, and ${tally.refused} were`);
  return tally;
}

/** Altered images that must be refused, the shortest first. */
function invalidImages(t: CaseContext): ForbiddenImage[] {
  const made = forgeries(t, ['truncated', 'payload', 'signature']);
  return made
    .filter(({ mayBeTaken, benignAs }) => mayBeTaken !== true && benignAs === undefined)
    .sort((one, other) => one.image.bytes.length - other.image.bytes.length);
}

/** The shortest again and again, and in between the others in turn. */
function imageAt(images: readonly ForbiddenImage[], index: number): ForbiddenImage {
  const isLong = index % longOneEvery === longOneEvery - 1;
  const turn = isLong ? Math.floor(index / longOneEvery) + 1 : 0;
  return images[turn % images.length]!;
}

async function offerOne(
  t: CaseContext,
  ingress: string,
  baseline: FirmwareState,
  { image, alteration, rationale }: ForbiddenImage,
  tally: Tally,
): Promise<void> {
  t.stimulus({ name: `${alteration}, number ${tally.offered + 1}`, rationale, ingress, image });
  const answer = t.answered(alteration, await firmwareOf(t).offer(image, ingress));
  tally.offered += 1;
  if (answer.kind === 'refused' || answer.kind === 'accepted') t.stimulusDelivered = true;
  if (answer.kind === 'refused') {
    tally.refused += 1;
    tally.lastRefusedAtMs = monotonicMs();
  } else if (answer.kind === 'accepted') await mayBeRefusedLater(t, ingress, alteration, tally);
  else await mustLive(t, answer, alteration, baseline, tally);
}

/** A device may take an image and refuse it when it is to run, where its declaration says so; that is not tried here. */
async function mayBeRefusedLater(
  t: CaseContext,
  ingress: string,
  alteration: string,
  tally: Tally,
): Promise<void> {
  const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
  if (declared.includes('install') || declared.includes('boot')) {
    t.note(`invalid images are accepted at transfer, and refused at ${declared.join(' or ')}, as declared`);
  } else {
    tally.stopped = true;
    t.found({
      code: 'misreport',
      expected: `${alteration} refused at ${declared.join(' or ') || 'transfer'}`,
      observed: `the device said that it accepted the image, number ${tally.offered} of its kind`,
    });
  }
  await firmwareOf(t).discard?.();
}

/** No yes and no no: is it still there at all? */
async function mustLive(
  t: CaseContext,
  answer: Answer,
  alteration: string,
  baseline: FirmwareState,
  tally: Tally,
): Promise<void> {
  tally[answer.kind === 'closed' ? 'closed' : 'unanswered'] += 1;
  t.stimulusDelivered = true;
  const death = answer.kind === 'crashed' ? undefined : await provenDead(t);
  if (death === undefined && answer.kind !== 'crashed') return;
  tally.stopped = true;
  const finding = {
    code: death === undefined ? 'restarted-by-stimulus' : 'dead-after-stimulus',
    expected: 'a refusal without interruption',
    observed: `${death ?? 'the device restarted'} (${alteration}, invalid image number ${tally.offered})`,
  };
  t.found(finding); // kept, whatever recovery brings
  await recover(t, baseline, finding.observed);
}

/** Once so many were refused in a row, not even a legitimate image may be taken while the lock is on. */
async function lockMustShow(
  t: CaseContext,
  ingress: string,
  baseline: FirmwareState,
  tally: Tally,
): Promise<void> {
  const limit = t.update.invalidUpdates;
  if (limit === undefined || tally.lockTried || tally.refused < limit.lockAfter) return;
  tally.lockTried = true;
  if (tally.unanswered + tally.closed > 0)
    return t.note('rate limit not tried: not all images before were refused');
  const image = uninstalledImage(t, baseline);
  const sinceMs = monotonicMs() - tally.lastRefusedAtMs;
  const answer = t.answered('legitimate image during the lock', await firmwareOf(t).offer(image, ingress));
  if (answer.kind === 'refused')
    return t.note(`locked after ${tally.refused} refused images: ${say(answer)}`);
  if (answer.kind !== 'accepted' || sinceMs >= limit.lockedForMs)
    return t.note(
      `rate limit not observable: a legitimate image ${sinceMs.toFixed(0)} ms later was ${say(answer)}`,
    );
  t.found({
    code: 'not-rate-limited',
    expected: `no image to be taken for ${limit.lockedForMs} ms after ${limit.lockAfter} refused ones in a row`,
    observed: `a legitimate image was taken ${sinceMs.toFixed(0)} ms after refusal number ${tally.refused}`,
  });
  await firmwareOf(t).discard?.();
}

/** Waits a declared lock out, and a twentieth more for clocks that do not go alike. */
async function lockMustPass(t: CaseContext): Promise<void> {
  const { lockedForMs } = t.update.invalidUpdates ?? {};
  if (lockedForMs === undefined) return;
  await t.step('the lock passes', () => pause(lockedForMs + Math.max(100, lockedForMs / 20)));
}

async function mustKeepState(t: CaseContext, state: FirmwareState): Promise<void> {
  if (!canRestart(t)) {
    t.note(
      'state after a restart not observable: the board has neither a switched supply nor profile.restart',
    );
    return;
  }
  await restart(t);
  const changed = changes(state, await readState(t, 'after a restart'));
  if (changed.length === 0) return;
  const finding = {
    code: 'state-lost-over-restart',
    expected: 'the legitimate update to stay over a restart',
    observed: changed.join('; '),
  };
  t.found(finding); // kept, whatever recovery brings
  await recover(t, state, finding.observed);
}
