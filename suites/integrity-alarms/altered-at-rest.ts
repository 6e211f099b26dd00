/** INT-01: code altered in flash must not come to run at the next boot. */

import {
  always,
  auditMarker,
  BenchError,
  changes,
  controlUpdate,
  differsFromImage,
  explain,
  install,
  mustBeAudited,
  poison,
  powerCycle,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareState,
} from '../../harness/index.ts';

/**
 * Twin: a power cycle without alteration comes back to the same state. Attack: one byte of the running slot altered
 * in flash, then a power cycle. A device that comes back as if nothing had happened has run altered code, unless it
 * is declared to restore itself from a good copy.
 */
export async function mustNotBootAlteredCode(t: CaseContext): Promise<void> {
  const tamper = t.need(t.device.tamper, 'declared means to tamper');
  const power = t.need(t.device.power, 'switched supply');
  const baseline = await controlUpdate(t, 'before', primaryIngress(t));
  await t.step('twin: power cycle without alteration', async () => {
    await powerCycle(t);
    const state = await readState(t, 'after the twin’s power cycle');
    const changed = changes(baseline, state);
    t.control('boots unaltered code', 'twin', changed.length === 0, changed.join('; ') || 'same state');
    if (changed.length > 0) {
      t.inconclusive(
        'unstable-baseline',
        `the state changed over an innocent power cycle: ${changed.join('; ')}`,
      );
    }
  });
  const marker = await auditMarker(t);
  t.stimulus({
    name: 'one byte of the running slot altered in flash',
    rationale: 'its signature no longer covers it',
  });
  await tamper.apply('code-at-rest');
  t.stimulusDelivered = true;
  await power.off();
  await power.on();
  await always(
    async () => {
      const state = await t.step('what runs after the boot', () => stateAfterBoot(t));
      await judgeBoot(t, baseline, state);
      await mustBeAudited(t, 'bootRefused', marker);
    },
    () => t.step('reinstall the golden image', () => reinstall(t)),
    (error) => poison(t, `the golden image could not be reinstalled: ${explain(error)}`),
  );
}

/** The state, or undefined for a device that stays silent: refusing to boot may look like that. */
async function stateAfterBoot(t: CaseContext): Promise<FirmwareState | undefined> {
  try {
    await t.device.waitUntilReady(t.bootsWithinMs);
    return await readState(t, 'after booting altered code');
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const faults = await t.run.bench.selfTest();
    const [fault] = faults;
    if (fault !== undefined)
      throw new BenchError('bench-fault', `wire ${fault.wire} is not in order`, { cause: fault.error });
    return undefined;
  }
}

/**
 * Altered code must not run. Silence is fine, and so is a recovery mode; whatever runs must be a genuine image: the
 * one from before only where the declaration says that the device restores itself.
 */
async function judgeBoot(
  t: CaseContext,
  baseline: FirmwareState,
  state: FirmwareState | undefined,
): Promise<void> {
  const { atRest } = t.need(t.declaration.integrity, 'declaration of integrity monitoring');
  if (state === undefined) {
    t.note('the device stayed silent instead of booting altered code');
    return;
  }
  const changed = changes(baseline, state);
  const said = changed.join('; ') || 'the same version and digest as before';
  if (!(await doesItsJob(t))) {
    t.note(`not booted into its application: ${said}`);
    return;
  }
  const genuine = genuineImage(t, state);
  if (genuine === undefined) {
    t.violates({
      code: 'booted-altered-code',
      expected: 'nothing but a genuine image to run',
      observed: `the device does its job with an image that is none of the genuine ones: ${said}`,
    });
  }
  if (changed.length === 0 && atRest !== 'recovers') {
    t.violates({
      code: 'booted-altered-code',
      expected: 'altered code not to be booted',
      observed: 'the same version and digest as before, running',
    });
  }
  t.note(`after the boot ${genuine} runs: ${said}`);
}

/** True when the process value answers: the application runs. Without one, an answering device counts as running. */
async function doesItsJob(t: CaseContext): Promise<boolean> {
  if (t.device.process === undefined) return true;
  try {
    await t.device.process.read();
    return true;
  } catch (error) {
    if (error instanceof BenchError) return false;
    throw error;
  }
}

/** Name of the genuine image that the state fits; undefined when it fits none. */
function genuineImage(t: CaseContext, state: FirmwareState): string | undefined {
  if (!state.digest.observable) return 'an image whose digest is not observable';
  return [...t.run.images.values()].find((image) => differsFromImage(state, image) === undefined)?.name;
}

async function reinstall(t: CaseContext): Promise<void> {
  await t.device.tamper?.restore().catch((error: unknown) => {
    if (!(error instanceof BenchError)) throw error; // a device that did not boot cannot restore
  });
  const done = await install(t, t.image('golden'), primaryIngress(t));
  t.control('golden image after recovery', 'after', done.accepted, done.detail);
  if (done.accepted) return;
  poison(t, `the golden image could not be reinstalled: ${done.detail}`);
  t.inconclusive('control-after-failed', `the golden image could not be reinstalled: ${done.detail}`);
}
