/** SIG-26: what was verified is what gets installed, whatever comes over the wires in between. */

import {
  canRestart,
  changes,
  controlUpdate,
  everyOne,
  firmwareOf,
  fitOf,
  forgeries,
  lastState,
  nextControlImage,
  readState,
  recover,
  restart,
  say,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
  type ForbiddenImage,
} from '../../harness/index.ts';
import type { Answer } from '../../harness/capabilities.ts';

/** A genuine image through one way in, a forged one behind it through another. */
interface Swap {
  first: string;
  second: string;
  forged: ForbiddenImage;
}

/**
 * A genuine image is offered and taken; before it is activated, a forged one is offered over it, whole or broken off.
 * Whatever the device answers: after the activation and a restart the old image runs, or the genuine one.
 */
export async function mustInstallWhatItVerified(t: CaseContext): Promise<void> {
  const [primary = '', ...others] = firmwareOf(t).ingresses;
  let baseline = await controlUpdate(t, 'before', primary);
  const forged = [
    ...forgeries(t, ['payload'], { only: ['payload-middle-bit'] }).slice(-1),
    ...forgeries(t, ['truncated'], { only: ['half'] }),
  ];
  const seconds = t.run.depth === 'smoke' ? [primary] : [primary, ...others];
  const swaps = seconds.flatMap((second) =>
    forged.map((each): Swap => ({ first: primary, second, forged: each })),
  );
  await everyOne(t, swaps, async (swap) => {
    const { first, second, forged: altered } = swap;
    await t.step(`${altered.alteration} through ${second}, over one verified through ${first}`, async () => {
      baseline = await swapAndActivate(t, swap, baseline);
    });
  });
  await controlUpdate(t, 'after', primary);
}

/** @returns the state from which to go on */
async function swapAndActivate(t: CaseContext, swap: Swap, before: FirmwareState): Promise<FirmwareState> {
  const { first, second, forged } = swap;
  const firmware = firmwareOf(t);
  const genuine = nextControlImage(t, before);
  const verified = t.answered(`genuine ${genuine.name}`, await firmware.offer(genuine, first));
  if (verified.kind !== 'accepted')
    t.inconclusive('control-before-failed', `${genuine.name} was ${say(verified)}: nothing was verified`);
  t.control(`${genuine.name} is verified`, 'twin', true, say(verified));
  t.stimulus({
    name: `${forged.alteration}, behind a verified image`,
    rationale: 'what was verified must not be exchanged before it is installed',
    ingress: second,
    image: forged.image,
  });
  t.answered('the image behind it', await firmware.offer(forged.image, second));
  t.stimulusDelivered = true;
  const activation = t.answered('activate', await firmware.activate(first));
  await waitUntilReady(t);
  const activated =
    activation.kind === 'refused'
      ? await readState(t, 'after a refused activation')
      : await lastState(t, 'after activation', (state) => changes(before, state).length > 0);
  await mustBeOneOf(t, before, genuine, activated, 'after activation');
  mustNotHaveStarted(t, activation, before, activated);
  if (!canRestart(t)) return activated;
  await restart(t);
  const restarted = await readState(t, 'after a restart');
  await mustBeOneOf(t, before, genuine, restarted, 'after a restart');
  return restarted;
}

/** Where the next power cycle ends what was started, an image that crashed at once leaves the old state behind. */
function mustNotHaveStarted(
  t: CaseContext,
  activation: Answer,
  before: FirmwareState,
  activated: FirmwareState,
): void {
  if (t.declaration.update?.activation !== 'volatile' || activation.kind === 'refused') return;
  if (changes(before, activated).length > 0) return;
  t.inconclusive(
    'started-and-gone',
    `the activation was ${say(activation)}, and the old state is back: whether the exchanged bytes were started cannot be told`,
  );
}

async function mustBeOneOf(
  t: CaseContext,
  before: FirmwareState,
  genuine: FirmwareImage,
  now: FirmwareState,
  when: string,
): Promise<void> {
  const changed = changes(before, { ...now, confirmation: before.confirmation });
  if (changed.length === 0) {
    // An altered golden image has the golden version: where that runs already, only a digest tells them apart.
    if (!now.digest.observable && fitOf(before, t.image('golden')).kind !== 'differs')
      t.inconclusive(
        'executed-bytes-not-observable',
        `${when}, the version is as before, and nothing else can be read`,
      );
    t.note(`${when}, the old image runs`);
    return;
  }
  const fit = fitOf(now, genuine);
  if (!now.digest.observable) {
    t.inconclusive(
      'executed-bytes-not-observable',
      `${when}, ${changed.join('; ')}; without a digest nothing shows whether those are the bytes that were verified`,
    );
  }
  if (fit.kind === 'fits') {
    t.note(`${when}, the image runs that was verified`);
    return;
  }
  if (fit.kind === 'unknown') {
    t.inconclusive(
      'not-comparable',
      `${when}, ${changed.join('; ')}; whether that is the verified image cannot be told`,
    );
  }
  const finding = {
    code: 'unverified-bytes-installed',
    expected: `the old image, or ${genuine.name}, which was verified`,
    observed: `${when}, ${changed.join('; ')}`,
  };
  t.found(finding);
  await recover(t, before, finding.observed);
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  t.violates(finding);
}
