import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { until } from '../clock.ts';
import type { Entry } from '../record/entry.ts';
import { checkRun } from '../record/read.ts';
import {
  descendants,
  entriesOf,
  fieldproof,
  killAll,
  mustBeGone,
  onlyRun,
  main,
  start,
  startFieldproof,
  testBoard,
  type Ended,
  type Started,
  type TestBoard,
} from './test/command.ts';

/** A device whose times are no matter here: this test looks at the record, also on a machine that is very busy. */
function patientBoard(): TestBoard {
  return testBoard(
    // How long one question for a sign of readiness waits stays short: it is asked again and again.
    (text) =>
      text
        .replaceAll(/(blockWithinMs|verifyWithinMs): \d+/g, '$1: 60000')
        .replace('withinMs: 300', 'withinMs: 1500'),
    (text) => text.replaceAll(/(answersWithinMs|bootsWithinMs|withinMs): \d+/g, '$1: 60000'),
  );
}

/** One batch with a shared closing control, a case of its own, and one that this board cannot execute. */
const cases = ['SIG-02', 'SIG-03', 'SIG-28', 'REP-02'];
const selection = [...cases.flatMap((id) => ['--case', id]), '--depth', 'smoke'];
const verdicts = ['SIG-02 conforms', 'SIG-03 conforms', 'SIG-28 conforms', 'REP-02 not-executed'];
const quiet = ['--no-report', '--json'];

/** Entries that are whole; none while there is no record yet. */
function wholeEntries(out: string): Entry[] {
  if (!existsSync(out) || !readdirSync(out).some((name) => /^\d{8}T/.test(name))) return [];
  const path = join(onlyRun(out), 'record.jsonl');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Entry);
}

interface KillPoint {
  name: string;
  /** Entries of this part of the run alone. */
  when: (entries: readonly Entry[]) => boolean;
}

const startedIs = (id: string) => (entry: Entry) => entry.kind === 'case-started' && entry.caseId === id;

const killPoints: readonly KillPoint[] = [
  { name: 'while the wires are opened', when: (entries) => entries.length >= 3 },
  {
    name: 'in the middle of a transfer',
    when: (entries) => entries.at(-1)?.kind === 'stimulus' && entries.at(-1)?.caseId === 'SIG-02',
  },
  { name: 'in a batch, with provisional verdicts', when: (entries) => entries.some(startedIs('SIG-03')) },
  { name: 'in a case after the batch', when: (entries) => entries.some(startedIs('SIG-28')) },
  {
    name: 'while the wires are closed',
    when: (entries) => entries.some((entry) => entry.kind === 'bench' && entry.payload.action === 'close'),
  },
];

/** Kills the process without a word as soon as its record is so far, and waits until nothing of it is left. */
async function killedAt({ name, when }: KillPoint, run: Started, out: string, before: number): Promise<void> {
  await until(
    () => {
      if (run.child.exitCode !== null) throw new Error(`it ended before "${name}": ${run.stderr()}`);
      return when(wholeEntries(out).slice(before)) ? true : undefined;
    },
    { withinMs: 240_000, everyMs: 2, what: name },
  );
  const processes = descendants(run.pid);
  process.kill(run.pid, 'SIGKILL');
  const { code, stderr } = await run.ended;
  assert.equal(code, null, `${name}: it had ended by itself: ${stderr}`);
  await mustBeGone(processes);
}

const verdictsOf = ({ stdout }: Ended): string[] =>
  (JSON.parse(stdout) as { cases: { id: string; verdict: string }[] }).cases.map(
    ({ id, verdict }) => `${id} ${verdict}`,
  );

describe('fieldproof run --resume', function () {
  this.timeout(900_000);
  let board: TestBoard | undefined;

  afterEach(async () => {
    await killAll();
    board?.remove();
    board = undefined;
  });

  it('comes to what an undisturbed run comes to, wherever the run was killed, and loses nothing', async () => {
    board = patientBoard();
    const { out } = board;
    let run = startFieldproof('run', board.board, ...selection, '--out', out, ...quiet);
    let before = Buffer.alloc(0);
    let entries = 0;
    for (const [index, point] of killPoints.entries()) {
      await killedAt(point, run, out, entries);
      assert.deepEqual(checkRun(onlyRun(out)), [], point.name);
      const record = readFileSync(join(onlyRun(out), 'record.jsonl'));
      assert.ok(record.subarray(0, before.length).equals(before), `${point.name}: what was there is there`);
      before = record;
      entries = wholeEntries(out).length;
      // By the board, which means its newest unfinished run, and by the folder, which knows its board.
      const which = index % 2 === 0 ? [board.board, '--resume'] : ['--resume', onlyRun(out)];
      run = startFieldproof('run', ...which, '--out', out, ...quiet);
    }
    const ended = await run.ended;
    assert.equal(ended.code, 2, ended.stderr);
    assert.deepEqual(verdictsOf(ended), verdicts);
    const runDir = onlyRun(out);
    assert.deepEqual(checkRun(runDir), []);
    const record = readFileSync(join(runDir, 'record.jsonl'));
    assert.ok(record.subarray(0, before.length).equals(before));

    const all = entriesOf(runDir);
    const parts = all.filter(({ kind }) => kind === 'run-resumed');
    assert.equal(parts.length, killPoints.length);
    const final = all.filter((entry) => entry.kind === 'verdict' && !entry.payload.provisional);
    assert.deepEqual(final.map(({ caseId }) => caseId).sort(), [...cases].sort(), 'each is decided once');
    const { resumed, tookMs } = JSON.parse(ended.stdout) as { resumed: { gapMs: number }[]; tookMs: number };
    assert.equal(resumed.length, killPoints.length);
    const whole = (all.at(-1)?.tMono ?? 0) - (all[0]?.tMono ?? 0);
    const gaps = resumed.reduce((sum, { gapMs }) => sum + gapMs, 0);
    assert.ok(gaps > 0 && tookMs <= whole - gaps + 1000, 'the gaps are not counted');

    await closesOnly(runDir, out);
    const again = await fieldproof('run', '--resume', runDir, '--out', out, ...quiet);
    assert.equal(again.code, 3);
    assert.match(again.stderr, /it is closed and sealed/);
    const none = await fieldproof('run', board.board, '--resume', '--out', out, ...quiet);
    assert.equal(none.code, 64, none.stderr);
    assert.match(none.stderr, /no unfinished run of simulated-console/);
  });

  /** A kill between two writes at the very end cannot be timed; what it leaves can be made. */
  async function closesOnly(runDir: string, out: string): Promise<void> {
    const path = join(runDir, 'record.jsonl');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    for (const left of [lines, lines.slice(0, -1)]) {
      for (const file of ['seal.json', 'seal.dsse.json', 'seal-key.pem']) rmSync(join(runDir, file));
      writeFileSync(path, left.map((line) => `${line}\n`).join(''));
      await mustHaveCheckpoint(runDir, out);
      const closed = await fieldproof('run', '--resume', runDir, '--out', out, ...quiet);
      assert.equal(closed.code, 2, closed.stderr);
      assert.deepEqual(verdictsOf(closed), verdicts);
      assert.ok(existsSync(join(runDir, 'seal.dsse.json')));
      assert.deepEqual(checkRun(runDir), []);
    }
  }

  async function mustHaveCheckpoint(runDir: string, out: string): Promise<void> {
    const path = join(runDir, 'checkpoint.dsse.json');
    const checkpoint = readFileSync(path);
    rmSync(path);
    const refused = await fieldproof('run', '--resume', runDir, '--out', out, ...quiet);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /checkpoint\.dsse\.json is missing[^]*next: Run again/);
    assert.ok(!existsSync(join(runDir, 'seal.json')));
    writeFileSync(path, checkpoint);
  }

  it('keeps a violation, and is refused, naming each difference, when anything is not as it was', async () => {
    board = patientBoard();
    const { out } = board;
    const run = startFieldproof(
      ...['run', board.board, '--case', 'SIG-28', '--case', 'REP-02', '--depth', 'smoke'],
      ...['--defect', 'accept-any-signature', '--out', out, ...quiet],
    );
    const point = {
      name: 'after a violation',
      when: (all: readonly Entry[]) => all.some(startedIs('REP-02')),
    };
    await killedAt(point, run, out, 0);
    const record = join(onlyRun(out), 'record.jsonl');
    const before = readFileSync(record);

    const files = [board.board, join(board.folder, 'device.declaration.yaml')];
    const texts = files.map((file) => readFileSync(file));
    for (const file of files) appendFileSync(file, '# altered\n');
    const other = ['--depth', 'full', '--cuts', '7', '--case', 'SIG-28', '--defect', 'accept-unsigned'];
    const refused = await fieldproof('run', board.board, '--resume', ...other, '--out', out);
    assert.equal(refused.code, 3);
    const differences = [
      /board file: was [0-9a-f]{64}, is [0-9a-f]{64}/,
      /declaration: was [0-9a-f]{64}/,
      /selected cases: was SIG-28 REP-02, is SIG-28\n/,
      /depth: was smoke, is full/,
      /power cuts of a sweep: was 40, is 7/,
      /defects: was accept-any-signature, is accept-unsigned/,
    ];
    for (const difference of differences) assert.match(refused.stderr, difference);
    assert.doesNotMatch(refused.stderr, /harness: was|catalogue: was/);
    assert.ok(readFileSync(record).equals(before), 'nothing was written');

    files.forEach((file, index) => {
      writeFileSync(file, texts[index] ?? '');
    });
    const ended = await fieldproof('run', board.board, '--resume', '--out', out, ...quiet);
    assert.equal(ended.code, 1, ended.stderr);
    assert.deepEqual(verdictsOf(ended), ['SIG-28 violates', 'REP-02 not-executed']);
    assert.ok(readFileSync(record).subarray(0, before.length).equals(before));
  });

  it('goes on after the disk took no more, which the run had told with the next step', async () => {
    board = patientBoard();
    const { out } = board;
    const command = [process.execPath, ...main, 'run', board.board, '--case', 'SIG-02', '--depth', 'smoke'];
    // As a full disk: once the case is under way, files end at 64 KiB, in the middle of the first wire segment.
    const ignoring = `trap '' XFSZ; exec "$@"`;
    const run = start('bash', ['-c', ignoring, 'bash', ...command, '--out', out, ...quiet]);
    const started = (): true | undefined => (wholeEntries(out).some(startedIs('SIG-02')) ? true : undefined);
    await until(started, { withinMs: 240_000, everyMs: 5, what: 'the start of the case' });
    execFileSync('prlimit', ['--pid', String(run.pid), `--fsize=${64 * 1024}`]);
    const full = await run.ended;
    assert.equal(full.code, 3, full.stderr);
    assert.match(full.stderr, /EFBIG[^]*next: .*--resume/);
    assert.deepEqual(checkRun(onlyRun(out)), []);
    const ended = await fieldproof('run', board.board, '--resume', '--out', out, ...quiet);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(verdictsOf(ended), ['SIG-02 conforms']);
    assert.deepEqual(checkRun(onlyRun(out)), []);
  });
});
