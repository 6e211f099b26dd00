/** `fieldproof timestamp`: what opened a run and its final root, stamped by an authority of RFC 3161. */

import { keepRequest, stampsOf, verifyLine, type Stamp } from '../../../reports/evidence/timestamp/stamps.ts';
import { readRun } from '../../record/read.ts';
import { modelOf } from '../../record/run-model.ts';
import { exitCodes } from '../../verdict.ts';
import { runFolder } from '../named-files.ts';
import type { TimestampOptions } from './command.ts';
import { stampPending } from './stamp-run.ts';

/**
 * @returns 0 when everything is stamped, 2 when something is pending, 3 when a token answers something else
 * @throws EvidenceError when the record is not as it was written
 */
export async function timestampCommand(run: string, options: TimestampOptions): Promise<number> {
  const runDir = runFolder(run);
  const model = modelOf(readRun(runDir).entries);
  for (const { state, subject, sha256 } of stampsOf(runDir, model))
    if (state !== 'stamped') keepRequest(runDir, subject, sha256);
  if (options.authority !== undefined) await stampPending(runDir, model, options.authority);
  const stamps = stampsOf(runDir, model);
  if (options.json === true) process.stdout.write(`${asJson(stamps)}\n`);
  else process.stdout.write(stamps.map(describe).join(''));
  if (stamps.some(({ state }) => state === 'wrong')) return exitCodes.bench;
  return stamps.every(({ state }) => state === 'stamped') ? exitCodes.conforms : exitCodes.undecided;
}

function describe(stamp: Stamp): string {
  const what = `${stamp.subject.padEnd(7)} ${stamp.sha256}`;
  switch (stamp.state) {
    case 'stamped': {
      const { time, accuracyMs } = stamp.stamped;
      const accuracy = accuracyMs === undefined ? 'accuracy not given' : `± ${accuracyMs} ms`;
      const unchecked = 'Imprint and nonce are right; the authority’s signature is checked by:';
      return `${what}  stamped ${time} (${accuracy})\n        ${unchecked}\n        ${verifyLine(stamp)}\n`;
    }
    case 'wrong':
      return `${what}  WRONG: ${stamp.why}\n`;
    case 'pending':
    case 'not-requested':
      return `${what}  pending: the request is kept; --authority URL sends it\n`;
  }
}

/** Serial numbers and nonces are larger than a JSON number can be. */
function asJson(stamps: readonly Stamp[]): string {
  const text = (_key: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);
  return JSON.stringify({ stamps }, text, 2);
}
