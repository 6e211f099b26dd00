/** A run in memory around a fake device: everything that the lifecycle asks for, and a record that keeps it all. */

import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { BoardFile, Declaration } from '../../board/index.ts';
import type { Device, FirmwareImage } from '../../capabilities.ts';
import type { Catalogue } from '../../catalogue/index.ts';
import { NotExecuted, UsageError } from '../../errors.ts';
import { nothingEarlier } from '../../record/continuation.ts';
import type { RunEventKind, RunEvents } from '../../record/events.ts';
import type { Verdict } from '../../verdict.ts';
import { CaseContext } from '../case-context.ts';
import { judge, type Outcome } from '../judge.ts';
import { setCurrentRun, type BenchHands, type Run } from '../run.ts';
import type { CaseBody, CasePlan } from '../test-case.ts';
import { FakeGateway, timing, type Faults } from './fake-gateway.ts';
import { loadImageEngine } from '../image-engine.ts';

await loadImageEngine(); // as a run has before its first case

const folder = fileURLToPath(new URL('../../../boards/simulated/images/', import.meta.url));
const files = {
  golden: ['golden-1.2.0.bin', 5],
  pair: ['pair-1.2.1.bin', 5],
  older: ['older-1.1.0.bin', 4],
  newer: ['newer-1.3.0.bin', 6],
  crashing: ['crashing-1.3.1.bin', 6],
  hanging: ['hanging-1.3.3.bin', 6],
  maximumCounter: ['highest-counter-1.3.2.bin', 0xffffffff],
} as const;

const read = (name: string, file: string): FirmwareImage => {
  const bytes = readFileSync(folder + file);
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
};
const genuine = new Map(Object.entries(files).map(([name, [file]]) => [name, read(name, file)]));
const counters = new Map(
  Object.entries(files).map(([name, [, counter]]) => [genuine.get(name)?.sha256 ?? '', counter]),
);

/** One of the simulated gateway's images. */
export function image(name: keyof typeof files): FirmwareImage {
  const found = genuine.get(name);
  if (found === undefined) throw new Error(`no image ${name}`);
  return found;
}

/** The golden image with one byte of its payload flipped. */
export function forged(at = 4096, name = 'forged'): FirmwareImage {
  const bytes = Uint8Array.from(image('golden').bytes);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export interface Entry {
  kind: RunEventKind;
  payload: RunEvents[RunEventKind];
  caseId?: string;
  step?: string;
  attempt?: number;
}

export interface FakeRunOptions {
  faults?: Faults;
  device?: (device: Device, gateway: FakeGateway) => Device;
  declaration?: Partial<Declaration>;
  profile?: Partial<BoardFile['profile']>;
  board?: Partial<BoardFile>;
  images?: readonly (keyof typeof files)[];
  /** Wires that fail the bench's self-test. */
  faulty?: readonly string[];
  /** Wires that are lost for good. */
  lost?: readonly string[];
  requirements?: Readonly<Record<string, 'mandatory' | 'conditional'>>;
  depth?: Run['depth'];
  everyIngress?: boolean;
  testKey?: Run['testKey'];
  cuts?: number;
  /** What an interrupted part of the run left. */
  earlier?: Run['earlier'];
  series?: readonly (keyof typeof files)[];
}

/** As the simulated gateway's, with times that a test can wait for. */
export const declared: Declaration = {
  declaration: 1,
  device: { vendor: 'Example Works', model: 'GW' },
  ingresses: { ymodem: { refusesAt: ['transfer', 'verify'], answersWithinMs: 1000 } },
  update: {
    format: 'mcuboot',
    bootsWithinMs: timing.bootsWithinMs,
    confirmation: 'required',
    unconfirmedReverts: true,
    equalCounter: 'accept',
    appendedData: 'refuse',
    raisesFloorAt: 'confirm',
  },
  controls: { way: 'pair' },
  audit: {
    withinMs: timing.auditMs,
    updateRefused: { event: 'update-refused' },
    bootRefused: { event: 'boot-refused' },
    commandRefused: { event: 'command-refused' },
    channelClosed: { event: 'channel-closed' },
    integrityAlarm: { event: 'integrity-alarm' },
    factoryReset: { event: 'factory-reset' },
  },
  processDuringUpdate: 'continues',
  notApplicable: [],
};

const use = (wire: string) => ({ adapter: 'fake', wire, settings: {} });

export interface FakeRun extends Run {
  readonly gateway: FakeGateway;
  readonly entries: Entry[];
  readonly ended: { id: string; verdict: Verdict; provisional: boolean; reason: string }[];
  stop(reason?: string): void;
}

/** A fresh run, made the current one; end it with `setCurrentRun(undefined)`. */
export function fakeRun(options: FakeRunOptions = {}): FakeRun {
  const gateway = new FakeGateway(image('golden'), counters, options.faults);
  const device = gateway.device();
  const entries: Entry[] = [];
  const ended: FakeRun['ended'] = [];
  let reject: (error: Error) => void = () => undefined;
  const interruption = new Promise<never>((_resolve, no) => (reject = no));
  interruption.catch(() => undefined);
  const profile = {
    ready: use('console'),
    firmware: {
      version: use('console'),
      ingresses: { ymodem: use('console') },
      factoryReset: use('console'),
    },
    process: { read: use('modbus'), unit: 'bar', changesWithinMs: timing.periodMs },
    power: 'power',
    ...options.profile,
  } as unknown as BoardFile['profile'];
  const images = new Map((options.images ?? ['golden', 'pair', 'older', 'newer']).map((n) => [n, image(n)]));
  const wires = (names: readonly string[] = []) =>
    names.map((wire) => ({ wire, error: new Error('faulty') }));
  const bench: BenchHands = {
    selfTest: async () => wires(options.faulty),
    reopenLost: async () => wires(options.lost),
  };
  const run: FakeRun = {
    gateway,
    entries,
    ended,
    board: {
      board: 'fake',
      title: 'fake',
      wires: {},
      profile,
      images: Object.fromEntries(images),
      keys: {},
      allow: [],
      ...options.board,
    } as unknown as BoardFile,
    declaration: { ...declared, ...options.declaration },
    catalogue: catalogueOf(options.requirements),
    device: options.device?.(device, gateway) ?? device,
    bench,
    record: {
      append: (kind, payload, context) => void entries.push({ kind, payload, ...context }),
      keepImage: ({ name, sha256 }) => ({ name, sha256, kept: true }),
      checkpoint: () => undefined,
    },
    images,
    series: (options.series ?? []).map((name) => image(name)),
    keys: new Map([['commands', Buffer.alloc(32, 7)]]),
    seed: '00'.repeat(16),
    progress: {
      caseStarted: () => undefined,
      caseEnded: (id, verdict, provisional, reason) => void ended.push({ id, verdict, provisional, reason }),
    },
    selected: new Set(),
    cuts: options.cuts ?? 4,
    depth: options.depth ?? 'standard',
    everyIngress: options.everyIngress ?? false,
    testKey: options.testKey,
    makersKeys: [],
    poisoned: undefined,
    interrupted: false,
    interruption,
    imagesLeftOut: new Map(),
    verdicts: new Map(),
    earlier: options.earlier ?? nothingEarlier,
    stop: (reason = 'the operator ended the run') => {
      run.interrupted = true;
      reject(new NotExecuted('interrupted', reason));
    },
  };
  setCurrentRun(run);
  return run;
}

function catalogueOf(
  kinds: Readonly<Record<string, 'mandatory' | 'conditional'>> = { 'FP-SIG-1': 'mandatory' },
): Catalogue {
  const requirements = Object.keys(kinds);
  return {
    case: (id: string) => {
      if (id === 'SIG-99') throw new UsageError('unknown-case', `no case ${id}`);
      return { id, suite: 'signature-rejection', severity: 'critical', requirements };
    },
    requirement: (id: string) => ({ id, kind: kinds[id] ?? 'mandatory' }),
  } as unknown as Catalogue;
}

/** Judges one body as the case `id`. */
export function judged(
  run: Run,
  body: CaseBody,
  { id = 'SIG-02', plan = { needs: [] } }: { id?: string; plan?: CasePlan } = {},
): Promise<Outcome> {
  return judge(run, { id, title: 'does what it must', plan }, body);
}

/** A case's hands outside of any case, for tests of single parts. */
export function contextOf(run: Run, id = 'SIG-02'): CaseContext {
  return new CaseContext(run, id);
}

/** Payloads of one kind, in order. */
export function payloads<Kind extends RunEventKind>(run: FakeRun, kind: Kind): RunEvents[Kind][] {
  return run.entries.filter((entry) => entry.kind === kind).map((entry) => entry.payload as RunEvents[Kind]);
}
