/** One run of a qualification, in a process of its own, as anybody would start it. */

import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Verdict } from '../verdict.ts';
import { boardFileOf } from './defects-of-board.ts';
import type { MatrixRow } from './kill-matrix.ts';
import { compiled } from './paths.ts';
import type { QualifyJob } from './qualify-jobs.ts';

export interface QualifyRunOptions {
  /** Where the run is written. */
  out: string;
  /** Runs beside each other take different lanes. */
  lane: string;
  /** Processes that are running, for whoever has to end them. */
  children: Set<ChildProcess>;
}

/** What a person needs of a reason in one line. */
const reasonLength = 300;

/** Never throws for what the run came to: that stands in the row. */
export async function runJob(job: QualifyJob, options: QualifyRunOptions): Promise<MatrixRow> {
  const ended = await finished(process.execPath, argumentsOf(job, options), options.children);
  return rowOf(job.defect?.name, ended);
}

function argumentsOf(
  { board, defect, cases, depth }: QualifyJob,
  { out, lane }: QualifyRunOptions,
): string[] {
  const main = fileURLToPath(new URL(compiled ? './main.js' : './main.ts', import.meta.url));
  return [
    ...(compiled ? [] : ['--import', 'tsx']),
    ...[main, 'run', boardFileOf(board.board), '--json', '--no-report'],
    ...['--out', out, '--lane', lane, '--depth', depth],
    ...(defect === undefined ? [] : ['--defect', defect.name]),
    ...cases.flatMap((id) => ['--case', id]),
  ];
}

interface Ended {
  stdout: string;
  stderr: string;
  code: number | null;
}

/** @param ended what the run printed with `--json`, and its exit code */
export function rowOf(defect: string | undefined, { stdout, stderr, code }: Ended): MatrixRow {
  const cases = casesIn(stdout);
  if (cases === undefined) {
    const said = stderr.trim().split('\n').slice(-5).join(' ');
    return { defect, verdicts: new Map(), failed: `its run ended with code ${code}: ${said}` };
  }
  const undecided = cases.filter(({ verdict }) => verdict !== 'conforms');
  return {
    defect,
    verdicts: new Map(cases.map(({ id, verdict }) => [id, verdict])),
    reasons: new Map(undecided.map(({ id, reason }) => [id, inOneLine(reason)])),
  };
}

function casesIn(stdout: string): { id: string; verdict: Verdict; reason: string }[] | undefined {
  try {
    // An error is told as { error }, and a run as { cases }.
    return (JSON.parse(stdout) as { cases?: { id: string; verdict: Verdict; reason: string }[] }).cases;
  } catch {
    return undefined; // it died before it could say anything
  }
}

function inOneLine(reason: string): string {
  const line = reason.replace(/\s+/g, ' ');
  return line.length > reasonLength ? `${line.slice(0, reasonLength)} …` : line;
}

function finished(
  program: string,
  arguments_: readonly string[],
  children: Set<ChildProcess>,
): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(program, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', fail);
    child.once('close', (code) => {
      children.delete(child);
      done({ stdout, stderr, code });
    });
  });
}
