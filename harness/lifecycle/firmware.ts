/**
 * Legitimate firmware work: read the state, install an image all the way, cut the power, come back.
 * Controls are made of this, and so is recovery.
 */

import type { Answer, Firmware, FirmwareImage, FirmwareState, Observed } from '../capabilities.ts';
import { BenchError, Inconclusive, NotExecuted } from '../errors.ts';
import { identifyImage } from '../image/index.ts';
import type { CaseContext } from './case-context.ts';

/** What a complete update came to. */
export interface Installation {
  accepted: boolean;
  /** Where it ended, in words. */
  detail: string;
  state: FirmwareState;
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

export async function waitUntilReady(t: CaseContext): Promise<void> {
  const { tookMs } = await t.device.waitUntilReady(t.bootsWithinMs);
  t.measure({ name: 'time to ready', value: tookMs, unit: 'ms', limit: t.bootsWithinMs });
}

/**
 * Offers, activates, waits, confirms and reads back one legitimate image. Never throws for what the device does.
 *
 * @returns accepted only when the state read back is the image's own
 */
export async function install(t: CaseContext, image: FirmwareImage, ingress: string): Promise<Installation> {
  const firmware = firmwareOf(t);
  await settleTrial(t);
  const offered = t.answered(
    `legitimate ${image.name} through ${ingress}`,
    await firmware.offer(image, ingress),
  );
  if (offered.kind !== 'accepted') return rejected(t, `the offer was ${say(offered)}`);
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused') return rejected(t, `activation was ${say(activated)}`);
  await waitUntilReady(t);
  if (firmware.confirm !== undefined) {
    const confirmed = t.answered('confirm', await firmware.confirm());
    if (confirmed.kind !== 'accepted') return rejected(t, `confirmation was ${say(confirmed)}`);
  }
  const state = await readState(t, `after installing ${image.name}`);
  const mismatch = differsFromImage(state, image);
  return mismatch === undefined
    ? { accepted: true, detail: `${image.name} runs`, state }
    : { accepted: false, detail: `the device said yes, but ${mismatch}`, state };
}

/** While a trial runs, devices take no further image: the operator of a bench confirms it first, as anybody would. */
async function settleTrial(t: CaseContext): Promise<void> {
  const firmware = firmwareOf(t);
  if (firmware.confirm === undefined) return;
  const { confirmation } = await firmware.readState();
  if (!confirmation.observable || confirmation.value !== 'trial') return;
  t.answered('confirm the running trial', await firmware.confirm());
}

async function rejected(t: CaseContext, detail: string): Promise<Installation> {
  return { accepted: false, detail, state: await readState(t, 'after a refused control') };
}

/** An answer in words: "refused (signature) at verify". */
export function say(answer: Answer): string {
  const reason = answer.reason === undefined ? '' : ` (${answer.reason})`;
  const stage = answer.stage === undefined ? '' : ` at ${answer.stage}`;
  return `${answer.kind}${reason}${stage}`;
}

/** How the state contradicts an image of a known format; undefined when it fits as far as can be seen. */
export function differsFromImage(state: FirmwareState, image: FirmwareImage): string | undefined {
  const identity = identifyImage(image.bytes);
  if (identity === undefined) return undefined;
  if (
    state.digest.observable &&
    identity.digests.length > 0 &&
    !identity.digests.includes(state.digest.value)
  ) {
    return `the digest read back is ${state.digest.value.slice(0, 16)}…, not the image's`;
  }
  if (
    state.version.observable &&
    identity.version !== undefined &&
    state.version.value !== identity.version
  ) {
    return `the version read back is ${state.version.value}, not ${identity.version}`;
  }
  return undefined;
}

const terms = ['version', 'digest', 'securityCounter', 'confirmation'] as const;

/** Every observable term in which two states differ, in words; empty when they are alike. */
export function changes(before: FirmwareState, after: FirmwareState): string[] {
  return terms.flatMap((term) => {
    const was = before[term] as Observed<unknown>;
    const is = after[term] as Observed<unknown>;
    if (!was.observable || !is.observable || was.value === is.value) return [];
    return [`${term} ${shortened(was.value)} → ${shortened(is.value)}`];
  });
}

/** Digests by their first twelve digits: the whole of them stands in the record's states. */
function shortened(value: unknown): string {
  const text = String(value);
  return /^[0-9a-f]{40,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
}

/** A state in which nothing that matters can be seen cannot show that nothing changed. */
export function mustSeeSomething(t: CaseContext, state: FirmwareState): void {
  const hidden = terms.filter((term) => !state[term].observable);
  if (!state.version.observable && !state.digest.observable) {
    throw new Inconclusive(
      'state-not-observable',
      'neither version nor digest of the firmware can be read back',
    );
  }
  for (const term of hidden) {
    const observed = state[term];
    if (!observed.observable) t.note(`${term} not observable: ${observed.why}`);
  }
}

/** The image of the pair, or of the golden one, that a control installs next. */
export function nextControlImage(t: CaseContext, state: FirmwareState): FirmwareImage {
  const golden = t.image('golden');
  switch (t.need(t.declaration.controls, 'declaration of controls').way) {
    case 'reinstall':
      t.note(
        'control by reinstallation: the same state before and after, so the device’s restart is its only trace',
      );
      return golden;
    case 'pair':
      return differsFromImage(state, golden) === undefined ? t.image('pair') : golden;
    case 'series':
      return nextOfSeries(t);
  }
}

/** Takes the next image of the stock; each is used once. */
function nextOfSeries(t: CaseContext): FirmwareImage {
  const next = t.run.series.shift();
  if (next !== undefined) return next;
  throw new NotExecuted('controls-used-up', 'the stock of ever newer images is used up', {
    hint: 'Ask the vendor for more releases and add them under images.series.',
  });
}

/**
 * A legitimate update that must succeed, so that a refusal means something.
 *
 * @param when `before` or `after` the attacks
 * @returns the new baseline
 * @throws Inconclusive when the device refuses what it must accept
 */
export async function controlUpdate(
  t: CaseContext,
  when: 'before' | 'after',
  ingress: string,
): Promise<FirmwareState> {
  return t.step(`control ${when}: legitimate update through ${ingress}`, async () => {
    const before = await readState(t, `before the control ${when}`);
    const image = nextControlImage(t, before);
    const done = await install(t, image, ingress);
    t.control(`install ${image.name} through ${ingress}`, when, done.accepted, done.detail);
    if (!done.accepted) {
      throw new Inconclusive(
        `control-${when}-failed`,
        `a legitimate image (${image.name}) through ${ingress} did not install: ${done.detail}; a refusal means nothing`,
      );
    }
    return done.state;
  });
}

/**
 * Back to a known good state after an attack had an effect or a wire went quiet: first a power cycle, then the
 * golden image. When neither helps the board is poisoned, and the first cause is kept.
 */
export async function recover(
  t: CaseContext,
  baseline: FirmwareState,
  cause: string,
): Promise<FirmwareState> {
  return t.step('recovery', async () => {
    try {
      if (t.device.power !== undefined) await powerCycle(t).catch(ignoreBenchError);
      const state = await readState(t, 'after the recovery power cycle');
      if (changes(baseline, state).length === 0) return state;
      const done = await install(t, t.image('golden'), primaryIngress(t));
      t.write('bench', { action: 'recovery', ok: done.accepted, detail: done.detail });
      if (done.accepted) return done.state;
      throw new Inconclusive('recovery-failed', done.detail);
    } catch (error) {
      poison(t, `${cause}; recovery failed: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  });
}

function ignoreBenchError(error: unknown): void {
  if (!(error instanceof BenchError)) throw error;
}

/** Marks the board as unfit for later cases; the first cause stays. */
export function poison(t: CaseContext, cause: string): void {
  if (t.run.poisoned !== undefined) return;
  t.run.poisoned = { cause, byCase: t.id };
  t.run.record.append('poisoned', { cause, byCase: t.id });
}
