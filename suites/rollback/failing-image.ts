/** RB-19: a new image that crashes or hangs gives way to the old one, in time and on record. */

import {
  auditMarker,
  BenchError,
  changes,
  controlUpdate,
  firmwareOf,
  fitOf,
  monotonicMs,
  mustBeAlive,
  mustBeAudited,
  primaryIngress,
  readState,
  recover,
  say,
  TimeoutError,
  until,
  vendorImage,
  wasAudited,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import { declaredPolicy } from './declared-policy.ts';

const lookEveryMs = 50;

/** The image that crashes, and then the one that hangs: another mechanism stands behind each. */
export async function mustRevertFailingImages(t: CaseContext): Promise<void> {
  const withinMs = declaredPolicy(t, t.update.revertsWithinMs, 'update.revertsWithinMs');
  for (const image of [vendorImage(t, 'crashing'), vendorImage(t, 'hanging')]) {
    await t.step(`${image.name} as a trial`, () => mustRevert(t, image, withinMs));
  }
}

async function mustRevert(t: CaseContext, image: FirmwareImage, withinMs: number): Promise<void> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  const marker = await auditMarker(t);
  t.stimulus({
    name: image.name,
    rationale: 'firmware that does not prove itself must give way',
    ingress,
    image,
  });
  const offered = t.answered('offer', await firmware.offer(image, ingress));
  if (offered.kind !== 'accepted') t.inconclusive('trial-refused', `${image.name} was ${say(offered)}`);
  const startedAtMs = monotonicMs();
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused') t.inconclusive('trial-refused', `its activation was ${say(activated)}`);
  t.stimulusDelivered = true;
  const watched = await watchTrial(t, image, baseline, withinMs);
  if (watched.back === undefined) await judgeStuck(t, baseline, image, watched, withinMs);
  const atMs = watched.back ?? monotonicMs();
  const ran = watched.seen || (marker !== undefined && (await wasAudited(t, 'imageReverted', marker)));
  if (!ran)
    t.inconclusive(
      'trial-not-seen',
      `nothing shows that ${image.name} ran at all: the old image may never have left`,
    );
  const timing = { valueMs: atMs - startedAtMs, uncertaintyMs: lookEveryMs + watched.slowestLookMs };
  t.mustBeWithin(`return from ${image.name}`, timing, withinMs, {
    code: 'reverted-late',
    expected: `the old image within ${withinMs} ms`,
  });
  await mustBeAudited(t, 'imageReverted', marker);
  await mustBeAlive(t);
  await controlUpdate(t, 'after', ingress);
}

interface Watched {
  /** True once the failing image was seen running, or the device was seen silent after it had started. */
  seen: boolean;
  /** When the old image was seen again. */
  back?: number;
  slowestLookMs: number;
  last?: FirmwareState;
}

/** Looks at the state until the old image is back, having been away; at most twice the declared time. */
async function watchTrial(
  t: CaseContext,
  image: FirmwareImage,
  baseline: FirmwareState,
  withinMs: number,
): Promise<Watched> {
  const firmware = firmwareOf(t);
  const watched: Watched = { seen: false, slowestLookMs: 0 };
  let away = false;
  const look = async (): Promise<true | undefined> => {
    const beganAtMs = monotonicMs();
    try {
      const state = await firmware.readState();
      watched.last = state;
      const changed = changes(baseline, state).length > 0;
      if (changed && fitOf(state, image).kind !== 'differs') watched.seen = true;
      away ||= changed;
      if (changed || !away) return undefined;
      watched.back = monotonicMs();
      return true;
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      away = true; // it restarts, or hangs
      return undefined;
    } finally {
      watched.slowestLookMs = Math.max(watched.slowestLookMs, monotonicMs() - beganAtMs);
    }
  };
  await until(look, { withinMs: 2 * withinMs, everyMs: lookEveryMs, what: 'the old image' }).catch(
    (error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error;
    },
  );
  if (watched.last !== undefined) t.sawState(`while ${image.name} was on trial`, watched.last);
  return watched;
}

/** Not back in twice the time: still the failing image, or silent for good. */
async function judgeStuck(
  t: CaseContext,
  baseline: FirmwareState,
  image: FirmwareImage,
  { last, seen }: Watched,
  withinMs: number,
): Promise<never> {
  const changed = last === undefined ? [] : changes(baseline, last);
  const { power } = t.device;
  const selfTest = await t.run.bench.selfTest();
  if (changed.length === 0 && last !== undefined && !seen)
    t.inconclusive('trial-not-seen', `${image.name} was never seen to run`);
  if (selfTest.length > 0)
    throw new BenchError('bench-fault', `wire ${selfTest[0]?.wire ?? ''} is not in order`, {
      cause: selfTest[0]?.error,
    });
  const finding = {
    code: 'not-reverted',
    expected: `the old image within ${withinMs} ms of starting one that fails`,
    observed:
      changed.length > 0 ? `after twice that time, ${changed.join('; ')}` : 'silence after twice that time',
  };
  t.found(finding);
  if (power !== undefined) await recover(t, baseline, finding.observed);
  await readState(t, 'after recovery');
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  return t.violates(finding);
}
