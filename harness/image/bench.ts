/**
 * How fast attack images are made beside `openssl dgst -sha256` of the same file, in CPU time, so that other work on the
 * machine counts for neither; how much memory it takes; and how many small images can be inspected.
 */

import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { bytesSource } from './byte-source.ts';
import type { ImageFormat } from './format.ts';
import { detachedFormat, type DetachedLayoutInput } from './formats/detached/index.ts';
import { opaque } from './formats/opaque/index.ts';
import { formatOf } from './recognise.ts';
import type { Sample } from './test/sample.ts';

const goldenBytes = 512 * 1024 * 1024;

export interface AttackBench {
  /** The digest-bound attack that came out slowest, in MB per second of CPU time. */
  slowest: { id: string; rate: number };
  /** All of them together. */
  all: number;
  openssl: number;
  /** Peak of the resident set above that of the same process before the first attack. */
  extraMiB: number;
}

/** What the child prints: CPU seconds and bytes by attack. */
export interface ChildResult {
  attacks: { id: string; bytes: number; cpuSeconds: number }[];
  extraMiB: number;
}

/** Makes the golden image on disk, and every attack image of it in a process of its own. */
export function benchAttacks(): AttackBench {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-bench-'));
  try {
    const { path, older } = writeGolden(folder);
    const rounds = [0, 1, 2].map(() => ({ openssl: opensslRate(path), ours: inChild(path, older) }));
    const openssl = median(rounds.map((round) => round.openssl));
    const [first] = rounds;
    if (first === undefined) throw new Error('no rounds');
    const rateOf = (id: string): number =>
      median(rounds.map(({ ours }) => rate(ours.attacks.filter((attack) => attack.id === id))));
    const bound = first.ours.attacks
      .filter(({ id }) => isDigestBound(id))
      .map(({ id }) => ({ id, rate: rateOf(id) }))
      .sort((a, b) => a.rate - b.rate);
    const [slowest = { id: 'none', rate: Number.NaN }] = bound;
    return {
      slowest,
      all: median(rounds.map(({ ours }) => rate(ours.attacks))),
      openssl,
      extraMiB: Math.max(...rounds.map(({ ours }) => ours.extraMiB)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Changes near the front: everything behind them is hashed anew. */
function isDigestBound(id: string): boolean {
  return /-header-|-payload-first-/.test(id);
}

function rate(attacks: readonly { bytes: number; cpuSeconds: number }[]): number {
  const bytes = attacks.reduce((sum, attack) => sum + attack.bytes, 0);
  return bytes / 1e6 / attacks.reduce((sum, attack) => sum + attack.cpuSeconds, 0);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** CPU time of openssl by the shell's own account of its children. */
function opensslRate(path: string): number {
  const { stdout, status } = spawnSync(
    'bash',
    ['-c', 'openssl dgst -sha256 "$0" >/dev/null && times', path],
    {
      encoding: 'utf8',
    },
  );
  const [, children = ''] = stdout.trim().split('\n');
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest),
    0,
  );
  if (status !== 0 || seconds === 0) throw new Error('openssl is needed to compare with (package openssl)');
  return statSync(path).size / 1e6 / seconds;
}

function inChild(path: string, older: string): ChildResult {
  const script = new URL('bench-child.js', import.meta.url.replace(/\/harness\//, '/dist/harness/'));
  const { stdout, stderr, status } = spawnSync(process.execPath, [script.pathname, path, older], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`the bench's child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as ChildResult;
}

/** A golden MCUboot image and a small older one, signed by one key. */
function writeGolden(folder: string): { path: string; older: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const path = join(folder, 'golden.bin');
  const older = join(folder, 'older.bin');
  writeImage(path, privateKey, goldenBytes, 2);
  writeImage(older, privateKey, 4096, 1);
  return { path, older };
}

/** MCUboot's layout, streamed: header, payload of a repeated block, TLVs. */
function writeImage(path: string, key: KeyObject, payloadBytes: number, version: number): void {
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0x96f3b83d, 0);
  header.writeUInt16LE(32, 8);
  header.writeUInt32LE(payloadBytes, 12);
  header.writeUInt8(version, 20);
  const block = Buffer.alloc(4096, createHash('sha512').update('block').digest());
  const hash = createHash('sha256').update(header);
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, header);
    for (let at = 0; at < payloadBytes; at += block.length) {
      hash.update(block);
      writeSync(fd, block);
    }
    writeSync(fd, trailer(key, hash.digest()));
  } finally {
    closeSync(fd);
  }
}

/** SHA-256, key hash and Ed25519 signature, whose message is the digest. */
function trailer(key: KeyObject, digest: Buffer): Buffer {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const tlvs = Buffer.concat([
    tlv(0x10, digest),
    tlv(0x01, createHash('sha256').update(spki).digest()),
    tlv(0x24, sign(null, digest, key)),
  ]);
  const info = Buffer.alloc(4);
  info.writeUInt16LE(0x6907, 0);
  info.writeUInt16LE(tlvs.length + 4, 2);
  return Buffer.concat([info, tlvs]);
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(type, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, value]);
}

export interface InspectionBench {
  format: string;
  bytes: number;
  perSecond: number;
  digestsPerSecond: number;
}

/** Recognised, parsed, described and verified; beside one SHA-256 of the same bytes. */
export async function benchInspection(): Promise<InspectionBench[]> {
  const folder = join(import.meta.dirname, 'formats');
  const results: InspectionBench[] = [];
  for (const name of readdirSync(folder).filter((entry) => !entry.includes('.'))) {
    const file = join(folder, name, 'test', 'samples.ts');
    const [first] = existsSync(file) ? await samplesOf(file) : [];
    if (first === undefined) continue;
    const { sample } = first;
    const format = first.format ?? formatOf(bytesSource(sample.bytes)) ?? opaque;
    const perSecond = perSecondOf(() => inspect(format, sample));
    const digestsPerSecond = perSecondOf(() => createHash('sha256').update(sample.bytes).digest());
    results.push({ format: format.title, bytes: sample.bytes.length, perSecond, digestsPerSecond });
  }
  return results;
}

interface Inspected {
  sample: Sample;
  /** Where the content does not tell it. */
  format?: ImageFormat;
}

/** What a format brings for its tests: samples, or sets of samples with a layout of their own. */
interface SampleModule {
  sampleSets?: readonly {
    layout: DetachedLayoutInput;
    samples: () => Promise<readonly Sample[]> | readonly Sample[];
  }[];
  [makesSamples: string]: unknown;
}

async function samplesOf(file: string): Promise<Inspected[]> {
  const module = (await import(pathToFileURL(file).href)) as SampleModule;
  const [set] = module.sampleSets ?? [];
  if (set !== undefined) {
    const format = detachedFormat(set.layout);
    return (await set.samples()).map((sample) => ({ sample, format }));
  }
  const [, make] = Object.entries(module).find(([name]) => name.endsWith('Samples')) ?? [];
  const samples = await (make as () => Promise<readonly Sample[]>)();
  return samples.map((sample) => ({ sample }));
}

function inspect(format: ImageFormat, sample: Sample): void {
  const source = bytesSource(sample.bytes);
  formatOf(source);
  const image = format.parse(source);
  format.facts(source, image);
  format.verifier({ keys: sample.keys, genuine: [], policy: sample.policy ?? {} })(source);
}

function perSecondOf(work: () => unknown): number {
  const endsAt = performance.now() + 1000;
  const from = process.cpuUsage();
  let count = 0;
  for (; performance.now() < endsAt; count += 1) work();
  const { user, system } = process.cpuUsage(from);
  return (count * 1e6) / (user + system);
}
