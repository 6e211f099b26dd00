/**
 * One forbidden image, offered and judged. POST-R, the oracle of every rejection: refusal in time; version, digest
 * and counter unchanged, now and after a power cycle; the process value alive throughout; a correlated audit event.
 */

import type { Answer } from '../capabilities.ts';
import { always } from '../always.ts';
import { LagMeter, pause } from '../clock.ts';
import { Inconclusive } from '../errors.ts';
import { auditMarker, mustBeAudited } from './audit.ts';
import type { CaseContext } from './case-context.ts';
import { decideByBooting, mustComeBack, mustLive, survive } from './decide-by-booting.ts';
import { canRestart, firmwareOf, lastState, readState, restart } from './firmware.ts';
import type { ForbiddenImage, Ground } from './ground.ts';
import { mustBeAlive, watchProcess } from './process-watch.ts';
import { mustRefuseInStage } from './refusal-stage.ts';
import { recover } from './recovery.ts';
import { changes, fitOf, say } from './state.ts';
import { confirmByPowerCycle, mustBeUnchanged, tookEffect } from './took-effect.ts';

/** Offers one image and demands that nothing comes of it. Returns true when its power cycle is still to be done. */
export async function attack(
  t: CaseContext,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<boolean> {
  if (ground.unstable !== undefined) throw ground.unstable;
  const { under } = forbidden;
  if (under === undefined) return attackNow(t, forbidden, ground, ingress);
  return always(
    async () => {
      await t.step(under.name, () => under.set());
      return attackNow(t, forbidden, ground, ingress);
    },
    () => t.step(`no longer: ${under.name}`, () => under.undo()),
    (error) => t.note(`it could not be undone: ${String(error)}`),
  );
}

async function attackNow(
  t: CaseContext,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<boolean> {
  const { image, alteration, rationale } = forbidden;
  t.stimulus({ name: alteration, rationale, ingress, image });
  await letLockPass(t, ground);
  const marker = await auditMarker(t);
  const { answer, lagMs } = await offerHeard(t, forbidden, ingress);
  await mustHaveArrived(t, answer, forbidden, ground);
  if (forbidden.mayBeTaken === true) {
    await survive(t, answer, forbidden, ground, ingress);
    return false;
  }
  if (answer.kind === 'accepted') {
    await decideByBooting(t, answer, forbidden, ground, ingress);
    return false;
  }
  if (answer.kind !== 'refused') await mustLive(t, answer, forbidden, ground);
  await mustBeUnchanged(t, `after ${alteration}`, forbidden, ground);
  await mustBeAlive(t);
  mustBeInTime(t, answer, lagMs, forbidden, ingress);
  mustHaveBeenHeardOut(answer, forbidden);
  const audited = await mustBeAudited(t, 'updateRefused', marker);
  mustHaveSaidNo(t, answer, audited, forbidden);
  mustRefuseInStage(t, answer, answer.stage, forbidden, ingress);
  ground.refusals = (ground.refusals ?? 0) + 1;
  await startAllTheSame(t, answer, forbidden, ground, ingress);
  await lookLate(t, forbidden, ground);
  // What a device took in whole may wait for its next boot, and the next offer may wipe it out: it is booted now.
  // Only what broke off may share a power cycle.
  const brokeOff = answer.delivery?.complete === false;
  if (canRestart(t) && !ground.alone && brokeOff) return true;
  await confirmByPowerCycle(t, forbidden, ground);
  return false;
}

/** Ways in through which a refused image of a case was started all the same. */
const startedAllTheSame = new WeakMap<CaseContext, Set<string>>();

/**
 * An image that was refused in words may lie there, ready to be started: once in a case, with the first one that came in
 * whole, it is tried as an attacker would. What a device does when there is nothing to start is its own affair, as long as
 * the forbidden image does not run.
 */
async function startAllTheSame(
  t: CaseContext,
  { kind, delivery }: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<void> {
  const tried = startedAllTheSame.get(t) ?? new Set();
  const whole = kind === 'refused' && delivery?.complete !== false;
  const meant = forbidden.benignAs === undefined && t.declaration.update?.activation !== 'volatile';
  if (!whole || !meant || tried.has(ingress)) return;
  startedAllTheSame.set(t, tried.add(ingress));
  const activated = t.answered('activate what was refused', await firmwareOf(t).activate(ingress));
  if (activated.kind === 'refused') return;
  await mustComeBack(t, activated, forbidden, ground);
  const { baseline } = ground;
  const when = 'after the activation of what was refused';
  const first = await lastState(t, when, (seen) => changes(baseline, seen).length > 0);
  if (changes(baseline, first).length === 0) return;
  const state = await readState(t, `${when}, read again`); // one lost byte in many answers is no other image
  const changed = changes(baseline, state);
  if (changed.length === 0) return;
  if (fitOf(state, forbidden.image).kind !== 'differs') await tookEffect(t, when, changed, forbidden, ground);
  t.note(`${when}, another image runs (${changed.join('; ')})`);
  ground.baseline = await recover(t, baseline, changed.join('; '));
}

/** After so many refusals in a row a device may take nothing for a while, where that is declared. */
async function letLockPass(t: CaseContext, ground: Ground): Promise<void> {
  const limit = t.declaration.update?.invalidUpdates;
  const refusals = ground.refusals ?? 0;
  if (limit === undefined || refusals === 0 || refusals % limit.lockAfter !== 0) return;
  await t.step('the declared lock passes', () =>
    pause(limit.lockedForMs + Math.max(100, limit.lockedForMs / 20)),
  );
}

/** An image that was refused may come to run a while after the no; once in a run the time of a boot is given to it. */
async function lookLate(t: CaseContext, forbidden: ForbiddenImage, ground: Ground): Promise<void> {
  if (ground.lateLook !== 'due') return;
  ground.lateLook = 'done';
  const { baseline } = ground;
  await lastState(t, 'a while after the refusal', (state) => changes(baseline, state).length > 0);
  await mustBeUnchanged(t, 'a while after the refusal', forbidden, ground);
}

/** A no before a single byte may be that of an updater which is still busy: asked again after a restart, it must know. */
async function offerHeard(
  t: CaseContext,
  forbidden: ForbiddenImage,
  ingress: string,
): Promise<{ answer: Answer; lagMs: number }> {
  const first = await offerWatched(t, forbidden, ingress);
  const { kind, delivery } = first.answer;
  if (kind !== 'refused' || delivery === undefined || delivery.acknowledgedBytes > 0 || !canRestart(t))
    return first;
  t.note(
    `${forbidden.alteration} was refused before a byte of it had arrived (${say(first.answer)}), and offered again after a restart`,
  );
  await restart(t);
  return offerWatched(t, forbidden, ingress);
}

async function offerWatched(
  t: CaseContext,
  forbidden: ForbiddenImage,
  ingress: string,
): Promise<{ answer: Answer; lagMs: number }> {
  const watch = watchProcess(t);
  const lag = new LagMeter();
  lag.start();
  let lagMs = 0;
  const answer = await always(
    () => firmwareOf(t).offer(forbidden.image, ingress),
    async () => {
      lagMs = lag.stopMs();
      await watch.stop();
    },
    (error) => t.note(`watching the process value failed too: ${String(error)}`),
  );
  return { answer: t.answered(forbidden.alteration, answer), lagMs };
}

/**
 * A device that was asked and could not know what is wrong has not judged the image. What it has seen before the first
 * acknowledged byte is no more than the announced length, which is the control's own for most alterations.
 */
async function mustHaveArrived(
  t: CaseContext,
  answer: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  const { delivery } = answer;
  const arrived = delivery?.acknowledgedBytes ?? 0;
  t.stimulusDelivered = arrived > 0 || answer.kind === 'accepted';
  if (t.stimulusDelivered) return;
  if (answer.kind === 'refused' && delivery === undefined) {
    t.note('delivery not observable: this way in does not tell how much of an image arrived');
    return;
  }
  if (couldTellBeforehand(t, forbidden)) {
    if (answer.kind === 'refused') return;
    // What was announced can bring a device down; a lost line looks the same, so a second wire must be silent too.
    t.stimulusDelivered = true;
    await mustLive(t, answer, forbidden, ground, 2);
    t.stimulusDelivered = false;
  }
  throw new Inconclusive(
    'not-delivered',
    `no byte of ${forbidden.alteration} was acknowledged by the device (${say(answer)}), so it has not judged the image`,
  );
}

/** A transfer that broke off without the device's own no says nothing about the image: a bad line does that too. */
function mustHaveBeenHeardOut(answer: Answer, { alteration }: ForbiddenImage): void {
  const { delivery, kind } = answer;
  if (delivery === undefined || delivery.complete || (kind !== 'garbage' && kind !== 'silent')) return;
  throw new Inconclusive(
    'broke-off',
    `only ${delivery.acknowledgedBytes} of ${delivery.totalBytes} bytes of ${alteration} arrived (${say(answer)}), so the device has not judged the image`,
    { hint: 'Is the line good? The control came through it whole.' },
  );
}

/** First bytes of an image that the first piece of a transfer carries; refusing that piece acknowledges nothing. */
const firstPieceBytes = 1024;

/** True when length or first bytes differ from the control's: then a refusal at the very start can mean the image. */
function couldTellBeforehand(t: CaseContext, { image }: ForbiddenImage): boolean {
  const golden = t.run.images.get('golden');
  if (golden?.bytes.length !== image.bytes.length) return true;
  const start = Math.min(firstPieceBytes, image.bytes.length);
  return Buffer.compare(golden.bytes.subarray(0, start), image.bytes.subarray(0, start)) !== 0;
}

/** The declared time runs from the end of the transfer; a transfer that was broken off has no such end. */
function mustBeInTime(
  t: CaseContext,
  answer: Answer,
  lagMs: number,
  forbidden: ForbiddenImage,
  ingress: string,
): void {
  const limitMs = t.declaration.ingresses[ingress]?.answersWithinMs;
  if (answer.kind !== 'refused' || limitMs === undefined || answer.delivery?.complete !== true) return;
  const timing = { valueMs: answer.elapsedMs, uncertaintyMs: lagMs };
  t.mustBeWithin(`refusal of ${forbidden.alteration}`, timing, limitMs, {
    code: 'refused-late',
    expected: `a refusal within ${limitMs} ms`,
  });
}

/** Silence and garbage are no refusals; only the device's own log can say that it understood. */
function mustHaveSaidNo(
  t: CaseContext,
  answer: Answer,
  audited: 'logged' | 'unknown',
  { alteration }: ForbiddenImage,
): void {
  if (answer.kind !== 'silent' && answer.kind !== 'garbage') return;
  const said = answer.kind === 'silent' ? 'never answered' : 'answered without sense to';
  if (audited === 'logged') {
    t.note(`conceptual: the device ${said} ${alteration}, but stayed alive and unchanged, and logged it`);
    return;
  }
  throw new Inconclusive(
    'no-answer',
    `the device ${said} ${alteration}; it stayed alive and unchanged, but no log shows that it refused the image`,
  );
}
