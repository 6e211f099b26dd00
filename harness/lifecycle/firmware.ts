/**
 * Legitimate firmware work: read the state, install an image all the way, cut the power, come back.
 * Controls are made of this, and so is recovery.
 */

import type { AnswerKind, Firmware, FirmwareImage, FirmwareState } from '../capabilities.ts';
import { until } from '../clock.ts';
import { BenchError, NotExecuted, TimeoutError } from '../errors.ts';
import { auditMarker, wasAudited } from './audit.ts';
import type { CaseContext } from './case-context.ts';
import { changes, fitOf, onTrial, say } from './state.ts';

/** What a complete update came to. */
export interface Installation {
  accepted: boolean;
  /** Where it ended, in words. */
  detail: string;
  /** By which what follows is measured; where activation is volatile, after the power cycle that ended the image. */
  state: FirmwareState;
  /** The image that was installed. */
  image?: FirmwareImage;
  /** What the device answered to the offer. */
  offered?: AnswerKind;
  /**
   * What shows that the device did something: a changed state, a trial in between, its own log. Without a trace,
   * "accepted" is no more than the device's word.
   */
  trace?: string;
}

export function firmwareOf(t: CaseContext): Firmware {
  return t.need(t.device.firmware, 'way in for firmware');
}

export function primaryIngress(t: CaseContext): string {
  const [first] = firmwareOf(t).ingresses;
  return t.need(first, 'firmware ingress');
}

export async function readState(t: CaseContext, when: string): Promise<FirmwareState> {
  return t.sawState(when, await firmwareOf(t).readState());
}

/** Off, on, and wait until the device answers again. */
export async function powerCycle(t: CaseContext): Promise<void> {
  const power = t.need(t.device.power, 'switched supply');
  await power.off();
  await power.on();
  await waitUntilReady(t);
}

/** True where the device can be made to start anew, by its supply or by asking it. */
export function canRestart({ device }: CaseContext): boolean {
  return device.power !== undefined || device.restart !== undefined;
}

/** Makes the device start anew: by its supply, or, where nobody can take that, by asking it. */
export async function restart(t: CaseContext): Promise<void> {
  if (t.device.power !== undefined) return powerCycle(t);
  const ask = t.need(t.device.restart?.bind(t.device), 'switched supply, and no way to restart the device');
  t.note('restarted by command: no supply is switched, so what only the loss of power shows was not seen');
  const answer = t.answered('restart', await ask());
  if (answer.kind === 'refused') t.inconclusive('restart-refused', `the restart was ${say(answer)}`);
  if (answer.kind === 'garbage')
    t.inconclusive('restart-not-understood', `asked to restart, it was ${say(answer)}`);
  await waitUntilReady(t);
}

export async function waitUntilReady(t: CaseContext): Promise<void> {
  const { tookMs } = await t.device.waitUntilReady(t.bootsWithinMs);
  t.measure({ name: 'time to ready', value: tookMs, unit: 'ms', limit: t.declaredBootMs });
}

/**
 * Offers, activates, waits, confirms and reads back one legitimate image. Never throws for what the device says.
 *
 * @param before the state from which it starts; read when not given
 * @returns accepted only when what is read back does not contradict the image
 */
export async function install(
  t: CaseContext,
  image: FirmwareImage,
  ingress: string,
  before?: FirmwareState,
): Promise<Installation> {
  const firmware = firmwareOf(t);
  mustBeAbleToConfirm(t, firmware);
  const was = await endTrial(t, before ?? (await readState(t, `before installing ${image.name}`)));
  const marker = t.declaration.audit?.updateInstalled === undefined ? undefined : await auditMarker(t);
  const offered = t.answered(
    `legitimate ${image.name} through ${ingress}`,
    await firmware.offer(image, ingress),
  );
  const { kind } = offered;
  if (kind !== 'accepted') return rejected(t, kind, `the offer was ${say(offered)}`);
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused') return rejected(t, kind, `activation was ${say(activated)}`);
  const running = await stateOnceRunning(t, image, was);
  if (firmware.confirm !== undefined) {
    const confirmed = t.answered('confirm', await firmware.confirm());
    if (confirmed.kind !== 'accepted') return rejected(t, kind, `confirmation was ${say(confirmed)}`);
  }
  const installed = await readState(t, `after installing ${image.name}`);
  const wrong = contradiction(installed, image);
  const state = await atRest(t, installed);
  const said = { offered: kind, state, image };
  if (wrong !== undefined) return { accepted: false, detail: `the device said yes, but ${wrong}`, ...said };
  const [trace] = [...changes(was, installed), ...changes(was, running)];
  if (trace !== undefined) return { accepted: true, detail: `${image.name} runs (${trace})`, ...said, trace };
  if (marker !== undefined && (await wasAudited(t, 'updateInstalled', marker))) {
    return { accepted: true, detail: `${image.name} runs (logged)`, ...said, trace: 'the device logged it' };
  }
  return { accepted: true, detail: `${image.name} runs, or what ran before does: they look alike`, ...said };
}

/**
 * While a trial runs, devices take no further image: the operator of a bench confirms it first, as anybody would.
 * Confirmed is only what is known to be genuine; a forged image must not be made permanent by us.
 *
 * @returns the state afterwards, from which the update starts
 */
async function endTrial(t: CaseContext, state: FirmwareState): Promise<FirmwareState> {
  const confirm = firmwareOf(t).confirm?.bind(t.device.firmware);
  const genuine = [...t.run.images.values(), ...t.run.series].some(
    (image) => fitOf(state, image).kind === 'fits',
  );
  if (confirm === undefined || !onTrial(state) || !genuine) return state;
  t.answered('confirm the running trial', await confirm());
  return readState(t, 'after confirming the running trial');
}

function contradiction(state: FirmwareState, image: FirmwareImage): string | undefined {
  const fit = fitOf(state, image);
  if (fit.kind === 'differs') return fit.how;
  return onTrial(state) ? 'it still runs on trial after it was confirmed' : undefined;
}

/**
 * Where an image runs only until the next power cycle, that ends the update: attacks start from, and are held against,
 * the state that the device comes back to by itself.
 */
async function atRest(t: CaseContext, installed: FirmwareState): Promise<FirmwareState> {
  if (t.declaration.update?.activation !== 'volatile') return installed;
  await restart(t);
  return readState(t, 'at rest');
}

/** Without a confirmation the image would be gone after the next power cycle, and the attacks before it blamed. */
function mustBeAbleToConfirm(t: CaseContext, firmware: Firmware): void {
  if (t.declaration.update?.confirmation !== 'required' || firmware.confirm !== undefined) return;
  throw new NotExecuted('no-confirmation', 'images must be confirmed to stay, and the board has no way to', {
    hint: 'Add profile.firmware.confirm to the board file.',
  });
}

async function rejected(t: CaseContext, offered: AnswerKind, detail: string): Promise<Installation> {
  return { accepted: false, offered, detail, state: await readState(t, 'after a refused control') };
}

/**
 * The state once the activated image runs. A device may restart a while after it agreed to, and still show the old
 * state until then; so the image itself is waited for, as long as a restart may take.
 *
 * @throws TimeoutError when the device does not come back
 */
export async function stateOnceRunning(
  t: CaseContext,
  image: FirmwareImage,
  before: FirmwareState,
): Promise<FirmwareState> {
  await waitUntilReady(t);
  const ranBefore = fitOf(before, image).kind === 'fits';
  // The same image again shows nothing but, where the device tells, that it is on trial.
  const willShow = !ranBefore || (t.update.confirmation === 'required' && before.confirmation.observable);
  const arrived = (state: FirmwareState): boolean =>
    !willShow || (!ranBefore && fitOf(state, image).kind === 'fits') || changes(before, state).length > 0;
  return lastState(t, `while ${image.name} starts`, arrived);
}

/**
 * Reads the state until it is as wanted, or a restart's time has passed; errors in between are those of a device
 * that restarts.
 *
 * @returns the last state that could be read
 */
export async function lastState(
  t: CaseContext,
  when: string,
  arrived: (state: FirmwareState) => boolean,
): Promise<FirmwareState> {
  const firmware = firmwareOf(t);
  let last: FirmwareState | undefined;
  let trouble: unknown;
  const look = async (): Promise<true | undefined> => {
    try {
      last = await firmware.readState();
      trouble = undefined;
      return arrived(last) ? true : undefined;
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      trouble = error; // it restarts just now
      return undefined;
    }
  };
  await until(look, { withinMs: t.bootsWithinMs, everyMs: 50, what: when }).catch((error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error;
  });
  if (last === undefined || trouble !== undefined) {
    await waitUntilReady(t);
    return readState(t, when);
  }
  return t.sawState(when, last);
}
