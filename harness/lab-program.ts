/** Programs of the lab that drivers start: without a shell, within a deadline, leaving nothing behind. */

import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { Deadline } from './clock.ts';
import type { WireLog } from './driver.ts';
import { DriverError, PortError, TimeoutError } from './errors.ts';
import { TextTail } from './text-tail.ts';

const outputChars = 64 * 1024;
/** How long after SIGTERM a program may tidy up. */
const termGraceMs = 500;

export interface CommandOptions {
  cwd: string;
  withinMs: number;
  wire: WireLog;
  /** Ends the program when the driver is closed. */
  closing: AbortSignal;
}

/**
 * Standard output of the program, at most its last 64 KiB characters.
 *
 * @param argv program and arguments
 * @throws PortError when it cannot be started or exits with another code than 0, with stderr's last line;
 *   TimeoutError when it does not end in time (it is ended: SIGTERM, then SIGKILL); DriverError when closed meanwhile
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<string> {
  const [program = '', ...rest] = argv;
  const shown = argv.join(' ');
  options.wire.event(`run ${shown}`);
  const stdout = new TextTail(outputChars);
  const stderr = new TextTail(4096);
  const took = new Deadline(options.withinMs);
  const child = spawn(program, rest, { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const end = await endOf(child, options);
  child.stdout.destroy(); // a grandchild may hold them open
  child.stderr.destroy();

  const data = { argv, ...end, stderr: stderr.text, elapsedMs: took.elapsedMs };
  if (end.why === 'not-started') {
    throw new PortError('command-not-started', `${shown}: could not be started: ${end.detail}`, { data });
  }
  if (end.why === 'closed') throw new DriverError('closed', `${shown}: ended, since the driver was closed`);
  const lastWords = stderr.lastLine() === '' ? 'nothing on stderr' : `stderr: ${stderr.lastLine()}`;
  if (end.why === 'late') {
    throw new TimeoutError(
      'command-late',
      `${shown}: did not end within ${options.withinMs} ms (${lastWords})`,
      { data },
    );
  }
  if (end.code !== 0) {
    throw new PortError(
      'command-failed',
      `${shown}: ${end.signal === null ? `exit code ${end.code}` : `ended by ${end.signal}`} (${lastWords})`,
      { data },
    );
  }
  options.wire.event(`exit code 0 after ${Math.round(took.elapsedMs)} ms: ${stdout.lastLine()}`);
  return stdout.text;
}

interface CommandEnd {
  why: 'exit' | 'late' | 'closed' | 'not-started';
  code: number | null;
  signal: string | null;
  detail: string;
}

async function endOf(child: ChildProcess, options: CommandOptions): Promise<CommandEnd> {
  let why: CommandEnd['why'] = 'exit';
  const timers: NodeJS.Timeout[] = [];
  const stop = (cause: 'late' | 'closed'): void => {
    if (why !== 'exit') return;
    why = cause;
    child.kill('SIGTERM');
    timers.push(setTimeout(() => child.kill('SIGKILL'), termGraceMs));
  };
  const onClosing = (): void => stop('closed');
  options.closing.addEventListener('abort', onClosing, { once: true });
  if (options.closing.aborted) onClosing();
  timers.push(setTimeout(() => stop('late'), options.withinMs));
  try {
    return await new Promise<CommandEnd>((resolve) => {
      child.once('error', (error) =>
        resolve({ why: 'not-started', code: null, signal: null, detail: error.message }),
      );
      child.once('exit', (code, signal) => {
        // Whole output, if nobody else holds the pipes.
        const done = (): void => resolve({ why, code, signal, detail: '' });
        child.once('close', done);
        timers.push(setTimeout(done, 200));
      });
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    options.closing.removeEventListener('abort', onClosing);
  }
}

/**
 * @throws PortError when no such executable is there, saying where it was looked for.
 *
 * @param boardDir a name with a slash starts there
 */
export async function requireProgram(program: string, boardDir: string): Promise<void> {
  const places = program.includes('/')
    ? [resolve(boardDir, program)]
    : (process.env['PATH'] ?? '')
        .split(delimiter)
        .filter((dir) => dir !== '')
        .map((dir) => join(dir, program));
  for (const place of places) {
    const usable = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return;
  }
  throw new PortError('no-program', `${program}: no such program (looked in ${places.join(', ')})`, {
    hint: 'Install it, or give its path, absolute or from the board file.',
  });
}
