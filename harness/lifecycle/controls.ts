/** Controls: legitimate updates that must succeed, so that a refusal means something. */

import type { FirmwareImage, FirmwareState } from '../capabilities.ts';
import { Inconclusive, NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { install, readState, type Installation } from './firmware.ts';
import { changes, fitOf, mustSeeSomething } from './state.ts';

/** The image that a control installs next, by the way that the declaration names. */
export function nextControlImage(t: CaseContext, state: FirmwareState): FirmwareImage {
  switch (t.need(t.declaration.controls, 'declaration of controls').way) {
    case 'reinstall':
      return t.image('golden');
    case 'pair':
      return fitOf(state, t.image('golden')).kind === 'fits' ? t.image('pair') : t.image('golden');
    case 'series':
      return nextOfSeries(t);
  }
}

/** Takes the next image of the stock; each is used once. */
function nextOfSeries(t: CaseContext): FirmwareImage {
  const next = t.run.series.shift();
  if (next !== undefined) {
    // Before it is used: after an interruption nobody could tell whether the device has taken it.
    t.write('stock-taken', {
      image: { name: next.name, sha256: next.sha256 },
      left: t.run.series.length,
    });
    return next;
  }
  throw new NotExecuted('controls-used-up', 'the stock of ever newer images is used up', {
    hint: 'Ask the vendor for more releases and add them under images.series.',
  });
}

/**
 * A legitimate update that must succeed.
 *
 * @param when `before` or `after` the attacks
 * @param image which one; without it, the next by the way that is declared
 * @returns the new baseline, and the trace that shows that the update took place
 * @throws Inconclusive when the device refuses what it must accept, or nothing shows what it did
 */
export async function controlInstallation(
  t: CaseContext,
  when: 'before' | 'after',
  ingress: string,
  image?: FirmwareImage,
): Promise<Installation> {
  return t.step(`control ${when}: legitimate update through ${ingress}`, async () => {
    const before = await readState(t, `before the control ${when}`);
    mustSeeSomething(t, before);
    const done = await (image === undefined
      ? installNext(t, before, ingress, when)
      : installOne(t, image, before, ingress, when));
    if (done.trace === undefined) mustShowSomething(t, done, when);
    return done;
  });
}

/** As {@link controlInstallation}; the new baseline alone. */
export async function controlUpdate(
  t: CaseContext,
  when: 'before' | 'after',
  ingress: string,
): Promise<FirmwareState> {
  return (await controlInstallation(t, when, ingress)).state;
}

async function installNext(
  t: CaseContext,
  before: FirmwareState,
  ingress: string,
  when: 'before' | 'after',
): Promise<Installation> {
  const image = nextControlImage(t, before);
  const done = await installOne(t, image, before, ingress, when);
  // Of an unknown format nobody can tell which of the pair ran before: then the other one must make a difference.
  const pair = t.declaration.controls?.way === 'pair' && fitOf(done.state, image).kind === 'unknown';
  if (done.trace !== undefined || !pair) return done;
  const golden = t.image('golden');
  return installOne(t, image === golden ? t.image('pair') : golden, done.state, ingress, when);
}

async function installOne(
  t: CaseContext,
  image: FirmwareImage,
  before: FirmwareState,
  ingress: string,
  when: 'before' | 'after',
): Promise<Installation> {
  const done = await install(t, image, ingress, before);
  t.control(`install ${image.name} through ${ingress}`, when, done.accepted, done.detail);
  if (done.accepted) return done;
  throw new Inconclusive(
    `control-${when}-failed`,
    `a legitimate image (${image.name}) through ${ingress} did not install: ${done.detail}; a refusal means nothing`,
  );
}

/** Another image must leave a trace. The same image again may leave none, which is said. */
function mustShowSomething(t: CaseContext, done: Installation, when: string): void {
  if (t.declaration.controls?.way === 'reinstall') {
    t.note(
      'weak control: the golden image was installed again, and nothing but the device’s word shows that it did so',
    );
    return;
  }
  throw new Inconclusive(
    `control-${when}-without-trace`,
    `the device said that it installed another legitimate image, and nothing changed: ${done.detail}`,
    { hint: 'Let the board read version or digest of the running image.' },
  );
}

/**
 * For cases in which an update itself is the stimulus: its work must be seen, or nothing was tested.
 *
 * @throws Inconclusive when nothing but the device's word speaks for it
 */
export function mustHaveTrace(done: Installation, before?: FirmwareState): void {
  if (done.trace !== undefined) return;
  if (before !== undefined && changes(before, done.state).length > 0) return;
  throw new Inconclusive('update-without-trace', `nothing shows that the device updated: ${done.detail}`, {
    hint: 'Declare controls: { way: pair }, or audit.updateInstalled.',
  });
}
