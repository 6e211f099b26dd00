/** RB-21: a download that stalls or never ends is ended by the device, told of, and costs it no storage. */

import {
  always,
  auditMarker,
  changes,
  controlUpdate,
  everyOne,
  firmwareOf,
  Inconclusive,
  LagMeter,
  mustBeAlive,
  mustBeAudited,
  NotExecuted,
  readState,
  recover,
  say,
  wasAudited,
  watchProcess,
  type Answer,
  type CaseContext,
  type EndlessKind,
  type EndlessTransfer,
  type FirmwareState,
} from '../../harness/index.ts';
import { mustTakeLegitimateUpdate, uninstalledImage } from '../still-serviceable.ts';

/** How long the bench waits for the end of a stalled transfer where no time is declared. */
const patienceMs = 60_000;
/** A way in that is polled tells the end of a transfer so much too late. */
const pollingMs = 100;
/** What a device may acknowledge beyond its storage before it says no: the longest piece of any way in. */
const pieceBytes = 32 * 1024;

/** A transfer that was left without an end, and what came of it. */
interface Attempt {
  ingress: string;
  kind: EndlessKind;
  transfer: EndlessTransfer;
  answer: Answer;
  /** Worst lag of our own process meanwhile. */
  lagMs: number;
}

/**
 * Through every way in that the bench can leave without an end: a transfer that stalls, and one that never ends. Each
 * is followed by a legitimate update without a restart in between: storage that was not freed shows there.
 */
export async function mustEndEndlessTransfers(t: CaseContext): Promise<void> {
  const firmware = firmwareOf(t);
  const kindsOf = (ingress: string): readonly EndlessKind[] => firmware.endless?.(ingress) ?? [];
  const ways = firmware.ingresses.filter((ingress) => kindsOf(ingress).length > 0);
  if (ways.length === 0) {
    throw new NotExecuted(
      'no-endless-transfer',
      `the bench cannot leave a transfer without an end through ${firmware.ingresses.join(' or ') || 'any way in'}`,
      { hint: 'Let a driver or a maker’s profile offer `endless` for a way in.' },
    );
  }
  for (const ingress of firmware.ingresses) {
    if (!ways.includes(ingress))
      t.note(`${ingress} not tried: the bench cannot leave a transfer without an end there`);
  }
  await everyOne(t, ways, async (ingress) => {
    await controlUpdate(t, 'before', ingress);
    await everyOne(t, kindsOf(ingress), (kind) =>
      t.step(`transfer that ${kind} through ${ingress}`, () => endlessOnce(t, ingress, kind)),
    );
  });
}

async function endlessOnce(t: CaseContext, ingress: string, kind: EndlessKind): Promise<void> {
  const baseline = await readState(t, `before a transfer that ${kind}`);
  const marker = await auditMarker(t);
  const attempt = await offerEndlessly(t, ingress, kind, baseline);
  mustHaveBegun(t, attempt);
  const open = stayedOpen(t, attempt);
  if (attempt.answer.kind === 'crashed') {
    t.found({
      code: 'restarted-by-stimulus',
      expected: 'an end of the transfer, and a device that goes on working',
      observed: `the device restarted on a transfer that ${kind} through ${ingress}`,
    });
  }
  const changed = changes(baseline, await readState(t, `after a transfer that ${kind}`));
  if (changed.length > 0) {
    t.found({
      code: 'changed-by-unfinished-transfer',
      expected: `a transfer that ${kind} to change nothing`,
      observed: changed.join('; '),
    });
  }
  await mustBeAlive(t);
  if (open || changed.length > 0) {
    await recover(t, baseline, `a transfer that ${kind} through ${ingress} was not ended`);
    return;
  }
  await mustBeTold(t, kind, marker);
  await mustTakeLegitimateUpdate(t, ingress, baseline, `a transfer that ${kind}`);
  mustBeEndedInTime(t, attempt); // last: a doubt about the time must not keep the storage from being tried
}

async function offerEndlessly(
  t: CaseContext,
  ingress: string,
  kind: EndlessKind,
  baseline: FirmwareState,
): Promise<Attempt> {
  const firmware = firmwareOf(t);
  const offer = t.need(firmware.offerEndlessly?.bind(firmware), 'way to leave a transfer without an end');
  const image = uninstalledImage(t, baseline);
  const transfer = transferOf(t, kind, image.bytes.length);
  const rationale = 'a download must not keep the updater, or fill the storage, for ever';
  t.stimulus({ name: `transfer that ${kind}`, rationale, ingress, image, bytes: transfer.bytes });
  const watch = watchProcess(t);
  const lag = new LagMeter();
  lag.start();
  let lagMs = 0;
  const answer = await always(
    () => offer(image, ingress, transfer),
    async () => {
      lagMs = lag.stopMs();
      await watch.stop();
    },
    (error) => t.note(`watching the process value failed too: ${String(error)}`),
  );
  t.answered(`transfer that ${kind}`, answer);
  return { ingress, kind, transfer, answer, lagMs };
}

/** @throws Inconclusive where the declaration does not say how much the device can hold: nothing could be judged */
function transferOf({ update }: CaseContext, kind: EndlessKind, imageBytes: number): EndlessTransfer {
  const { endsStalledTransferWithinMs: limitMs, storageBytes } = update;
  // Beyond its time a device gets some more, so that one that is late is told from one that never ends.
  const withinMs = limitMs === undefined ? patienceMs : limitMs + Math.max(1000, limitMs / 5);
  if (kind === 'stalls') return { kind, bytes: Math.floor(imageBytes / 2), withinMs };
  if (storageBytes !== undefined)
    return { kind, bytes: Math.max(2 * storageBytes, storageBytes + 2 * pieceBytes), withinMs };
  throw new Inconclusive(
    'storage-not-declared',
    'the declaration names no update.storageBytes, so no length can be said to be too long',
    { hint: 'Declare update.storageBytes: the largest image that the device can hold.' },
  );
}

/** A transfer that broke off before it was left without an end has tested nothing. */
function mustHaveBegun(t: CaseContext, { kind, transfer, answer }: Attempt): void {
  const arrived = answer.delivery?.acknowledgedBytes ?? 0;
  t.stimulusDelivered = arrived > 0;
  if (kind === 'stalls' ? arrived >= transfer.bytes : arrived > 0) return;
  if (kind === 'never-ends' && arrived === 0 && answer.kind === 'refused') {
    t.note(`a transfer without a length was refused before any of it was taken: ${say(answer)}`);
    return;
  }
  throw new Inconclusive(
    'not-delivered',
    `only ${arrived} of ${transfer.bytes} bytes of a transfer that ${kind} were acknowledged (${say(answer)})`,
  );
}

/**
 * True when the device did not end the transfer, which is found where a limit is declared. Drivers answer `silent` only
 * when the device has shown that the transfer was still open.
 */
function stayedOpen(t: CaseContext, { ingress, kind, transfer, answer }: Attempt): boolean {
  const arrived = answer.delivery?.acknowledgedBytes ?? 0;
  const { endsStalledTransferWithinMs: limitMs, storageBytes = Infinity } = t.update;
  const observed = `through ${ingress}: ${say(answer)}`;
  if (kind === 'never-ends' && arrived > storageBytes + pieceBytes) {
    const expected = `a transfer to be ended at the ${storageBytes} bytes that the device can hold`;
    t.found({
      code: 'endless-transfer-taken',
      expected,
      observed: `${arrived} bytes were taken ${observed}`,
    });
    return answer.kind === 'silent';
  }
  if (answer.kind === 'refused' || answer.kind === 'closed' || answer.kind === 'crashed') return false;
  if (answer.kind === 'silent' && kind === 'stalls' && limitMs !== undefined) {
    const expected = `a stalled transfer to be ended within ${limitMs} ms`;
    t.found({ code: 'stalled-transfer-not-ended', expected, observed });
    return true;
  }
  throw new Inconclusive(
    'end-not-seen',
    answer.kind === 'silent' && kind === 'stalls'
      ? `the device did not end a stalled transfer within ${transfer.withinMs} ms, and no update.endsStalledTransferWithinMs is declared`
      : `whether the device ended a transfer that ${kind} could not be told ${observed}`,
  );
}

function mustBeEndedInTime(t: CaseContext, { ingress, kind, answer, lagMs }: Attempt): void {
  if (kind !== 'stalls' || answer.kind === 'crashed') return;
  const limitMs = t.update.endsStalledTransferWithinMs;
  const name = `end of a stalled transfer through ${ingress}`;
  const uncertaintyMs = lagMs + pollingMs;
  if (limitMs === undefined) {
    t.measure({ name, value: answer.elapsedMs, unit: 'ms', uncertainty: uncertaintyMs });
    t.note(`${name} after ${answer.elapsedMs.toFixed(0)} ms: no limit is declared to hold it against`);
    return;
  }
  t.mustBeWithin(name, { valueMs: answer.elapsedMs, uncertaintyMs }, limitMs, {
    code: 'stalled-transfer-ended-late',
    expected: `a stalled transfer to be ended within ${limitMs} ms`,
  });
}

/** Either event tells of it: that a transfer was ended, or that an update was refused. */
async function mustBeTold(t: CaseContext, kind: EndlessKind, marker: number | undefined): Promise<void> {
  const events = ['transferEnded', 'updateRefused'] as const;
  const [first, second] = kind === 'stalls' ? events : ([events[1], events[0]] as const);
  const isDeclared = (occasion: (typeof events)[number]): boolean =>
    t.declaration.audit?.[occasion] !== undefined;
  if (marker !== undefined && isDeclared(first) && isDeclared(second)) {
    for (const occasion of [first, second]) {
      if (await wasAudited(t, occasion, marker)) return t.note(`logged as declared for ${occasion}`);
    }
  }
  await mustBeAudited(t, isDeclared(first) ? first : second, marker);
}
