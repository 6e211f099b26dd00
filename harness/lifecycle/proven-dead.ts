/** Dead, or bench fault? The only place where silence can become a finding. */

import type { BoardFile } from '../board/index.ts';
import { BenchError } from '../errors.ts';
import type { CaseContext } from './case-context.ts';

/**
 * Dead needs a control accepted before, the stimulus delivered, and a device that shows no declared sign of life,
 * while our own end is in order, or a second wire, itself in order, is silent too. Wires that are lost are not
 * silent, two signs on one wire are one, and a supply that is not in order proves nothing: an unpowered device is
 * silent on every wire.
 *
 * @param wires on how many it must be silent; two where the stimulus itself may have been lost on one
 * @returns what was seen, or undefined when death is not proven
 */
export async function provenDead(t: CaseContext, wires = 1): Promise<string | undefined> {
  if (!t.controlAccepted || !t.stimulusDelivered) return undefined;
  await t.run.bench.reopenLost(); // what stays lost fails the self-test below
  const signs = signsOfLife(t);
  for (const { show } of signs) if (await isAlive(show)) return undefined;
  const faulty = new Set((await t.run.bench.selfTest()).map(({ wire }) => wire));
  const supply = t.run.board.profile.power;
  if (supply !== undefined && faulty.has(supply)) return undefined;
  const silent = [...new Set(signs.map(({ wire }) => wire))];
  const inOrder = silent.filter((wire) => !faulty.has(wire));
  if (silent.length < wires) return undefined;
  if (faulty.size > 0 && (silent.length < 2 || inOrder.length === 0)) return undefined;
  const bench =
    faulty.size === 0
      ? 'the bench passed its self-test'
      : `${inOrder.join(' and ')} passed the self-test, though ${[...faulty].join(' and ')} did not`;
  const names = signs.map(({ name, wire }) => `${name} (${wire})`).join(' or ');
  return `no answer from ${names} within ${t.bootsWithinMs} ms after the stimulus was delivered, while ${bench}`;
}

interface Sign {
  name: string;
  wire: string;
  show: () => Promise<unknown>;
}

function signsOfLife(t: CaseContext): Sign[] {
  const { device } = t;
  const wires = wiresOfLife(t.run.board);
  const ready: Sign = {
    name: 'its sign of readiness',
    wire: wires.ready,
    show: () => device.waitUntilReady(t.bootsWithinMs),
  };
  const { process } = device;
  if (process === undefined) return [ready];
  return [ready, { name: 'its process value', wire: wires.process, show: () => process.read() }];
}

async function isAlive(show: () => Promise<unknown>): Promise<boolean> {
  try {
    await show();
    return true;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    return false;
  }
}

/** The wires on which readiness and the process value come, as the board file names them. */
function wiresOfLife({ profile }: BoardFile): { ready: string; process: string } {
  const ready = (profile.ready ?? profile.firmware?.version ?? profile.process?.read)?.wire ?? 'unknown wire';
  return { ready, process: profile.process?.read.wire ?? ready };
}
