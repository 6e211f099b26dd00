/** An update that is timed, and an update whose supply is cut at a chosen moment of it. */

import {
  BenchError,
  firmwareOf,
  mustHaveTrace,
  nextControlImage,
  monotonicMs,
  pause,
  primaryIngress,
  readState,
  say,
  stateOnceRunning,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
} from '../../harness/index.ts';

/** How long the three phases of an undisturbed update take on this device. */
export interface UpdateTimes {
  transferMs: number;
  /** From the request to activate until the device answers again: verify, swap, boot. */
  installMs: number;
  /** Absent on a device that needs no confirmation. */
  confirmMs?: number;
}

export type Phase = 'transfer' | 'install' | 'confirm';
export interface Cut {
  phase: Phase;
  /** Milliseconds after the phase began. */
  afterMs: number;
}

const lengthOf = (times: UpdateTimes, phase: Phase): number =>
  ({ transfer: times.transferMs, install: times.installMs, confirm: times.confirmMs ?? 0 })[phase];

/** Cuts, most of them in the install phase, where flash is rearranged. Midpoints of equal intervals: no cut at 0. */
export function cutPoints(times: UpdateTimes, count: number): Cut[] {
  const transfer = Math.round(count * 0.25);
  const confirm = times.confirmMs === undefined ? 0 : Math.round(count * 0.1);
  const shares: [Phase, number][] = [
    ['transfer', transfer],
    ['install', count - transfer - confirm],
    ['confirm', confirm],
  ];
  return shares.flatMap(([phase, share]) =>
    Array.from({ length: share }, (_unused, index) => ({
      phase,
      afterMs: ((index + 0.5) / share) * lengthOf(times, phase),
    })),
  );
}

/** @throws Inconclusive when the update is refused, or nothing shows that it took place */
export async function timeUpdate(t: CaseContext): Promise<UpdateTimes> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  const before = await readState(t, 'before timing');
  const image = nextControlImage(t, before);
  const marks = [monotonicMs()];
  const offered = t.answered('offer', await firmware.offer(image, ingress));
  if (offered.kind !== 'accepted')
    t.inconclusive('control-before-failed', `the timed update was ${say(offered)}`);
  marks.push(monotonicMs());
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused')
    t.inconclusive('control-before-failed', `activation of the timed update was ${say(activated)}`);
  const running = await stateOnceRunning(t, image, before);
  marks.push(monotonicMs());
  if (firmware.confirm !== undefined) t.answered('confirm', await firmware.confirm());
  marks.push(monotonicMs());
  mustHaveTrace({ accepted: true, detail: `${image.name} was taken`, state: running }, before);
  const [start = 0, transferred = 0, ready = 0, confirmed = 0] = marks;
  const times = {
    transferMs: transferred - start,
    installMs: ready - transferred,
    ...(firmware.confirm === undefined ? {} : { confirmMs: confirmed - ready }),
  };
  for (const [name, value] of Object.entries(times)) t.measure({ name, value, unit: 'ms' });
  return times;
}

/**
 * Runs the update and cuts at the given moment of the given phase; errors after the cut are its consequence.
 *
 * @param cutNow switches off, and tells when the supply was off
 * @returns true when the cut landed in its phase: the request was still open, or the phase's measured time not over
 */
export async function updateWithCut(
  t: CaseContext,
  image: FirmwareImage,
  cut: Cut,
  times: UpdateTimes,
  cutNow: () => Promise<{ atMs: number }>,
): Promise<boolean> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  let timing: Promise<void> | undefined;
  let isCut = false;
  let inTime = false;
  let over = false;
  const enter = (phase: Phase): void => {
    if (phase !== cut.phase) return;
    const beganAtMs = monotonicMs();
    timing = pause(cut.afterMs).then(async () => {
      isCut = true;
      const open = !over;
      const { atMs } = await cutNow();
      inTime = phase === 'install' ? open && atMs - beganAtMs <= lengthOf(times, phase) : open;
    });
    timing.catch(() => undefined); // awaited below; until then a failure must not end the process
  };
  try {
    enter('transfer');
    const offered = await firmware.offer(image, ingress);
    over ||= cut.phase === 'transfer' && !isCut;
    if (!isCut && cut.phase !== 'transfer') {
      if (offered.kind !== 'accepted')
        t.inconclusive('update-refused', `a legitimate update was ${say(offered)} before its cut`);
      enter('install');
      const activated = await firmware.activate(ingress);
      over ||= cut.phase === 'install' && !isCut && activated.kind === 'refused';
    }
    if (!isCut && cut.phase === 'confirm') {
      await waitUntilReady(t);
      enter('confirm');
      await firmware.confirm?.();
      over = !isCut;
    }
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    if (timing === undefined) throw error; // no cut is under way: a bench fault
    if (!isCut) {
      over = true; // the cut still comes, and the supply must be known to be off by then; but it hits nothing
      t.note(`the update broke off before its cut: ${error.message}`);
    }
  }
  await timing;
  return inTime;
}
