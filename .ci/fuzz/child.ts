/** Fuzzes one target until its time is over; watched by main.ts, because an input may hang or kill the process. */

import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { startCoverage, type Coverage } from '../../harness/image/test/fuzz/coverage.ts';
import { findingsIn, inputsIn, recordIn, writeFinding, writeRecord } from './findings.ts';
import { Guards } from './guards.ts';
import type { Job, Message } from './job.ts';
import { Recorder } from './recorder.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as Job;

// Before the formats are imported: what is compiled already has no counters.
const ours = /harness\/image\/(?!.*(test\/|\.test\.))/;
const coverage = startCoverage((url) => ours.test(url));
const { discoverTargets } = await import('../../harness/image/test/fuzz/discover.ts');
const { Fuzzer, distil } = await import('../../harness/image/test/fuzz/fuzzer.ts');
const { describeFailure } = await import('../../harness/image/test/fuzz/failure.ts');
const { seededRandom } = await import('../../harness/image/test/fuzz/random.ts');
type Made = Awaited<ReturnType<Awaited<ReturnType<typeof discoverTargets>>[number]['make']>>;
type Running = InstanceType<typeof Fuzzer>;

const statusEveryMs = 1000;
const leastSteps = 10;
const recorder = new Recorder(job.recorder);

async function main(): Promise<void> {
  const discovered = (await discoverTargets()).find(({ name }) => name === job.target);
  if (discovered === undefined) throw new Error(`there is no target ${job.target}`);
  for (const earlier of earlierFindings()) {
    const { record } = earlier.finding;
    const target = record === undefined ? await discovered.make() : await discovered.again(record);
    const again = fuzzerOf(target, 'again');
    again.load([earlier.input]);
    report(again, target, 0);
  }
  const record = job.from === undefined ? undefined : recordIn(job.from, job.target);
  const target = record === undefined ? await discovered.make(job.forMs > 0) : await discovered.again(record);
  if (target.record !== undefined) writeRecord(job.out, target.name, target.record());
  const fuzzer = fuzzerOf(target, job.seed);
  fuzzer.load(target.seeds);
  fuzzer.offer([...target.examples, ...corpusInputs(target)]);
  await search(fuzzer, target);
  if (job.writeCorpus) writeCorpus(fuzzer, target, coverage?.fresh());
  send({ kind: 'done' });
}

function earlierFindings(): ReturnType<typeof findingsIn> {
  if (job.from === undefined) return [];
  return findingsIn(job.from).filter(({ finding }) => finding.target === job.target);
}

function corpusInputs({ judges }: Made): { bytes: Uint8Array; judge: number }[] {
  const folders = [join(job.corpus, job.target), ...(job.from === undefined ? [] : [job.from])];
  return folders.flatMap(inputsIn).map((bytes, index) => ({ bytes, judge: index % judges }));
}

function fuzzerOf(target: Made, seed: string): Running {
  const guards = new Guards();
  return new Fuzzer(target, {
    random: seededRandom(`${target.name} ${seed}`),
    coverage,
    before: (input) => {
      recorder.begin(input);
      guards.before();
    },
    after: (input) => guards.after(input),
    ended: () => recorder.end(),
  });
}

async function search(fuzzer: Running, target: Made): Promise<void> {
  let told = performance.now();
  let reported = report(fuzzer, target, 0);
  // The time of the process counts, but not so much that nothing would be tried.
  for (let steps = 0; job.forMs > 0 && (steps < leastSteps || performance.now() < job.forMs); steps += 1) {
    fuzzer.step();
    reported = report(fuzzer, target, reported);
    if (performance.now() - told < statusEveryMs) continue;
    told = performance.now();
    status(fuzzer);
    await setImmediate();
  }
  status(fuzzer);
}

function status(fuzzer: Running): void {
  send({
    kind: 'status',
    inputs: fuzzer.inputs,
    ...(coverage === undefined ? {} : { blocks: coverage.blocks }),
    features: fuzzer.features,
    kept: fuzzer.kept.length,
    findings: fuzzer.findings.length,
  });
}

function report(fuzzer: Running, target: Made, from: number): number {
  for (const { key, failure, input } of fuzzer.findings.slice(from)) {
    const record = target.record?.(input.judge);
    const finding = {
      target: target.name,
      // A record has one sample, and its judge is the first.
      judge: record === undefined ? input.judge : 0,
      key,
      failure: describeFailure(failure),
      seed: job.seed,
      ...(record === undefined ? {} : { record }),
    };
    send({ kind: 'finding', what: key, folder: writeFinding(job.out, finding, input) });
  }
  return fuzzer.findings.length;
}

/** Bytes of one target's corpus in the project, in all and each. */
const mostCorpusBytes = 12 * 1024;
const mostFileBytes = 4 * 1024;

function writeCorpus(fuzzer: Running, target: Made, fresh: Coverage | undefined): void {
  const folder = join(job.corpus, job.target);
  rmSync(folder, { recursive: true, force: true });
  let files = 0;
  let bytes = 0;
  for (const input of distil(target, fuzzer.kept, fresh)) {
    if (input.bytes.length > mostFileBytes || bytes + input.bytes.length > mostCorpusBytes) continue;
    mkdirSync(folder, { recursive: true });
    const name = createHash('sha256').update(input.bytes).digest('hex').slice(0, 12);
    writeFileSync(join(folder, `${name}.bin`), input.bytes);
    files += 1;
    bytes += input.bytes.length;
  }
  send({ kind: 'corpus', files, bytes });
}

function send(message: Message): void {
  process.send?.(message);
}

await main();
recorder.close();
process.disconnect();
