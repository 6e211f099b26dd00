/** What a run was made with and by, as Allure shows it beside the results. */

import { basename } from 'node:path';
import { judgeKnown } from '../../harness/record/known-violations.ts';
import type { Gap, RunModel } from '../../harness/record/run-model.ts';

/** Name and value of everything that makes two runs of a board different. */
export function environmentOf(model: RunModel): Record<string, string> {
  const { header, runId, interrupted, imagesLeftOut, root, gaps } = model;
  const leftOut = [
    ...(header.leftOut.length === 0 ? [] : [header.leftOut.join(', ')]),
    ...(imagesLeftOut === 0 ? [] : [`${imagesLeftOut} attack images`]),
  ];
  return {
    run: interrupted ? `${runId} (interrupted)` : runId,
    ...(gaps.length === 0 ? {} : { resumed: gaps.map(gapText).join('; ') }),
    board: `${header.board.name} (${header.board.title})`,
    ...boardDigests(header.board),
    'declaration sha256': header.declaration.sha256,
    ...Object.fromEntries(Object.entries(header.device).map(([name, value]) => [`device ${name}`, value])),
    harness: header.harness,
    node: header.node,
    platform: header.platform,
    catalogue: `${header.catalogue.version} (sha256 ${header.catalogue.sha256})`,
    depth: leftOut.length === 0 ? header.depth : `${header.depth}, which leaves out ${leftOut.join(' and ')}`,
    'ways in': header.everyIngress ? 'all' : 'primary',
    'power cuts of a sweep': String(header.cuts),
    seed: header.seed,
    ...Object.fromEntries(header.images.map(({ name, sha256 }) => [`image ${name}`, sha256])),
    ...(header.defects.length === 0 ? {} : { 'defects switched on': header.defects.join(', ') }),
    ...knownOf(model),
    'record root': root ?? 'not closed',
  };
}

function boardDigests({ sha256, profile }: RunModel['header']['board']): Record<string, string> {
  if (profile === undefined) return { 'board file sha256': sha256 };
  return { 'board file and profile sha256': sha256, 'profile sha256': `${profile.sha256} (${profile.file})` };
}

const gapText = ({ from, to }: Gap): string => `interrupted ${from.tUtc}, went on ${to.tUtc}`;

/** The board's list as a whole: what happened as listed, and what has to be corrected. */
function knownOf(model: RunModel): Record<string, string> {
  const { known } = model.header;
  if (known === undefined) return {};
  const entries = judgeKnown(model).map((one) => `${one.case} ${one.outcome}`);
  const later = model.knownInsteadOf === undefined ? '' : ' (not the list that the run was made with)';
  return { 'known violations': `${known.file}${later}: ${entries.join(', ') || 'none listed'}` };
}

/**
 * Who made the results, for Allure's executor. The order of builds is the second in which a run began: it grows from run
 * to run, and is the same whenever the report is made again.
 */
export function executorOf({ runId, header, startedAt }: RunModel): Record<string, string | number> {
  return {
    name: header.harness,
    type: 'fieldproof',
    buildName: runId,
    buildOrder: Math.floor(Date.parse(startedAt.tUtc) / 1000),
    reportName: basename(header.board.file),
  };
}
