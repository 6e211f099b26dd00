/** INT-01 and RB-09: what was written into the flash behind the device's back must not come to run at the next boot. */

import {
  always,
  auditMarker,
  BenchError,
  changes,
  controlUpdate,
  explain,
  firmwareOf,
  fitOf,
  install,
  mustBeAudited,
  poison,
  powerCycle,
  primaryIngress,
  readState,
  until,
  TimeoutError,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';

/** What is done to the flash, and what must not run because of it. */
export interface AtRest {
  /** Kind of tampering, as the board file names it. */
  tampering: string;
  stimulus: string;
  rationale: string;
  /** A genuine image that must not run all the same: the older one. */
  forbidden?: FirmwareImage;
}

/** INT-01: one byte of the running slot is altered. */
export const alteredCode: AtRest = {
  tampering: 'code-at-rest',
  stimulus: 'one byte of the running slot altered in flash',
  rationale: 'its signature no longer covers it',
};

/**
 * Twin: a restart without alteration comes back to the same state. Attack: the flash is altered, then a restart. A
 * device that comes back as if nothing had happened has run altered code, unless it is declared to restore itself
 * from a good copy.
 */
export async function mustNotBoot(t: CaseContext, what: AtRest): Promise<void> {
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
  t.stimulus({ name: what.stimulus, rationale: what.rationale });
  await tamper.apply(what.tampering);
  t.stimulusDelivered = true;
  await power.off();
  await power.on();
  let silent = false;
  await always(
    async () => {
      const state = await t.step('what runs after the boot', () => stateAfterBoot(t));
      silent = state === undefined;
      await judgeBoot(t, baseline, state, what);
      if (state === undefined) {
        t.note('audit event not observable: a device that does not boot cannot be asked for its log');
        return;
      }
      const audited = await mustBeAudited(t, 'bootRefused', marker);
      if (changes(baseline, state).length > 0 || audited === 'logged') return;
      t.inconclusive(
        'restoration-not-observable',
        'the device runs as before, as declared, and no log shows that it had to restore anything: altered code would look the same',
      );
    },
    () => t.step('reinstall the golden image', () => reinstall(t, silent)),
    (error) => poison(t, `the golden image could not be reinstalled: ${explain(error)}`),
  );
}

/** The state, or undefined for a device that stays silent: refusing to boot may look like that. */
async function stateAfterBoot(t: CaseContext): Promise<FirmwareState | undefined> {
  try {
    return t.sawState('after booting altered code', await firstState(t));
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const faults = await t.run.bench.selfTest();
    const [fault] = faults;
    if (fault !== undefined)
      throw new BenchError('bench-fault', `wire ${fault.wire} is not in order`, { cause: fault.error });
    await mustNotDoItsJob(t);
    return undefined;
  }
}

/** A device that falls back to another slot may restart once more after its first sign of life. */
async function firstState(t: CaseContext): Promise<FirmwareState> {
  const firmware = firmwareOf(t);
  let last: unknown;
  const look = async (): Promise<FirmwareState | undefined> => {
    try {
      return await firmware.readState();
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      last = error;
      return undefined;
    }
  };
  try {
    return await until(look, { withinMs: t.bootsWithinMs, everyMs: 50, what: 'the state after the boot' });
  } catch (error) {
    throw new BenchError('no-state', 'no state could be read after the boot', { cause: last ?? error });
  }
}

/** A device that is silent on one wire, and at work on another, has booted something. */
async function mustNotDoItsJob(t: CaseContext): Promise<void> {
  if (t.device.process === undefined || !(await doesItsJob(t))) return;
  t.inconclusive(
    'boot-not-observable',
    'the device shows no readiness, and yet a process value: what it booted cannot be told',
  );
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

/**
 * Altered code must not run. Silence is fine, and so is a recovery mode; whatever runs must be a genuine image: the
 * one from before only where the declaration says that the device restores itself.
 */
async function judgeBoot(
  t: CaseContext,
  baseline: FirmwareState,
  state: FirmwareState | undefined,
  what: AtRest,
): Promise<void> {
  // What becomes of a replaced image is a matter of the boot loader, which every device has.
  const atRest =
    what.forbidden === undefined
      ? t.need(t.declaration.integrity, 'declaration of integrity monitoring').atRest
      : (t.declaration.integrity?.atRest ?? 'not-booted');
  const changed = state === undefined ? [] : changes(baseline, state);
  const said =
    state === undefined ? 'no answer' : changed.join('; ') || 'the same version and digest as before';
  if (atRest === 'recovers' && (state === undefined || changed.length > 0)) {
    t.violates({
      code: 'not-restored',
      expected: 'the declared restoration from a good copy',
      observed: said,
    });
  }
  if (state === undefined) {
    t.note('the device stayed silent instead of booting altered code');
    return;
  }
  mustNotBeForbidden(t, state, said, what);
  mustNotRunUnknown(t, baseline, state, said);
  if (!(await comesToDoItsJob(t, state))) {
    t.note(`not booted into its application: ${said}`);
    return;
  }
  // Over a slot that was replaced whole, the image from before can only have been put back.
  if (changed.length === 0 && atRest !== 'recovers' && what.forbidden === undefined) {
    t.violates({
      code: 'booted-altered-code',
      expected: 'altered code not to be booted',
      observed: `${said}, running`,
    });
  }
  t.note(`after the boot ${mustBeGenuine(t, baseline, state, said)} runs: ${said}`);
}

/** Authentic, and yet below the floor: that the boot loader started it is the violation. */
function mustNotBeForbidden(t: CaseContext, state: FirmwareState, said: string, { forbidden }: AtRest): void {
  if (forbidden === undefined || fitOf(state, forbidden).kind !== 'fits') return;
  t.violates({
    code: 'booted-older-image',
    expected: `${forbidden.name} not to be booted`,
    observed: `it runs: ${said}`,
  });
}

/** A device in recovery names no digest; one that names the digest of no genuine image runs something else. */
const namesDigest = (state: FirmwareState): boolean =>
  state.digest.observable && /^[0-9a-f]{16,}$/i.test(state.digest.value);

function mustNotRunUnknown(
  t: CaseContext,
  baseline: FirmwareState,
  state: FirmwareState,
  said: string,
): void {
  if (namesDigest(state)) mustBeGenuine(t, baseline, state, said);
}

/** Gives the application the whole of its time to start, unless the device says itself that it runs none. */
async function comesToDoItsJob(t: CaseContext, state: FirmwareState): Promise<boolean> {
  if (state.digest.observable && !namesDigest(state)) return doesItsJob(t);
  try {
    return await until(async () => ((await doesItsJob(t)) ? true : undefined), {
      withinMs: t.bootsWithinMs,
      everyMs: 50,
      what: 'the process value after the boot',
    });
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  }
}

/** Name of the genuine image that runs; a digest that no genuine image has is that of the altered code. */
function mustBeGenuine(t: CaseContext, baseline: FirmwareState, state: FirmwareState, said: string): string {
  if (!state.digest.observable) return 'an image whose digest is not observable';
  const genuine = [...t.run.images.values()].find((image) => fitOf(state, image).kind === 'fits');
  if (genuine !== undefined) return genuine.name;
  const { version } = state;
  // Another version may be a recovery image of the maker's that the board does not name.
  if (version.observable && baseline.version.observable && version.value !== baseline.version.value) {
    return t.inconclusive(
      'unknown-image-after-boot',
      `after the boot an image runs that the board does not name, so whether it is genuine is not known: ${said}`,
    );
  }
  return t.violates({
    code: 'booted-altered-code',
    expected: 'nothing but a genuine image to run',
    observed: `the device does its job with an image that is none of the genuine ones: ${said}`,
  });
}

async function reinstall(t: CaseContext, silent: boolean): Promise<void> {
  await t.device.tamper?.restore().catch((error: unknown) => {
    if (!(error instanceof BenchError)) throw error; // a device that did not boot cannot restore
  });
  const detail = await reinstalled(t);
  t.control('golden image after recovery', 'after', detail === undefined, detail ?? 'it runs');
  if (detail === undefined && silent) {
    t.inconclusive(
      'woke-late',
      'the device was silent after the boot, and then took an image: what ran is not known',
    );
  }
  if (detail === undefined) return;
  poison(t, `the golden image could not be reinstalled: ${detail}`);
  t.inconclusive('control-after-failed', `the golden image could not be reinstalled: ${detail}`);
}

/** Why the golden image could not be brought back; undefined when it runs again. */
async function reinstalled(t: CaseContext): Promise<string | undefined> {
  try {
    const done = await install(t, t.image('golden'), primaryIngress(t));
    return done.accepted ? undefined : done.detail;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    return explain(error); // our stimulus keeps it from answering: no sign that it died of something else
  }
}
