/** The suites as they are, against a third-party device: `fieldproof run` in a process of its own. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { recordFile } from '../../harness/record/entry.ts';
import { channelsOf, readWire } from '../../harness/record/read-wire.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import type { RunningDevice } from './device.ts';

const repository = join(import.meta.dirname, '../..');

export interface Judgement {
  model: RunModel;
  /** Standard error of the run, for whoever asks why. */
  said: string;
  /** What the device sent while a case ran, on all wires, with carriage returns taken out. */
  linesDuring: (caseId: string) => string;
}

export interface RunRequest {
  /** Path of the board file. */
  boardFile: string;
  /** Options of `fieldproof run`. */
  options: readonly string[];
  /** Where the run is written. */
  out: string;
}

/** Runs quietly, and reads the record. @throws Error when there is none */
export async function judge(
  running: RunningDevice,
  { boardFile, options, out }: RunRequest,
): Promise<Judgement> {
  const command = [boardFile, '--yes', '--no-report', '--json', '--out', out, ...options];
  const { said } = await fieldproofRun(running, command, 'pipe');
  const written = existsSync(out) ? readdirSync(out).sort() : [];
  const run = written.filter((name) => existsSync(join(out, name, recordFile))).at(-1);
  if (run === undefined) throw new Error(`no run of ${boardFile} was written:\n${said}`);
  const runDir = join(out, run);
  const { entries } = readRun(runDir);
  const model = modelOf(entries);
  return {
    model,
    said,
    linesDuring: (caseId) => {
      const one = model.cases.find(({ id }) => id === caseId);
      if (one?.startedAt === undefined || one.endedAt === undefined) return '';
      const window = { fromMs: one.startedAt.tMono, toMs: one.endedAt.tMono };
      const heard = channelsOf(entries).map((channel) => {
        const received = [...readWire(runDir, entries, channel, window)].flatMap((happening) =>
          happening.kind === 'burst' && happening.direction === 'received' ? [happening.bytes] : [],
        );
        return Buffer.concat(received).toString('latin1').replaceAll('\r', '');
      });
      return heard.filter((text) => text !== '').join('\n'); // no line of one wire goes on in another's
    },
  };
}

/** `fieldproof run` with the device's environment. Ends with this process, and with its signals. */
export function fieldproofRun(
  running: RunningDevice,
  options: readonly string[],
  output: 'inherit' | 'pipe',
): Promise<Ended> {
  return fieldproof(running, ['run', ...options], output);
}

/** How a command ended: its exit code, and what it wrote to standard error and output, unless that was inherited. */
export interface Ended {
  code: number;
  said: string;
  printed: string;
}

/** Any command of fieldproof with the device's environment. Ends with this process, and with its signals. */
export async function fieldproof(
  running: RunningDevice,
  words: readonly string[],
  output: 'inherit' | 'pipe',
): Promise<Ended> {
  const command = [join(repository, 'dist/harness/cli/main.js'), ...words];
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath, ...command], {
    cwd: repository,
    env: { ...process.env, ...running.environment },
    stdio: output === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  let said = '';
  let printed = '';
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stdout?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 3, said, printed };
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass);
  }
}
