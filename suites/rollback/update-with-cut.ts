/** An update that is timed, and an update whose supply is cut at a chosen moment of it. */

import {
  BenchError,
  firmwareOf,
  fitOf,
  mustHaveTrace,
  monotonicMs,
  nextControlImage,
  pause,
  primaryIngress,
  readState,
  say,
  stateOnceRunning,
  waitUntilReady,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import type { Phase } from './sweep-plan.ts';

/** The requests that make an update, in their order. */
const requests = ['offer', 'activate', 'confirm'] as const;
type Request = (typeof requests)[number];

/** A phase that lies within one request, or follows it. */
export interface UpdatePhase extends Phase {
  request: Request;
  /** Milliseconds from the start of the request to the start of the phase. */
  fromMs: number;
}

/** Shorter ones cannot be told from their neighbours. */
const shortestMs = 0.5;

/**
 * The phases of one undisturbed update, as far as they can be told from the outside: many devices erase and write
 * while bytes arrive, and erase, write and swap again between activation and readiness.
 *
 * @throws Inconclusive when the update is refused, or nothing shows that it took place
 */
export async function timeUpdate(t: CaseContext): Promise<UpdatePhase[]> {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  const before = await readState(t, 'before timing');
  const image = nextControlImage(t, before);
  const startMs = monotonicMs();
  const offered = t.answered('offer', await firmware.offer(image, ingress));
  const offeredMs = monotonicMs();
  if (offered.kind !== 'accepted')
    t.inconclusive('control-before-failed', `the timed update was ${say(offered)}`);
  const activated = t.answered('activate', await firmware.activate(ingress));
  if (activated.kind === 'refused')
    t.inconclusive('control-before-failed', `activation of the timed update was ${say(activated)}`);
  const { state, atMs: readyMs } = await onceReady(t, image, before);
  const confirmMs = monotonicMs();
  if (firmware.confirm !== undefined) t.answered('confirm', await firmware.confirm());
  const confirmedMs = monotonicMs();
  mustHaveTrace({ accepted: true, detail: `${image.name} was taken`, state }, before);
  const verifyMs = Math.min(offered.elapsedMs, offeredMs - startMs);
  const transferMs = offeredMs - startMs - verifyMs;
  const phases: UpdatePhase[] = [
    { name: 'transfer', request: 'offer', fromMs: 0, lengthMs: transferMs },
    { name: 'verify', request: 'offer', fromMs: transferMs, lengthMs: verifyMs },
    { name: 'install', request: 'activate', fromMs: 0, lengthMs: readyMs - offeredMs },
    { name: 'confirm', request: 'confirm', fromMs: 0, lengthMs: confirmedMs - confirmMs },
  ];
  const told = phases.filter(({ lengthMs }) => lengthMs >= shortestMs);
  for (const { name, lengthMs } of told) t.measure({ name: `${name} phase`, value: lengthMs, unit: 'ms' });
  return told;
}

/** When the sign of readiness came, if that was already the new image's; else when the new image was first seen. */
async function onceReady(
  t: CaseContext,
  image: FirmwareImage,
  before: FirmwareState,
): Promise<{ state: FirmwareState; atMs: number }> {
  await waitUntilReady(t);
  const atMs = monotonicMs();
  const state = await readState(t, `once ${image.name} was activated`);
  const isNew = fitOf(state, image).kind === 'fits' && fitOf(before, image).kind !== 'fits';
  if (isNew) return { state, atMs };
  return { state: await stateOnceRunning(t, image, before), atMs: monotonicMs() };
}

/** One update with the moment at which its supply is cut. */
export interface PlannedCut {
  image: FirmwareImage;
  /** The state from which the update starts. */
  before: FirmwareState;
  phase: UpdatePhase;
  /** Milliseconds after the phase began. */
  afterMs: number;
  /** How long the supply takes from the order to the cut. */
  leadMs: number;
}

export interface Hit {
  /** The request was still open, or the phase's measured time not over. */
  inTime: boolean;
  /** Milliseconds from the start of the phase to the loss of power, by this update's own clock. */
  landedMs: number;
  /** From the order to the loss of power, in milliseconds. */
  tookMs: number;
}

/** The update was refused in an earlier phase: no cut was made. */
export interface Refused {
  refused: string;
}

/**
 * Runs the update and cuts at the given moment of the given phase; errors after the cut are its consequence.
 *
 * @param cutNow switches off, and tells when the supply was off
 */
export async function updateWithCut(
  t: CaseContext,
  { image, before, phase, afterMs, leadMs }: PlannedCut,
  cutNow: () => Promise<{ atMs: number }>,
): Promise<Hit | Refused> {
  let cutting: Promise<Hit> | undefined;
  let isCut = false;
  let isOver = false;
  const begin = (): void => {
    const beganAtMs = monotonicMs() + phase.fromMs;
    cutting = pause(Math.max(0, phase.fromMs + afterMs - leadMs)).then(async () => {
      isCut = true;
      const wasOpen = !isOver;
      const orderedMs = monotonicMs();
      const { atMs } = await cutNow();
      const landedMs = atMs - beganAtMs;
      const inTime = wasOpen && (phase.request !== 'activate' || landedMs <= phase.lengthMs);
      return { inTime, landedMs, tookMs: atMs - orderedMs };
    });
    cutting.catch(() => undefined); // awaited below; until then a failure must not end the process
  };
  try {
    for (const request of requests.slice(0, requests.indexOf(phase.request) + 1)) {
      if (request === 'confirm') await stateOnceRunning(t, image, before);
      if (request === phase.request) begin();
      const answer = await ask(t, request, image);
      const refused = request === 'offer' ? answer?.kind !== 'accepted' : answer?.kind === 'refused';
      if (cutting === undefined && refused && answer !== undefined)
        return { refused: `${request} of a legitimate update was ${say(answer)}` };
      // What follows activation is the phase; the other requests end with their answer.
      isOver ||= cutting !== undefined && !isCut && (request !== 'activate' || refused);
    }
  } catch (error) {
    if (!(error instanceof BenchError) || cutting === undefined) throw error; // no cut under way: a bench fault
    if (!isCut) {
      isOver = true; // the cut still comes, and the supply must be known to be off by then; but it hits nothing
      t.note(`the update broke off before its cut: ${error.message}`);
    }
  }
  if (cutting !== undefined) return cutting;
  throw new BenchError('no-cut', `the update has no request "${phase.request}" in which to cut`);
}

function ask(t: CaseContext, request: Request, image: FirmwareImage) {
  const firmware = firmwareOf(t);
  const ingress = primaryIngress(t);
  if (request === 'offer') return firmware.offer(image, ingress);
  return request === 'activate' ? firmware.activate(ingress) : firmware.confirm?.();
}
