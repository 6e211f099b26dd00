/** INT-01: code altered in flash must not come to run at the next boot. */

import {
  always,
  auditMarker,
  BenchError,
  changes,
  controlUpdate,
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
      judgeBoot(t, baseline, state);
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

function judgeBoot(t: CaseContext, baseline: FirmwareState, state: FirmwareState | undefined): void {
  const atRest = t.need(t.declaration.integrity, 'declaration of integrity monitoring').atRest;
  if (atRest === 'recovers') {
    if (state === undefined || changes(baseline, state).length > 0) {
      t.violates({
        code: 'not-restored',
        expected: 'the declared restoration from a good copy',
        observed: state === undefined ? 'no answer' : changes(baseline, state).join('; '),
      });
    }
    return;
  }
  if (state === undefined) {
    t.note('the device stayed silent instead of booting altered code');
    return;
  }
  const changed = changes(baseline, state);
  if (changed.length === 0) {
    t.violates({
      code: 'booted-altered-code',
      expected: 'altered code not to be booted',
      observed: 'the same version and digest as before, running',
    });
  }
  t.note(`after the boot: ${changed.join('; ')}`);
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
