/**
 * One forbidden image, offered and judged. POST-R, the oracle of every rejection: refusal in time; version, digest
 * and counter unchanged, now and after a power cycle; the process value alive throughout; a correlated audit event.
 */

import { stages, type Answer, type FirmwareImage, type FirmwareState, type Stage } from '../capabilities.ts';
import { LagMeter } from '../clock.ts';
import { Inconclusive, TimeoutError } from '../errors.ts';
import { always } from '../always.ts';
import { auditMarker, mustBeAudited } from './audit.ts';
import type { CaseContext } from './case-context.ts';
import { canRestart, firmwareOf, lastState, readState, restart, waitUntilReady } from './firmware.ts';
import type { Finding } from '../record/events.ts';
import { mustBeAlive, watchProcess } from './process-watch.ts';
import { provenDead } from './proven-dead.ts';
import { recover } from './recovery.ts';
import { changes, fitOf, say } from './state.ts';

/** An image that a conforming device must not run, and why. */
export interface ForbiddenImage {
  image: FirmwareImage;
  /** The one stated difference from an image that is accepted. */
  alteration: string;
  rationale: string;
  /** Accepting it is benign as long as what then runs is exactly this image. */
  benignAs?: FirmwareImage;
  /** A device that measures the file as it was stored, this image's own digest, runs the same signed bytes too. */
  measuredWhole?: boolean;
  /** Something about the device that has to be so while it is offered: its clock is not set. */
  under?: Circumstance;
  /** A conforming device may do with it what it likes, as long as it goes on living. */
  mayBeTaken?: boolean;
}

/** A state of the device's surroundings, brought about for one attack and undone behind it. */
export interface Circumstance {
  name: string;
  set(): Promise<void>;
  undo(): Promise<void>;
}

/** What attacks share: the state that they must leave alone. */
export interface Ground {
  /** Moves when a recovery had to install something. */
  baseline: FirmwareState;
  /** Per way in, what shows that its control was installed; undefined when only the device's word says so. */
  readonly controlTraces: Map<string, string | undefined>;
  /** True when each attack gets a power cycle of its own. */
  alone: boolean;
  /** Set once the state was seen to change over an innocent power cycle: no attack can be blamed from then on. */
  unstable?: Inconclusive;
}

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
  const marker = await auditMarker(t);
  const { answer, lagMs } = await offerWatched(t, forbidden, ingress);
  mustHaveArrived(t, answer, forbidden);
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
  // What a device took in whole may wait for its next boot, and the next offer may wipe it out: it is booted now.
  // Only what broke off may share a power cycle.
  const brokeOff = answer.delivery?.complete === false;
  if (canRestart(t) && !ground.alone && brokeOff) return true;
  await confirmByPowerCycle(t, forbidden, ground);
  return false;
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
function mustHaveArrived(t: CaseContext, answer: Answer, forbidden: ForbiddenImage): void {
  const { delivery } = answer;
  const arrived = delivery?.acknowledgedBytes ?? 0;
  t.stimulusDelivered = arrived > 0 || answer.kind === 'accepted';
  if (t.stimulusDelivered) return;
  if (answer.kind === 'refused' && delivery === undefined) {
    t.note('delivery not observable: this way in does not tell how much of an image arrived');
    return;
  }
  if (answer.kind === 'refused' && couldTellBeforehand(t, forbidden)) return;
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

/** No yes and no no: is it still there at all? */
async function mustLive(
  t: CaseContext,
  answer: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  const death = await provenDead(t);
  if (death !== undefined) {
    const finding = {
      code: 'dead-after-stimulus',
      expected: 'a refusal, and a device that goes on working',
      observed: `${death} (${forbidden.alteration})`,
    };
    t.found(finding);
    ground.baseline = await recover(t, ground.baseline, finding.observed);
    t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
    t.violates(finding);
  }
  if (answer.kind === 'crashed') {
    t.found({
      code: 'restarted-by-stimulus',
      expected: 'a refusal without interruption',
      observed: `the device restarted on ${forbidden.alteration}`,
    });
  }
}

/**
 * What was taken may bring the device down when it is to be started. Most restart to start it, and may break off their
 * answer; where a start is no restart, one that comes all the same is a crash.
 *
 * @returns `crashed` when that was found
 */
async function mustComeBack(
  t: CaseContext,
  activated: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<'crashed' | undefined> {
  if (activated.kind === 'crashed' && t.declaration.update?.activation === 'volatile') {
    await mustLive(t, activated, forbidden, ground);
    return 'crashed';
  }
  await waitUntilReady(t).catch(async (error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error;
    await mustLive(t, { ...activated, kind: 'silent' }, forbidden, ground);
  });
  return undefined;
}

/** Whatever the device makes of the image: it must go on living, now and after a restart. */
async function survive(
  t: CaseContext,
  answer: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<void> {
  if (answer.kind === 'accepted') {
    const activated = t.answered('activate', await firmwareOf(t).activate(ingress));
    await mustComeBack(t, activated, forbidden, ground);
  } else if (answer.kind !== 'refused') await mustLive(t, answer, forbidden, ground);
  await mustBeAlive(t);
  if (canRestart(t)) await restart(t);
  const changed = changes(ground.baseline, await readState(t, 'after a restart'));
  t.note(`${forbidden.alteration}: ${say(answer)}; the device lives, and any answer is right`);
  if (changed.length > 0)
    ground.baseline = await recover(t, ground.baseline, `${forbidden.alteration} was taken`);
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

/** The device said yes: whether it meant it is decided by what runs after activation and after a power cycle. */
async function decideByBooting(
  t: CaseContext,
  offered: Answer,
  forbidden: ForbiddenImage,
  ground: Ground,
  ingress: string,
): Promise<void> {
  const activated = t.answered('activate', await firmwareOf(t).activate(ingress));
  const crashed = await mustComeBack(t, activated, forbidden, ground);
  // A device may restart a while after it agreed to: the whole of its time is given before "nothing happened".
  if (activated.kind !== 'refused') {
    await lastState(t, 'after activation', (state) => changes(ground.baseline, state).length > 0);
  }
  if (await ranAsSigned(t, forbidden, ground)) return;
  await mustBeUnchanged(t, 'after activation', forbidden, ground);
  await confirmByPowerCycle(t, forbidden, ground);
  if (crashed !== undefined) return; // found as such; it has not said no at any stage
  const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
  if (!declared.includes('install') && !declared.includes('boot')) {
    t.violates({
      code: 'misreport',
      expected: `${forbidden.alteration} refused at ${declared.join(' or ') || 'transfer'}`,
      observed: 'the device said that it accepted the image, and what runs looks as before',
    });
  }
  if (ground.controlTraces.get(ingress) === undefined && activated.kind !== 'refused') {
    throw new Inconclusive(
      'control-without-trace',
      'the device met the forbidden image as it met the golden one: it accepted both, and nothing shows that it installed either',
      { hint: 'Declare controls: { way: pair }, or audit.updateInstalled.' },
    );
  }
  const stage = activated.kind === 'refused' ? 'install' : 'boot';
  mustRefuseInStage(t, offered, stage, forbidden, ingress);
  t.note(`accepted at transfer, refused at ${stage}, as declared`);
}

/**
 * Where the device said no, on the record, and held against the stages that its declaration allows for this way in.
 * A refusal is safe at any stage; later than declared, the declaration is not true.
 */
function mustRefuseInStage(
  t: CaseContext,
  answer: Answer,
  stage: Stage | undefined,
  { alteration }: ForbiddenImage,
  ingress: string,
): void {
  if (answer.kind !== 'refused' && answer.kind !== 'accepted') return;
  const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
  const { delivery } = answer;
  t.write('refusal', {
    of: alteration,
    ingress,
    declared,
    ...(stage === undefined ? {} : { stage }),
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    ...(delivery === undefined ? {} : { delivery }),
  });
  const latest = Math.max(...declared.map((each) => stages.indexOf(each)));
  if (stage === undefined || declared.length === 0 || stages.indexOf(stage) <= latest) return;
  t.found({
    code: 'refused-at-later-stage',
    expected: `${alteration} refused at ${declared.join(' or ')}, as declared for ${ingress}`,
    observed: `it was refused at ${stage}`,
  });
}

/** Some alterations are benign: accepted, and yet exactly the signed bytes run. */
async function ranAsSigned(t: CaseContext, forbidden: ForbiddenImage, ground: Ground): Promise<boolean> {
  const { benignAs } = forbidden;
  if (benignAs === undefined) return false;
  const asSigned = (state: FirmwareState): boolean =>
    state.digest.observable &&
    (fitOf(state, benignAs).kind === 'fits' ||
      (forbidden.measuredWhole === true && state.digest.value === forbidden.image.sha256));
  const activated = await readState(t, 'after activation');
  if (!activated.digest.observable) await mustNotLookAsSigned(t, activated, benignAs, forbidden, ground);
  if (!asSigned(activated)) return false;
  if (canRestart(t)) {
    await restart(t);
    const booted = await readState(t, 'after a power cycle');
    const changed = changes(ground.baseline, booted);
    if (changed.length > 0 && !asSigned(booted))
      await tookEffect(t, 'after a power cycle', changed, forbidden, ground);
  }
  t.note(`${forbidden.alteration} was accepted, and what runs is exactly what was signed`);
  ground.baseline = await recover(t, ground.baseline, `${forbidden.alteration} was installed`);
  return true;
}

/** Without a digest, the version of what was signed says nothing of what is executed: neither pass nor failure. */
async function mustNotLookAsSigned(
  t: CaseContext,
  state: FirmwareState,
  signed: FirmwareImage,
  { alteration }: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  if (changes(ground.baseline, state).length === 0 || fitOf(state, signed).kind !== 'fits') return;
  ground.baseline = await recover(t, ground.baseline, `${alteration} was installed`);
  throw new Inconclusive(
    'executed-bytes-not-observable',
    `${alteration} was accepted, its version runs, and nothing shows whether exactly the signed bytes do`,
    { hint: 'Name a way to read the digest of the firmware under profile.firmware of the board file.' },
  );
}

async function confirmByPowerCycle(t: CaseContext, forbidden: ForbiddenImage, ground: Ground): Promise<void> {
  if (!canRestart(t)) {
    t.note(
      'state after a restart not observable: the board has neither a switched supply nor profile.restart',
    );
    return;
  }
  await restart(t);
  const changed = changes(ground.baseline, await readState(t, 'after a power cycle'));
  if (changed.length === 0) return;
  const finding = effectOf(forbidden, 'after a power cycle', changed);
  t.found(finding); // kept, whatever recovery brings
  await backToStable(t, ground, finding.observed).catch((error: unknown) => {
    const innocent = error instanceof Inconclusive && error.code === 'unstable-baseline';
    if (innocent) t.findings.splice(t.findings.indexOf(finding), 1); // the power cycle did it, not the image
    throw error;
  });
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  t.violates(finding);
}

/** Recovers, and shows that an innocent power cycle changes nothing; else no attack may be blamed for a change. */
export async function backToStable(t: CaseContext, ground: Ground, cause: string): Promise<void> {
  ground.baseline = await recover(t, ground.baseline, cause);
  const innocent = await t.step('twin: power cycle without attacks', async () => {
    await restart(t);
    return changes(ground.baseline, await readState(t, 'after the twin’s power cycle'));
  });
  const detail = innocent.join('; ') || 'same state';
  t.control('state kept over a power cycle', 'twin', innocent.length === 0, detail);
  if (innocent.length === 0) return;
  ground.unstable = new Inconclusive(
    'unstable-baseline',
    `the state changes over an innocent power cycle: ${detail}`,
  );
  throw ground.unstable;
}

async function mustBeUnchanged(
  t: CaseContext,
  when: string,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  const changed = changes(ground.baseline, await readState(t, when));
  if (changed.length > 0) await tookEffect(t, when, changed, forbidden, ground);
}

function effectOf(
  { alteration, rationale }: ForbiddenImage,
  when: string,
  changed: readonly string[],
): Finding {
  return {
    code: 'forbidden-image-took-effect',
    expected: `${alteration} to change nothing: ${rationale}`,
    observed: `${when}, ${changed.join('; ')}`,
  };
}

async function tookEffect(
  t: CaseContext,
  when: string,
  changed: readonly string[],
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<never> {
  const finding = effectOf(forbidden, when, changed);
  t.found(finding); // kept, whatever recovery brings
  ground.baseline = await recover(t, ground.baseline, finding.observed);
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  return t.violates(finding);
}
