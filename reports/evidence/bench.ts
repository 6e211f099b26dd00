/**
 * How fast a record is written, and how fast and in how much memory a package of a million entries is verified: beside
 * SHA-256 alone of the same bytes, all in CPU time, so that other work on the machine counts for neither.
 */

import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Catalogue } from '../../harness/catalogue/index.ts';
import type { Entry } from '../../harness/record/entry.ts';
import { madeUpHeader } from '../../harness/record/made-up-run.ts';
import { RunRecord } from '../../harness/record/record.ts';
import { modelOf } from '../../harness/record/run-model.ts';
import { signerOf, type Signer } from '../../harness/record/signing.ts';
import { manifestOf, manifestText } from './manifest.ts';
import type { PackagePart } from './part.ts';
import { recordParts } from './run-parts.ts';
import { casesStatement } from './statements/cases.ts';
import { packageStatement } from './statements/package.ts';
import { signedStatement, type Statement } from './statements/statement.ts';
import { testResult } from './statements/test-result.ts';
import { writeTar } from './tar.ts';

const entriesOfLarge = 1_000_000;
const entriesOfSmall = 50_000;

export interface RecordBench {
  entries: number;
  smallEntries: number;
  packageMiB: number;
  /** Synced where a run syncs: at verdicts, here one in a thousand entries. */
  perSecond: number;
  bareAppends: number;
  /** Synced after every entry. */
  syncedPerSecond: number;
  bareSyncs: number;
  verifySeconds: number;
  /** SHA-256 alone of all that a verification hashes: each entry, each node of the tree, the whole. */
  hashingSeconds: number;
  oneStreamSeconds: number;
  peakMiB: number;
  smallPeakMiB: number;
}

export function benchRecord(): RecordBench {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-bench-'));
  try {
    const signer = signerOf(generateKeyPairSync('ed25519').privateKey, 'a key of the benchmark');
    const small = join(folder, 'small.tar');
    writeEntries(join(folder, 'small'), entriesOfSmall, signer);
    packLean(join(folder, 'small'), small, signer);
    const large = join(folder, 'large.tar');
    const seconds = writeEntries(join(folder, 'large'), entriesOfLarge, signer);
    packLean(join(folder, 'large'), large, signer);
    const rounds = [0, 1, 2].map(() => ({
      verify: inChild(verifying, [large, signer.fingerprint]),
      hashing: inChild(hashingAll, [large]),
      oneStream: inChild(hashingStream, [large]),
    }));
    const synced = rates(join(folder, 'synced'), 300, signer);
    return {
      entries: entriesOfLarge,
      smallEntries: entriesOfSmall,
      packageMiB: statSync(large).size / 1024 / 1024,
      perSecond: entriesOfLarge / seconds,
      bareAppends: bareRate(join(folder, 'bare'), entriesOfSmall, false),
      syncedPerSecond: synced,
      bareSyncs: bareRate(join(folder, 'bare-synced'), 300, true),
      verifySeconds: median(rounds.map(({ verify }) => verify.seconds)),
      hashingSeconds: median(rounds.map(({ hashing }) => hashing.seconds)),
      oneStreamSeconds: median(rounds.map(({ oneStream }) => oneStream.seconds)),
      peakMiB: Math.max(...rounds.map(({ verify }) => verify.peakMiB)),
      smallPeakMiB: inChild(verifying, [small, signer.fingerprint]).peakMiB,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const noteText =
  'the process value is 21.4 degrees, which lies between its limits; polled by the bench, as in a soak';

/** @returns seconds from the first entry to the close */
function writeEntries(dir: string, entries: number, signer: Signer): number {
  const record = RunRecord.open({ dir, runId: 'benchmark', signer });
  const from = performance.now();
  record.append('run-opened', { ...madeUpHeader(record.runId), selected: [], benchKey: signer.fingerprint });
  for (let n = 1; n < entries - 2; n += 1) {
    if (n % 1000 === 0) record.append('verdict', verdictOf(n), { caseId: `SOAK-${n / 1000}` });
    else record.append('note', { text: `${noteText} (${n})` });
  }
  record.close({
    verdict: 'conforms',
    counts: modelOf([]).counts,
    tookMs: 0,
    interrupted: false,
  });
  return (performance.now() - from) / 1000;
}

function verdictOf(n: number) {
  return {
    verdict: 'conforms',
    provisional: false,
    reason: `round ${n} without a fault`,
    findings: [],
    tookMs: 1,
    attempt: 1,
  } as const;
}

/** As a package is made, but with no more of the record in memory than its statements speak of. */
function packLean(runDir: string, file: string, signer: Signer): void {
  const model = modelOf([...entriesWithoutNotes(join(runDir, 'record.jsonl'))]);
  const catalogue = new Catalogue({ ...emptyCatalogue, sha256: model.header.catalogue.sha256 });
  const parts = [recordParts({ runDir, model, catalogue })].flat() as PackagePart[];
  const manifest = manifestOf(model.runId, parts);
  const manifestBytes = Buffer.from(manifestText(manifest));
  const digest = manifest.files.find(({ path }) => path === 'record.jsonl')?.sha256 ?? '';
  const statements = new Map<string, Statement>([
    ['statements/cases.dsse.json', casesStatement({ runDir, model, catalogue }, digest)],
    ['statements/test-result.dsse.json', testResult(model, digest)],
  ]);
  const whole = packageStatement(model, manifest, manifestBytes, statements);
  statements.set('statements/package.dsse.json', whole);
  const front = [
    { path: 'manifest.json', content: manifestBytes },
    { path: `keys/${signer.fingerprint}.pem`, content: Buffer.from(signer.publicPem) },
    ...[...statements]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, statement]) => ({ path, content: signedStatement(statement, [signer]) })),
  ];
  const byPath = new Map(parts.map((part) => [part.path, part.content]));
  writeTar(file, [
    ...front.map(({ path, content }) => ({ path, bytes: content.length, content: { bytes: content } })),
    ...manifest.files.map(({ path, bytes }) => ({
      path,
      bytes,
      content: byPath.get(path) ?? { bytes: Buffer.alloc(0) },
    })),
  ]);
}

const emptyCatalogue = {
  name: 'none',
  version: '2026.1',
  cases: [],
  requirements: [],
  claims: [],
  documents: {},
  ledger: [],
  files: [],
};

function* entriesWithoutNotes(path: string): Generator<Entry> {
  const piece = Buffer.alloc(1024 * 1024);
  const fd = openSync(path, 'r');
  let rest = '';
  try {
    for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) {
      const lines = (rest + piece.toString('utf8', 0, read)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (!line.includes('"kind":"note"')) yield JSON.parse(line) as Entry;
    }
  } finally {
    closeSync(fd);
  }
}

/** Entries per second when each is on the disk before the next. */
function rates(dir: string, entries: number, signer: Signer): number {
  const record = RunRecord.open({ dir, signer });
  record.append('run-opened', madeUpHeader(record.runId));
  const from = performance.now();
  for (let n = 0; n < entries; n += 1) record.append('verdict', verdictOf(n), { caseId: 'SOAK-1' });
  const seconds = (performance.now() - from) / 1000;
  record.abandon();
  return entries / seconds;
}

/** Lines of the same length, written with nothing else done. */
function bareRate(path: string, lines: number, sync: boolean): number {
  const fd = openSync(path, 'w');
  const line = Buffer.alloc(450, 'x');
  const from = performance.now();
  for (let n = 0; n < lines; n += 1) {
    writeSync(fd, line);
    if (sync) fsyncSync(fd);
  }
  const seconds = (performance.now() - from) / 1000;
  closeSync(fd);
  return lines / seconds;
}

const verifier = new URL('./verifier/verify.mjs', import.meta.url).href;
const verifying = `
  const { verifyPackage } = await import('${verifier}');
  const { exitCode, problems } = verifyPackage(process.argv[1], [process.argv[2]]);
  if (exitCode !== 0) throw new Error(JSON.stringify(problems));`;
const pieces = `
  const { openSync, readSync } = await import('node:fs');
  const { createHash, hash } = await import('node:crypto');
  const fd = openSync(process.argv[1], 'r');
  const piece = Buffer.alloc(1024 * 1024);`;
const hashingStream = `${pieces}
  const digest = createHash('sha256');
  for (let n = readSync(fd, piece); n > 0; n = readSync(fd, piece)) digest.update(piece.subarray(0, n));
  digest.digest();`;
/** Each line, a node of the tree for each, and all of it: in the calls that cost least. */
const hashingAll = `${pieces}
  const digest = createHash('sha256');
  const node = Buffer.alloc(65);
  for (let n = readSync(fd, piece); n > 0; n = readSync(fd, piece)) {
    digest.update(piece.subarray(0, n));
    for (let from = 0; from < n;) {
      const end = piece.indexOf(10, from);
      const to = end < 0 || end >= n ? n : end + 1;
      hash('sha256', piece.subarray(from, to), 'hex');
      hash('sha256', node, 'hex');
      from = to;
    }
  }
  digest.digest();`;

/** CPU seconds, and the peak of the resident set, of a process that does this alone. */
function inChild(work: string, args: readonly string[]): { seconds: number; peakMiB: number } {
  const script = `${work}
  const { user, system } = process.cpuUsage();
  const { readFileSync } = await import('node:fs');
  // Not ru_maxrss: a child starts with that of the process that forked it.
  const peakKiB = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  console.log(JSON.stringify({ seconds: (user + system) / 1e6, peakMiB: peakKiB / 1024 }));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...args], {
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as { seconds: number; peakMiB: number };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
