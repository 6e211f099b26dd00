/** REP-01 where the maker declares no protection: a write is recorded, and replayed where its effect can be seen. */

import {
  Deadline,
  powerCycle,
  say,
  type Answer,
  type CaseContext,
  type LinkTap,
  type TapRecording,
} from '../../harness/index.ts';
import { effectWithinMs, lookFor } from './effect.ts';

const expected = 'a declared mechanism against replay';

/**
 * A declaration that names no mechanism is a violation by itself. What it costs is shown: a plain write has its effect;
 * and where a loss of power takes that effect away, the recorded bytes bring it back, over a connection of their own.
 */
export async function mustNotBeUnprotected(t: CaseContext, tap: LinkTap): Promise<never> {
  const commands = t.need(t.device.commands, 'command channel');
  const declared = 'a declaration that names none';
  if (commands.writePlain === undefined) {
    return t.violates({ code: 'no-replay-protection', expected, observed: declared });
  }
  const written = await t.step('record a plain write on the wire', () => writeAndRecord(t, tap));
  const shown = `${declared}; plain write ${written.said}`;
  if (written.after !== written.before && t.device.power !== undefined) {
    await t.step('power cycle', () => powerCycle(t));
    await t.step('replay over a new connection', () => replay(t, tap, written));
  }
  return t.violates({ code: 'no-replay-protection', expected, observed: shown });
}

interface Written {
  recordings: readonly TapRecording[];
  before: number;
  after: number;
  said: string;
}

async function writeAndRecord(t: CaseContext, tap: LinkTap): Promise<Written> {
  const commands = t.need(t.device.commands, 'command channel');
  const write = t.need(commands.writePlain?.bind(commands), 'plain write (profile.commands.plain)');
  const before = await commands.readEffect();
  t.controlAccepted = true; // the effect could be read: the wire lives
  const stop = tap.record();
  let seen: readonly TapRecording[] = [];
  let answer: Answer;
  const sent = new Deadline(effectWithinMs(t));
  try {
    answer = t.answered('plain write', await write());
  } finally {
    seen = stop();
  }
  const { effect: after } = await lookFor(
    () => commands.readEffect(),
    (effect) => effect !== before,
    sent,
  );
  return { recordings: seen, before, after, said: `${say(answer)}; effect ${before} → ${after}` };
}

async function replay(
  t: CaseContext,
  tap: LinkTap,
  { recordings, after: commanded }: Written,
): Promise<void> {
  const commands = t.need(t.device.commands, 'command channel');
  const before = await commands.readEffect();
  if (before === commanded) {
    t.note(`the effect ${commanded} outlived the power cycle: a replay could not be seen`);
    return;
  }
  t.stimulus({
    name: 'recorded plain write over a new connection',
    rationale: 'a write without protection can always be replayed',
  });
  for (const recording of recordings) {
    const outcome = await tap.replayOnNewConnection(recording, { withinMs: 1000 });
    t.note(`the replay's connection was ${outcome.connection}, ${outcome.received.length} bytes came back`);
    t.stimulusDelivered ||= outcome.connection !== 'refused';
  }
  const { effect: after } = await lookFor(
    () => commands.readEffect(),
    (effect) => effect !== before,
    new Deadline(effectWithinMs(t)),
  );
  if (after === before) return;
  t.violates({
    code: 'replay-took-effect',
    expected: 'recorded bytes to have no effect a second time',
    observed: `effect ${before} → ${after}, over a connection of its own after a power cycle`,
  });
}
