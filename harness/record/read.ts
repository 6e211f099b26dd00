/** Reading a run back, and saying whether its files are as they were written. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import { readChain, type Chain, type Problem, type TornLine } from './chain.ts';
import { merkleRoot } from './digest.ts';
import { recordFile, sealFile, type Entry, type Seal } from './entry.ts';
import { payloadProblems } from './payloads.ts';
import { segmentProblems } from './segments.ts';
import { sealsIt, signedSealProblems } from './signed-seal.ts';

export type { Problem, TornLine } from './chain.ts';

export interface RunReading {
  entries: readonly Entry[];
  /** The unfinished last line that a power loss left; it is not among the entries. */
  torn?: TornLine;
  /** Present when the record was closed. */
  seal?: Seal;
}

/**
 * Verifies the chain, the close and the segments of a run, and returns its entries.
 *
 * @param dir folder of the run
 * @throws EvidenceError when there is no record, or when anything is not as it was written (all problems in `data`)
 */
export function readRun(dir: string): RunReading {
  const { chain, seal, problems } = inspect(dir);
  const [first] = problems;
  if (first !== undefined) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    throw new EvidenceError('record-altered', `${first.where}: ${first.message}${more}`, {
      data: { problems },
      hint: nextStepFor(problems),
    });
  }
  return {
    entries: chain.entries,
    ...(chain.torn === undefined ? {} : { torn: chain.torn }),
    ...(seal === undefined ? {} : { seal }),
  };
}

/**
 * Everything about a run's files that is not as it was written; empty when all is well.
 *
 * An unfinished last line is no problem while the record is not closed. What this cannot see: a record that was
 * rewritten whole, or cut at its end together with its seal; a signature and an outside anchor show that.
 */
export function checkRun(dir: string): readonly Problem[] {
  return inspect(dir).problems;
}

/** What to do about problems: what they say themselves where all of them do. */
export function nextStepFor(problems: readonly Problem[]): string {
  const hints = new Set(problems.map(({ hint }) => hint));
  const own = [...hints].filter((hint) => hint !== undefined);
  if (own.length === hints.size) return own.join(' ');
  return 'Do not report from this record: restore the run folder from a copy, or run again.';
}

function inspect(dir: string): { chain: Chain; seal: Seal | undefined; problems: Problem[] } {
  const chain = readChain(dir);
  const read = readSeal(dir);
  const seal = read === 'unreadable' ? undefined : read;
  const problems = [
    ...chain.problems,
    ...closeProblems(chain),
    ...sealProblems(chain, read),
    ...signedSealProblems(dir, chain.entries, seal),
  ];
  return {
    chain,
    seal,
    problems: [...problems, ...segmentProblems(dir, chain.entries), ...payloadProblems(dir, chain.entries)],
  };
}

function readSeal(dir: string): Seal | 'unreadable' | undefined {
  const path = join(dir, sealFile);
  if (!existsSync(path)) return undefined;
  try {
    const seal = JSON.parse(readFileSync(path, 'utf8')) as Partial<Seal> | null;
    const texts = [seal?.runId, seal?.root, seal?.head, seal?.tUtc];
    if (typeof seal?.count === 'number' && texts.every((text) => typeof text === 'string'))
      return seal as Seal;
  } catch {
    // Told below.
  }
  return 'unreadable';
}

/** What the `record-closed` entry says, against what is there. */
function closeProblems({ entries, leaves, torn }: Chain): Problem[] {
  const at = entries.findIndex(({ kind }) => kind === 'record-closed');
  const closed = entries[at];
  if (closed?.kind !== 'record-closed') return [];
  const problems: Problem[] = [];
  const problem = (code: Problem['code'], message: string) =>
    problems.push({ code, where: recordFile, message });
  const later = entries.length - at - 1;
  if (later > 0 || torn !== undefined)
    problem('after-close', `${later > 0 ? later : 'unfinished'} line(s) after the close`);
  const { count, root } = closed.payload;
  if (count !== at) problem('count-wrong', `the close counts ${count} entries, ${at} are there`);
  const found = Buffer.from(merkleRoot(leaves.slice(0, at))).toString('hex');
  if (found !== root) problem('root-wrong', `the close says root ${root}, the entries give ${found}`);
  return problems;
}

const missingSeal: Problem = {
  code: 'seal-missing',
  where: sealFile,
  message: 'is missing: the record was closed and not sealed',
  hint: sealsIt,
};

/** What the seal says, against what is there: a tail that was cut off after the close. */
function sealProblems({ entries }: Chain, seal: Seal | 'unreadable' | undefined): Problem[] {
  const closed = entries.find(({ kind }) => kind === 'record-closed');
  if (seal === undefined) return closed === undefined ? [] : [missingSeal];
  if (seal === 'unreadable')
    return [{ code: 'seal-wrong', where: sealFile, message: 'is not a seal of a record' }];
  if (closed?.kind !== 'record-closed') {
    const message = `the seal counts ${seal.count} entries and a close; ${entries.length} entries are there: the tail was cut off`;
    return [{ code: 'tail-cut', where: recordFile, message }];
  }
  const same =
    seal.head === closed.hash &&
    seal.root === closed.payload.root &&
    seal.count === closed.payload.count &&
    seal.runId === closed.runId;
  if (same) return [];
  return [
    { code: 'seal-wrong', where: sealFile, message: `does not belong to the close of run ${closed.runId}` },
  ];
}
