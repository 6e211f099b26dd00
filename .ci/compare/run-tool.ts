/** Runs a program to its end, without a shell. */

import { spawnSync } from 'node:child_process';
import type { Outcome } from './real-verifier.ts';

export interface Ran {
  /** Undefined when a signal or the deadline ended it. */
  code: number | undefined;
  /** Standard output and error. */
  text: string;
}

/** @throws Error when the program is not there */
export function ran(
  program: string,
  args: readonly string[],
  options: { cwd?: string; input?: Uint8Array; withinMs?: number; env?: Record<string, string> } = {},
): Ran {
  const { cwd, input, withinMs = 30_000, env } = options;
  const result = spawnSync(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input }),
    timeout: withinMs,
    killSignal: 'SIGKILL',
    env: { ...process.env, LC_ALL: 'C', ...env },
  });
  if (result.error !== undefined && 'code' in result.error && result.error.code === 'ENOENT')
    throw result.error;
  const text = `${String(result.stdout)}${String(result.stderr)}`;
  return { code: result.status ?? undefined, text };
}

/** Like {@link ran}, for steps that must succeed. */
export function must(
  program: string,
  args: readonly string[],
  options: Parameters<typeof ran>[2] = {},
): string {
  const { code, text } = ran(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${text}`);
  return text;
}

/** Exit code 0 accepts, another refuses, none is a crash. For verifiers whose exit code has proven true. */
export function byExitCode({ code, text }: Ran): Outcome {
  if (code === undefined) return { verdict: 'crashes', log: text };
  return { verdict: code === 0 ? 'accepts' : 'refuses', log: text };
}
