import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { continuationOf } from '../record/continuation.ts';
import { payloadsOf } from '../record/payloads.ts';
import { checkRun, readRun } from '../record/read.ts';
import { boardFileOf } from './board-of-run.ts';
import { planOf } from './plan-command.ts';
import { silentProgress } from './progress.ts';
import { prepare } from './prepare.ts';
import { Session, type SessionOptions } from './session.ts';
import { testBoard, type TestBoard } from './test/command.ts';
import { mustBeTheSame, newestUnfinishedRun, unfinishedRun } from './unfinished-run.ts';

describe('A run that stops for want of room', function () {
  this.timeout(180_000);
  let board: TestBoard;

  beforeEach(() => {
    board = testBoard((text) => text.replace('withinMs: 300', 'withinMs: 1500'), patient);
  });
  afterEach(() => {
    board.remove();
  });
  const patient = (text: string): string => text.replace('bootsWithinMs: 5000', 'bootsWithinMs: 60000');

  it('says so in its record, leaves it open, and is found by --resume with all that it is bound to', async () => {
    const prepared = await prepare(board.board);
    const options: SessionOptions = {
      outDir: board.out,
      selected: [],
      leftOut: [],
      progress: silentProgress,
      plan: planOf(prepared, [], { depth: 'smoke', ingress: 'primary', case: [] }),
      command: ['fieldproof', 'run'],
      defects: [],
      cuts: 40,
      depth: 'smoke',
      everyIngress: false,
      lane: '',
      interactive: false,
      withinMs: 600_000,
    };
    const session = await Session.open(prepared, options);
    session.pause('only 5 MiB are left on the disk');
    await session.close();

    assert.deepEqual(checkRun(session.runDir), []);
    const { entries } = readRun(session.runDir);
    const said = entries.findLast((entry) => entry.kind === 'bench');
    assert.equal(said?.payload.action, 'run interrupted');
    assert.match(said?.payload.detail ?? '', /^only 5 MiB are left .*--resume$/);
    assert.ok(!entries.some(({ kind }) => kind === 'run-closed' || kind === 'record-closed'));
    assert.equal(continuationOf(entries)?.ended, false);

    const run = newestUnfinishedRun(board.out, 'simulated-console');
    assert.equal(run.dir, session.runDir);
    assert.equal(boardFileOf(run.dir), board.board);
    assert.throws(
      () => newestUnfinishedRun(board.out, 'another-board'),
      /no unfinished run of another-board/,
    );
    mustBeTheSame(unfinishedRun(run.dir), prepared, options);
    const changed = {
      ...prepared,
      sources: {
        ...prepared.sources,
        environment: [{ name: 'PORT', path: ['wires'], value: '/dev/ttyUSB1' }],
      },
      board: { ...prepared.board, images: { golden: prepared.board.images.pair } } as typeof prepared.board,
    };
    assert.throws(
      () => mustBeTheSame(run, changed, options),
      /image golden: was be3b.*, is c631[^]*image pair: was c631.*, is gone[^]*environment.json: was/,
    );
  });

  it('has its inputs beside the record, as they were read', async () => {
    const prepared = await prepare(board.board);
    const session = await Session.open(prepared, {
      outDir: board.out,
      selected: [],
      leftOut: [],
      progress: silentProgress,
      plan: planOf(prepared, [], { depth: 'smoke', ingress: 'primary', case: [] }),
      command: [],
      defects: [],
      cuts: 40,
      depth: 'smoke',
      everyIngress: false,
      lane: '',
      interactive: false,
      withinMs: 600_000,
    });
    await session.close();
    const { entries } = readRun(session.runDir);
    const [opened] = entries;
    assert.ok(opened?.kind === 'run-opened');
    const { inputs = [], images, build, declaration } = opened.payload;
    const names = ['board.yaml', 'declaration.yaml', 'environment.json', 'plan.json'];
    const ofCatalogue = ['cases', 'catalogue', 'claims', 'ledger', 'requirements'];
    assert.deepEqual(
      inputs.map(({ name }) => name).sort(),
      [...names, ...ofCatalogue.map((name) => `catalogue/${name}.yaml`)].sort(),
    );
    const text = (name: string): string => {
      const { sha256 = '' } = inputs.find((each) => each.name === name) ?? {};
      return readFileSync(join(session.runDir, 'payloads', sha256), 'utf8');
    };
    assert.equal(text('board.yaml'), readFileSync(board.board, 'utf8'));
    assert.equal(inputs.find(({ name }) => name === 'declaration.yaml')?.sha256, declaration.sha256);
    assert.equal((JSON.parse(text('plan.json')) as { depth: string }).depth, 'smoke');
    assert.ok(images.length > 5 && images.every(({ kept }) => kept === true));
    assert.match(build ?? '', /^[0-9a-f]{64}$/);
    assert.equal(
      payloadsOf(entries).length,
      new Set([...inputs, ...images].map(({ sha256 }) => sha256)).size,
    );
  });
});
