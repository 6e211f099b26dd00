/** The command line as a person starts it: child processes, their output, and what they leave running. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../clock.ts';
import type { Entry } from '../../record/entry.ts';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));
/** From source through tsx; `npm test` has just built the project, and what is compiled starts in a third of the time. */
export const main: readonly string[] =
  process.env['FIELDPROOF_COMPILED'] === undefined
    ? ['--import', 'tsx', join(repository, 'harness/cli/main.ts')]
    : [join(repository, 'dist/harness/cli/main.js')];

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Standard error up to now. */
  stderr(): string;
  /** Waits until standard error says this. */
  says(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

const living = new Set<ChildProcess>();

let keyFolder: string | undefined;

/** The key of the person who runs the tests is left alone: all runs of this process sign with one of their own. */
export function benchKeyOfTests(): string {
  if (keyFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'fieldproof-key-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    keyFolder = folder;
  }
  return join(keyFolder, 'bench-key.pem');
}

/** Starts a program; {@link killAll} ends what a failed test left. */
export function start(program: string, arguments_: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(program, arguments_, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FIELDPROOF_BENCH_KEY: benchKeyOfTests(), ...env },
  });
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      living.delete(child);
      done({ code, stdout, stderr });
    });
  });
  const says = async (pattern: RegExp): Promise<void> => {
    await until(
      () => {
        if (pattern.test(stderr)) return true;
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${stderr}`);
        return undefined;
      },
      { withinMs: 50_000, what: `${pattern} on standard error` },
    );
  };
  return { child, pid: child.pid ?? 0, stderr: () => stderr, says, ended };
}

/** Starts `fieldproof …`. */
export function startFieldproof(...arguments_: string[]): Started {
  return start(process.execPath, [...main, ...arguments_]);
}

/** `fieldproof …` to its end. */
export function fieldproof(...arguments_: string[]): Promise<Ended> {
  return startFieldproof(...arguments_).ended;
}

/** For `afterEach`: ends every process that a test left, and waits for it. */
export async function killAll(): Promise<void> {
  const left = [...living];
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(left.map((child) => new Promise((done) => child.once('close', done))));
}

/** A folder with a board file of the simulated console device, altered. */
export interface TestBoard {
  folder: string;
  board: string;
  /** Where runs of this test go. */
  out: string;
  remove(): void;
}

/** @param edit alters the text of the board file; @param editDeclaration that of the declaration */
export function testBoard(
  edit: (text: string) => string = (text) => text,
  editDeclaration: (text: string) => string = (text) => text,
): TestBoard {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-cli-'));
  const boards = join(repository, 'boards');
  const text = readFileSync(join(boards, 'simulated-console.yaml'), 'utf8')
    .replaceAll('file: simulated/', `file: ${boards}/simulated/`)
    .replaceAll('!secret simulated/', `!secret ${boards}/simulated/`)
    .replace(/^declaration: .*$/m, 'declaration: device.declaration.yaml');
  const declaration = readFileSync(join(boards, 'simulated-console.declaration.yaml'), 'utf8');
  const board = join(folder, 'board.yaml');
  writeFileSync(board, edit(text));
  writeFileSync(join(folder, 'device.declaration.yaml'), editDeclaration(declaration));
  const out = join(folder, 'out');
  return { folder, board, out, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Folder of the only run in an output folder. */
export function onlyRun(out: string): string {
  const runs = readdirSync(out).filter((name) => /^\d{8}T/.test(name));
  if (runs.length !== 1) throw new Error(`${out} holds ${runs.length} runs: ${runs.join(', ')}`);
  return join(out, runs[0] ?? '');
}

/** Entries of a record, also of one that nobody closed. */
export function entriesOf(runDir: string): Entry[] {
  return readFileSync(join(runDir, 'record.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry);
}

/** Process ids of all that a process has started, and of what those have started. */
export function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return []; // it ended between two looks
      }
    });
  const found = [pid];
  for (const each of found) {
    found.push(...parents.filter(({ parent }) => parent === each).map((child) => child.pid));
  }
  return found.slice(1);
}

/** Waits until none of these processes is there any more. */
export async function mustBeGone(pids: readonly number[]): Promise<void> {
  await until(() => (pids.some(isThere) ? undefined : true), {
    withinMs: 20_000,
    what: `end of the processes ${pids.join(', ')}`,
  });
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
