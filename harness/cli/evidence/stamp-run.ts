/**
 * Time-stamps of a run as it is made: of what opened it, before hardware is touched, and of its root once it has ended.
 * Where no authority answers the requests stay pending, and the run goes on: no verdict rests on a time-stamp.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { obtainStamp } from '../../../reports/evidence/timestamp/obtain.ts';
import {
  digestToStamp,
  openingStampAction,
  openingToken,
  stampFiles,
  stampsOf,
} from '../../../reports/evidence/timestamp/stamps.ts';
import { explain } from '../../errors.ts';
import { sha256Hex } from '../../record/digest.ts';
import { readRun } from '../../record/read.ts';
import type { RunRecord } from '../../record/record.ts';
import { modelOf, type RunModel } from '../../record/run-model.ts';

/** The record tells what came of it, with the digest of the token: it cannot be taken for a later one. */
export async function stampOpening(record: RunRecord, authority: string): Promise<void> {
  const sha256 = record.openingHash;
  const response = join(record.dir, stampFiles('opening').response);
  if (sha256 === undefined || existsSync(response)) return; // a run that goes on has its token already
  const action = openingStampAction;
  try {
    const { time } = await obtainStamp(record.dir, { subject: 'opening', sha256 }, authority);
    const token = sha256Hex(readFileSync(response));
    record.append('bench', { action, ok: true, detail: `${time} by ${authority}`, sha256: token });
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    record.append('bench', { action, ok: false, detail: `pending: ${explain(error)}` });
  }
}

/** Stamps the root of a closed record, and whatever else is pending; a record that stays open has none yet. */
export async function stampRest(runDir: string, authority: string): Promise<void> {
  const model = modelOf(readRun(runDir).entries);
  if (digestToStamp(model, 'root') !== undefined) await stampPending(runDir, model, authority);
}

/** Asks for what is not stamped. An opening whose answer the record names is left as it is: no other can be right. */
export async function stampPending(runDir: string, model: RunModel, authority: string): Promise<void> {
  for (const stamp of stampsOf(runDir, model)) {
    const isSettled = stamp.subject === 'opening' && openingToken(model) !== undefined;
    if (stamp.state === 'stamped' || isSettled) continue;
    await obtainStamp(runDir, stamp, authority).catch((error: unknown) => {
      process.stderr.write(`${explain(error)}\n`);
    });
  }
}
