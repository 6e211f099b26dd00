import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { until } from '../clock.ts';
import { checkRun } from '../record/read.ts';
import {
  descendants,
  entriesOf,
  fieldproof,
  killAll,
  mustBeGone,
  onlyRun,
  startFieldproof,
  testBoard,
  type TestBoard,
} from './test/command.ts';

/** A case that takes long: twenty power cuts. The second one is there to be kept from starting. */
const longRun = ['--case', 'SIG-28', '--case', 'RB-16'];

/** True while a signal to the process waits to be delivered. Source: proc(5), /proc/pid/status, ShdPnd. */
function isPending(pid: number, signal: NodeJS.Signals): boolean {
  const [, mask = '0'] = /ShdPnd:\s*([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

describe('fieldproof run', function () {
  this.timeout(180_000);
  let board: TestBoard | undefined;

  afterEach(async () => {
    await killAll();
    board?.remove();
    board = undefined;
  });

  it('ends with 0 for a faithful device: JSON alone on standard output, cases in the order of the catalogue', async () => {
    board = testBoard();
    const { code, stdout, stderr } = await fieldproof(
      ...[
        'run',
        board.board,
        '--case',
        'SIG-28',
        '--case',
        'SIG-02',
        '--out',
        board.out,
        '--no-report',
        '--json',
      ],
    );
    assert.equal(code, 0, stderr);
    const { cases } = JSON.parse(stdout) as { cases: { id: string; verdict: string }[] };
    assert.deepEqual(
      cases.map(({ id, verdict }) => `${id} ${verdict}`),
      ['SIG-02 conforms', 'SIG-28 conforms'],
    );
    assert.equal(stderr, '');
    const started = entriesOf(onlyRun(board.out)).filter(({ kind }) => kind === 'case-started');
    assert.deepEqual(
      started.map(({ caseId }) => caseId),
      ['SIG-02', 'SIG-28'],
    );
  });

  it('tries as much as its depth says, the last one given, and says what it left out', async () => {
    board = testBoard();
    const { code, stdout, stderr } = await fieldproof(
      ...['run', board.board, '--case', 'SIG-03', '--depth', 'full', '--depth', 'smoke'],
      ...['--out', board.out, '--no-report'],
    );
    assert.equal(code, 0, stderr);
    const said = stdout.replace(/\s+/g, ' ');
    assert.match(
      said,
      /Depth smoke left out \d+ attack images: fieldproof run .* --case SIG-03 .* --depth standard $/,
    );
    const entries = entriesOf(onlyRun(board.out));
    const [opened] = entries.filter((entry) => entry.kind === 'run-opened');
    const [closed] = entries.filter((entry) => entry.kind === 'run-closed');
    assert.equal(opened?.payload.depth, 'smoke');
    assert.match(opened.payload.seed, /^[0-9a-f]{32}$/);
    assert.ok((closed?.payload.imagesLeftOut ?? 0) > 0);
  });

  it('does not start what may cost a real device unless somebody agrees, and records who did how', async () => {
    board = testBoard((text) =>
      text
        .replace(
          /^ {2}power: \{.*\}$/m,
          '  power: { driver: exec-power, onCommand: ["true"], offCommand: ["true"] }',
        )
        .replace('path: !from power.console', 'path: /dev/serial/by-id/none'),
    );
    const run = ['run', board.board, '--case', 'RB-16', '--out', board.out];
    const refused = await fieldproof(...run);
    assert.equal(refused.code, 64, refused.stderr);
    assert.match(refused.stderr, /power-cut-during-update \(RB-16\): Cuts the supply[^]*next: .*--yes/);
    assert.ok(!existsSync(board.out), 'no record, for nothing was begun');
    const agreed = await fieldproof(...run, '--yes');
    assert.equal(agreed.code, 3, 'the port is not there');
    const [opened] = entriesOf(onlyRun(board.out)).filter((entry) => entry.kind === 'run-opened');
    assert.deepEqual(opened?.payload.harmAccepted, { stimuli: ['power-cut-during-update'], by: '--yes' });
  });

  it('ends with 1 for a broken device, and with 2 for what could not be executed', async () => {
    board = testBoard();
    const run = ['run', board.board, '--out', board.out, '--no-report'];
    const broken = await fieldproof(...run, '--case', 'SIG-02', '--defect', 'accept-any-signature');
    assert.equal(broken.code, 1, broken.stderr);
    assert.match(broken.stderr, /broken on purpose: accept-any-signature/);
    assert.match(broken.stdout, /violates +SIG-02/);
    const lacking = await fieldproof(...run, '--case', 'REP-02');
    assert.equal(lacking.code, 2, lacking.stderr);
    assert.match(lacking.stdout, /not-executed +REP-02[^]*missing: a command channel/);
  });

  it('ends with 3 before the first case on a device that is not the declared one', async () => {
    board = testBoard(undefined, (text) => text.replace('model: SG-1', 'model: SG-9'));
    const { code, stderr } = await fieldproof('run', board.board, '--case', 'SIG-02', '--out', board.out);
    assert.equal(code, 3);
    assert.match(
      stderr,
      /this is not the declared device: model: declared SG-9, read SG-1\n {2}next: Attach/,
    );
    const entries = entriesOf(onlyRun(board.out));
    assert.ok(entries.some((entry) => entry.kind === 'identity' && !entry.payload.matches));
    assert.ok(!entries.some(({ kind }) => kind === 'case-started'));
  });

  it('leaves a record that says why when a port is missing, and a report can be made from it', async () => {
    board = testBoard((text) => text.replace('path: !from power.console', 'path: /dev/serial/by-id/none'));
    const { code, stdout, stderr } = await fieldproof(
      'run',
      board.board,
      '--case',
      'SIG-02',
      '--out',
      board.out,
    );
    assert.equal(code, 3);
    assert.equal(stdout, '');
    const runDir = onlyRun(board.out);
    assert.ok(stderr.includes(`its record: ${runDir}`), stderr);
    assert.match(stderr, /there is no port \/dev\/serial\/by-id\/none\n {2}next: /);
    assert.deepEqual(checkRun(runDir), []);
    const again = await fieldproof('report', runDir, '--json');
    assert.equal(again.code, 3, again.stderr);
    assert.match(again.stdout, /the run could not start: wire console[^]*there is no port/);
  });

  it('refuses a second run on the same board, naming the first, which SIGINT then ends in order', async () => {
    board = testBoard();
    const first = startFieldproof('run', board.board, ...longRun, '--out', board.out);
    await first.says(/\[2\/2\] RB-16/);
    const second = await fieldproof('run', board.board, '--case', 'SIG-02', '--out', `${board.out}-2`);
    assert.equal(second.code, 3);
    assert.match(second.stderr, new RegExp(`taken by process ${first.pid} of .* since 20\\d\\d-\\d\\d-`));
    assert.ok(!existsSync(`${board.out}-2`), 'a run that never had the board leaves nothing');

    const processes = descendants(first.pid);
    assert.ok(processes.length >= 2, 'the backplane and the device');
    process.kill(first.pid, 'SIGINT');
    const { code, stdout, stderr } = await first.ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, /SIGINT: ending the case and tearing down/);
    assert.match(stdout, /conforms +SIG-28/);
    assert.match(stdout, /not-executed +RB-16[^]*the operator ended the run \(SIGINT\)/);
    const runDir = onlyRun(board.out);
    assert.ok(existsSync(join(runDir, 'report.html')));
    assert.deepEqual(checkRun(runDir), []);
    const entries = entriesOf(runDir);
    assert.ok(entries.some((entry) => entry.kind === 'run-closed' && entry.payload.interrupted));
    assert.ok(entries.some(({ kind }) => kind === 'record-closed'));
    const switched = entries.filter(
      (entry) => entry.kind === 'bench' && /^power o/.test(entry.payload.action),
    );
    assert.deepEqual((switched.at(-1)?.payload as { action: string }).action, 'power off', 'the safe state');
    await mustBeGone(processes);
  });

  it('reaches the safe state also on a second SIGINT', async () => {
    board = testBoard();
    const run = startFieldproof('run', board.board, ...longRun, '--out', board.out);
    await run.says(/\[2\/2\] RB-16/);
    const processes = descendants(run.pid);
    process.kill(run.pid, 'SIGINT');
    // The second must come while the first is still being heeded: as soon as the system has handed that one over.
    await until(() => (isPending(run.pid, 'SIGINT') ? undefined : true), {
      withinMs: 10_000,
      everyMs: 1,
      what: 'the delivery of the first SIGINT',
    });
    process.kill(run.pid, 'SIGINT');
    const { code, stderr } = await run.ended;
    assert.match(stderr, /leaving at once: safe state, then out/);
    assert.equal(code, 3);
    await mustBeGone(processes);
    const switched = entriesOf(onlyRun(board.out)).filter(
      (entry) => entry.kind === 'bench' && /^power o/.test(entry.payload.action),
    );
    assert.deepEqual((switched.at(-1)?.payload as { action: string }).action, 'power off');
  });

  it('heeds SIGINT while it still waits for the device', async () => {
    board = testBoard((text) =>
      text.replace("send: status,\n      pattern: '^version", "send: id,\n      pattern: '^nothing"),
    );
    const run = startFieldproof('run', board.board, '--case', 'SIG-02', '--out', board.out);
    await run.says(/opening the wires/);
    const runDir = await whenWireIsOpen(board.out, 'console');
    const processes = descendants(run.pid);
    process.kill(run.pid, 'SIGINT');
    const { code, stderr } = await run.ended;
    assert.equal(code, 2, stderr);
    assert.deepEqual(checkRun(runDir), []);
    const entries = entriesOf(runDir);
    assert.ok(!entries.some(({ kind }) => kind === 'case-started'));
    assert.ok(entries.some((entry) => entry.kind === 'run-closed' && entry.payload.interrupted));
    await mustBeGone(processes);
  });

  it('leaves no simulated process when it is killed, and its record can still be reported', async () => {
    board = testBoard();
    const run = startFieldproof('run', board.board, ...longRun, '--out', board.out);
    await run.says(/\[2\/2\] RB-16/);
    const processes = descendants(run.pid);
    assert.ok(processes.length >= 2);
    process.kill(run.pid, 'SIGKILL');
    await run.ended;
    await mustBeGone(processes);
    const { code, stdout, stderr } = await fieldproof('report', onlyRun(board.out), '--json');
    assert.equal(code, 2, stderr);
    const { cases } = JSON.parse(stdout) as { cases: { id: string; verdict: string }[] };
    assert.deepEqual(
      cases.map(({ id, verdict }) => `${id} ${verdict}`),
      ['SIG-28 conforms', 'RB-16 inconclusive'],
    );
  });
});

describe('fieldproof report', function () {
  this.timeout(180_000);
  afterEach(killAll);

  it('makes table and report again from the record, and tells when the record was altered', async () => {
    const board = testBoard();
    try {
      const run = await fieldproof('run', board.board, '--case', 'REP-02', '--out', board.out, '--no-report');
      assert.equal(run.code, 2, run.stderr);
      const runDir = onlyRun(board.out);
      const again = await fieldproof('report', runDir);
      assert.equal(again.code, 2, again.stderr);
      const table = (text: string): string[] =>
        text.split('\n').filter((line) => !/^(Report|Steps, wires and history)\b/.test(line));
      assert.deepEqual(table(again.stdout), table(run.stdout));
      assert.ok(existsSync(join(runDir, 'report.html')));

      const record = join(runDir, 'record.jsonl');
      writeFileSync(record, readFileSync(record, 'utf8').replaceAll('not-executed', 'conforms'));
      const altered = await fieldproof('report', runDir);
      assert.equal(altered.code, 3);
      assert.equal(altered.stdout, '');
      assert.match(altered.stderr, /is not as it was written:\n {2}record\.jsonl/);
    } finally {
      board.remove();
    }
  });
});

/** The folder of the run, once its record says that a wire is open. */
async function whenWireIsOpen(out: string, wire: string): Promise<string> {
  return until(
    () => {
      if (!existsSync(out)) return undefined;
      const runDir = onlyRun(out);
      const text = existsSync(join(runDir, 'record.jsonl'))
        ? readFileSync(join(runDir, 'record.jsonl'), 'utf8')
        : '';
      return text.includes(`"wire":"${wire}"`) ? runDir : undefined;
    },
    { withinMs: 50_000, what: `wire ${wire} in the record` },
  );
}

describe('fieldproof qualify', function () {
  this.timeout(180_000);
  afterEach(killAll);

  it('ends the runs that it has started when it is told to end', async () => {
    const board = testBoard();
    try {
      const qualify = startFieldproof(
        'qualify',
        '--defect',
        'accept-unsigned',
        '--lanes',
        '2',
        '--out',
        board.out,
      );
      const processes = await until(
        () => {
          const found = descendants(qualify.pid);
          return found.length >= 6 ? found : undefined; // two runs, each with its backplane and device
        },
        { withinMs: 60_000, what: 'two simulated devices' },
      );
      process.kill(qualify.pid, 'SIGTERM');
      const { code, stderr } = await qualify.ended;
      assert.equal(code, 2, stderr);
      assert.match(stderr, /the operator ended the qualification/);
      await mustBeGone(processes);
    } finally {
      board.remove();
    }
  });
});
