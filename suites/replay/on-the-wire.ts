/** REP-01: what was recorded on the wire, sent again by somebody who has no key. */

import {
  auditMarker,
  Deadline,
  everyOne,
  Inconclusive,
  mustBeAudited,
  say,
  wasAudited,
  type CaseContext,
  type LinkTap,
  type TapRecording,
} from '../../harness/index.ts';
import { effectWithinMs, lookFor } from './effect.ts';
import { Sender } from './messages.ts';
import { mustNotBeUnprotected } from './unprotected.ts';

/**
 * Records a legitimate command on the wire and replays the recorded bytes over a new connection; then tries the
 * same effect as a plain, unprotected write. Neither may have an effect.
 */
export async function mustIgnoreRecording(t: CaseContext): Promise<void> {
  const commands = t.need(t.device.commands, 'command channel');
  const tap = t.need(commands.tap, 'tap on the command wire');
  const declared = t.need(t.declaration.commands, 'declaration of commands');
  if (declared.mechanism === 'service-off') {
    await mustBeOff(t);
    return;
  }
  if (declared.mechanism === 'none') return mustNotBeUnprotected(t, tap);
  const sender = await Sender.create(t);
  const recordings = await t.step('record a legitimate command on the wire', () => record(t, tap, sender));
  // A replay that decides nothing must not keep the plain write from being tried.
  // Each is watched apart, so that a late effect is told of the attack that had it.
  const inTurn = [
    () => replayAll(t, tap, recordings, sender),
    () => sender.mustNotObeyLate(),
    () => tryPlainWrite(t, sender),
    () => sender.mustNotObeyLate(),
  ];
  await everyOne(t, inTurn, (part) => part());
  await t.step('next legitimate command', () => sender.mustAccept('after'));
}

/** The command may lie in any of the recordings; the others carry what else the bench said meanwhile. */
async function replayAll(
  t: CaseContext,
  tap: LinkTap,
  recordings: readonly TapRecording[],
  sender: Sender,
): Promise<void> {
  const marker = await auditMarker(t);
  await everyOne(t, recordings, (recording) =>
    t.step(`replay connection ${recording.connection} over a new one`, () =>
      replay(t, tap, recording, sender),
    ),
  );
  await mustBeAudited(t, 'commandRefused', marker);
}

async function tryPlainWrite(t: CaseContext, sender: Sender): Promise<void> {
  if (t.device.commands?.writePlain !== undefined) await t.step('plain write', () => plainWrite(t, sender));
  else t.note('plain write not tried: the board names none');
}

async function record(t: CaseContext, tap: LinkTap, sender: Sender): Promise<readonly TapRecording[]> {
  // Whoever listens hears how a connection begins as well; without that, a session's bytes are refused for want of one.
  await t.device.commands?.renew?.();
  const stop = tap.record();
  let seen: readonly TapRecording[] = [];
  try {
    await sender.mustAccept('before');
  } finally {
    seen = stop();
  }
  const recordings = seen.filter((entry) => entry.bursts.some((burst) => burst.direction === 'to-device'));
  if (recordings.length > 0) return recordings;
  return t.inconclusive(
    'nothing-recorded',
    'the tap saw no device-bound byte of a command that was accepted',
  );
}

async function replay(t: CaseContext, tap: LinkTap, recording: TapRecording, sender: Sender): Promise<void> {
  const bytes = recording.bursts
    .filter((burst) => burst.direction === 'to-device')
    .reduce((sum, burst) => sum + burst.bytes.length, 0);
  t.stimulus({
    name: 'recorded bytes over a new connection',
    rationale: 'whoever can listen must not be able to command',
    bytes,
  });
  const marker = await auditMarker(t);
  const connection = await replayOnce(t, tap, recording, sender);
  if (connection === 'served') return;
  // A device with room for one client ends any other connection, whatever it carries.
  if (marker !== undefined && (await wasAudited(t, 'commandRefused', marker))) return;
  const renew = t.device.commands?.renew?.bind(t.device.commands);
  if (renew === undefined) {
    t.stimulusDelivered = false;
    throw new Inconclusive(
      'not-delivered',
      `the replay’s connection was ${connection}, no byte came back and nothing was logged: the device may serve one client alone, and that is the bench`,
      { hint: 'Let the device serve two clients on this wire, or name its log under profile.audit.' },
    );
  }
  await renew();
  t.note('the replay was repeated while the bench itself was not connected');
  // The next legitimate command begins a connection of its own: that the device serves such is shown by it.
  await replayOnce(t, tap, recording, sender);
}

/** @returns `served` when the device said anything; else how the connection ended without a byte */
async function replayOnce(
  t: CaseContext,
  tap: LinkTap,
  recording: TapRecording,
  sender: Sender,
): Promise<'served' | 'closed' | 'silent'> {
  const name = 'the replay of recorded bytes';
  const before = await sender.effect.before(name);
  const outcome = await tap.replayOnNewConnection(recording, { withinMs: 1000 });
  sender.effect.attacked(`the end of ${name}`, sender.effect.begins());
  t.stimulusDelivered = outcome.connection !== 'refused';
  t.note(`the replay's connection was ${outcome.connection}, ${outcome.received.length} bytes came back`);
  const after = await sender.effect.after();
  if (after !== before) {
    t.violates({
      code: 'replay-took-effect',
      expected: 'recorded bytes to have no effect a second time',
      observed: `effect ${before} → ${after}`,
    });
  }
  const { connection, received } = outcome;
  if (connection === 'refused') {
    t.inconclusive(
      'not-delivered',
      'the replay’s connection was refused while legitimate clients are served',
    );
  }
  return connection === 'answered' || received.length > 0 ? 'served' : connection;
}

async function plainWrite(t: CaseContext, sender: Sender): Promise<void> {
  const commands = t.need(t.device.commands, 'command channel');
  t.stimulus({
    name: 'plain write of the same effect',
    rationale: 'a write without protection can always be replayed',
  });
  const name = 'the plain write';
  const before = await sender.effect.before(name);
  sender.effect.attacked(name, sender.effect.begins());
  const answer = t.answered(
    'plain write',
    (await commands.writePlain?.()) ?? { kind: 'refused', elapsedMs: 0 },
  );
  const after = await sender.effect.after();
  if (after !== before) {
    t.violates({
      code: 'plain-write-took-effect',
      expected: 'unprotected writes to have no effect',
      observed: `${say(answer)}; effect ${before} → ${after}`,
    });
  }
  if (answer.kind !== 'accepted') return;
  t.violates({
    code: 'misreport',
    expected: 'unprotected writes to be refused',
    observed: 'the device said that it accepted a plain write, though it had no effect',
  });
}

/** A device that declares the service off must refuse every write. */
async function mustBeOff(t: CaseContext): Promise<void> {
  const commands = t.need(t.device.commands, 'command channel');
  const before = await commands.readEffect();
  t.controlAccepted = true; // the effect could be read: the wire lives
  t.stimulus({
    name: 'write to a service declared off',
    rationale: 'the declaration says that no write is served',
  });
  const plain = t.need(commands.writePlain?.bind(commands), 'plain write (profile.commands.plain)');
  const sent = new Deadline(effectWithinMs(t));
  const answer = t.answered('plain write', await plain());
  const look = await lookFor(
    () => commands.readEffect(),
    (effect) => effect !== before,
    sent,
  );
  const after = look.effect;
  if (answer.kind === 'accepted' || after !== before) {
    t.violates({
      code: 'service-not-off',
      expected: 'writes to be refused, as declared',
      observed: `${say(answer)}; effect ${before} → ${after} within ${look.atMs.toFixed(0)} ms`,
    });
  }
  if (answer.kind === 'refused' || answer.kind === 'closed') return;
  t.inconclusive('no-answer', `the write was ${say(answer)}: that is no refusal, and may be a dead wire`);
}
