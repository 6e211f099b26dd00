/**
 * Fuzzes every parser and verifier of the image engine. Exit code 1 when something was found.
 *
 *   tsx .ci/fuzz/main.ts [--minutes N]     in all, shared out among the targets; 2 by default
 *                        [--format NAME]   only this target, again for several
 *                        [--seed S]        the same inputs again, together with --from: samples have fresh keys
 *                        [--from FOLDER]   an earlier run, a finding, or a folder of inputs to start from
 *                        [--out FOLDER]    reports/out/fuzz by default
 *                        [--jobs N]        targets at the same time; 1 by default
 *                        [--write-corpus]  rewrites harness/image/test/corpus
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { discoverTargets } from '../../harness/image/test/fuzz/discover.ts';
import { reproduceCommand, writeFinding } from './findings.ts';
import type { Job, Message, Status } from './job.ts';
import { runChild, type Ending } from './watch.ts';

const lineEveryMs = 5000;
/** A target that keeps killing its process is given up. */
const mostDeaths = 5;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    format: { type: 'string', multiple: true },
    seed: { type: 'string' },
    from: { type: 'string' },
    out: { type: 'string', default: 'reports/out/fuzz' },
    jobs: { type: 'string', default: '1' },
    'write-corpus': { type: 'boolean', default: false },
  },
});

interface Result {
  target: string;
  status: Status | undefined;
  tookMs: number;
  /** Folders, by what they are. */
  findings: Map<string, string>;
  corpus: string;
}

async function main(): Promise<void> {
  const seed = options.seed ?? randomBytes(4).toString('hex');
  const targets = await chosen();
  const jobs = positive('jobs');
  const forMs = (positive('minutes') * 60_000 * Math.min(jobs, targets.length)) / targets.length;
  console.log(`seed ${seed}; ${targets.length} targets, ${Math.round(forMs / 1000)} s each`);
  const scratch = mkdtempSync(join(tmpdir(), 'fieldproof-fuzz-'));
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  const results: Result[] = [];
  const queue = [...targets];
  const worker = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      results.push(await fuzz(target, { seed, forMs, scratch, out }));
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, worker));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  summarise(results);
}

async function chosen(): Promise<string[]> {
  const names = (await discoverTargets()).map(({ name }) => name);
  const unknown = options.format?.find((name) => !names.includes(name));
  if (unknown !== undefined) usage(`there is no target ${unknown}; there are ${names.join(', ')}`);
  return options.format ?? names;
}

function positive(name: 'minutes' | 'jobs'): number {
  const value = Number(options[name]);
  if (!Number.isFinite(value) || value < 0) usage(`--${name} ${options[name]} is no number`);
  return name === 'jobs' ? Math.max(1, Math.floor(value)) : value;
}

function usage(message: string): never {
  console.error(message);
  process.exit(64);
}

async function fuzz(
  target: string,
  { seed, forMs, scratch, out }: { seed: string; forMs: number; scratch: string; out: string },
): Promise<Result> {
  const started = Date.now();
  const result: Result = { target, status: undefined, tookMs: 0, findings: new Map(), corpus: '' };
  for (let deaths = 0; deaths < mostDeaths; deaths += 1) {
    const leftMs = Math.max(0, forMs - (Date.now() - started));
    if (deaths > 0 && leftMs === 0) break;
    const job: Job = {
      target,
      // Another way after a death: the same one would lead to it again.
      seed: deaths === 0 ? seed : `${seed}.${deaths}`,
      forMs: leftMs,
      recorder: join(scratch, target),
      out,
      ...(options.from === undefined ? {} : { from: resolve(options.from) }),
      corpus: join(import.meta.dirname, '..', '..', 'harness', 'image', 'test', 'corpus'),
      writeCorpus: options['write-corpus'],
    };
    const ending = await runChild(job, listener(result, started));
    if (ending.how === 'done') break;
    died(result, job, ending);
  }
  result.tookMs = Date.now() - started;
  return result;
}

function listener(result: Result, started: number): (message: Message) => void {
  let told = 0;
  const before = result.status?.inputs ?? 0;
  return (message) => {
    switch (message.kind) {
      case 'status':
        result.status = { ...message, inputs: message.inputs + before };
        if (Date.now() - told < lineEveryMs) return;
        told = Date.now();
        return console.log(line(result, Date.now() - started));
      case 'finding':
        return found(result, message.what, message.folder);
      case 'corpus':
        result.corpus = `; corpus ${message.files} files, ${message.bytes} bytes`;
        return;
      case 'done':
        return;
    }
  };
}

function died(result: Result, job: Job, ending: Exclude<Ending, { how: 'done' }>): void {
  const key = ending.how === 'hang' ? 'hangs' : `process died: ${lastLine(ending.log)}`;
  const failure = ending.how === 'hang' ? 'one input did not end' : ending.log;
  const input = ending.input ?? { bytes: new Uint8Array(), judge: 0 };
  const finding = { target: job.target, judge: input.judge, key, failure, seed: job.seed };
  found(result, key, writeFinding(job.out, finding, input));
}

function lastLine(log: string): string {
  return /(?:FATAL ERROR|Error): .*/.exec(log)?.[0] ?? log.trim().split('\n').at(-1) ?? '';
}

function found(result: Result, what: string, folder: string): void {
  if (result.findings.has(what)) return;
  result.findings.set(what, folder);
  console.log(`${result.target}: FOUND ${what}\n    ${reproduceCommand(folder, result.target)}`);
}

function line({ target, status, findings, corpus }: Result, tookMs: number): string {
  const { inputs = 0, blocks, features = 0, kept = 0 } = status ?? {};
  const perSecond = Math.round((inputs * 1000) / Math.max(1, tookMs));
  const code = blocks === undefined ? `${features} features` : `${blocks} blocks, ${features} features`;
  return `${target.padEnd(22)} ${inputs} inputs, ${perSecond}/s, ${code}, ${kept} kept, ${findings.size} findings${corpus}`;
}

function summarise(results: readonly Result[]): void {
  console.log('summary');
  for (const result of [...results].sort((a, b) => (a.target < b.target ? -1 : 1))) {
    console.log(`  ${line(result, result.tookMs)}`);
    for (const [what, folder] of result.findings) {
      console.log(`    ${what}\n      ${reproduceCommand(folder, result.target)}`);
    }
  }
  const findings = results.reduce((sum, result) => sum + result.findings.size, 0);
  const inputs = results.reduce((sum, { status }) => sum + (status?.inputs ?? 0), 0);
  console.log(`${inputs} inputs, ${findings} findings`);
  process.exitCode = findings === 0 ? 0 : 1;
}

await main();
