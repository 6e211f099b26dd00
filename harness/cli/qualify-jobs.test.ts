import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { UsageError } from '../errors.ts';
import type { Defect, DefectList } from './defects.ts';
import { longestFirst, qualifyJobs, type QualifySelection } from './qualify-jobs.ts';
import { rowOf } from './qualify-run.ts';

const defect = (name: string, board: string, ...expected: string[]): Defect => ({
  name,
  description: name,
  board,
  depth: name === 'quick' ? 'smoke' : 'standard',
  expected: Object.fromEntries(expected.map((id) => [id, 'violates'])),
  collateral: {},
});
const list: DefectList = {
  boards: [
    { board: 'gateway', sentinels: ['SIG-02'], faithful: {} },
    { board: 'small', sentinels: ['RB-01'], cases: ['RB-*'], faithful: {} },
  ],
  defects: [
    defect('unsigned', 'gateway', 'SIG-01'),
    defect('quick', 'gateway', 'SIG-03'),
    defect('old', 'small', 'RB-03'),
  ],
};
const built = ['SIG-01', 'SIG-02', 'SIG-03', 'RB-01', 'RB-03'];
const catalogue = {
  select: (patterns: readonly string[]) => {
    assert.deepEqual(patterns, ['RB-*']);
    return built.filter((id) => id.startsWith('RB-')).map((id) => ({ id }) as never);
  },
};
const jobs = (selection: Partial<QualifySelection> = {}): string[] =>
  qualifyJobs(list, built, catalogue, { boards: [], defects: [], full: false, ...selection }).map(
    ({ board, defect: broken, cases, depth }) =>
      `${board.board} ${broken?.name ?? 'faithful'} ${depth}: ${cases.join(' ')}`,
  );

describe('The jobs of a qualification', () => {
  it('are each board whole, and each defect with its cases and the sentinels of its board', () => {
    assert.deepEqual(jobs(), [
      'gateway faithful standard: SIG-01 SIG-02 SIG-03 RB-01 RB-03',
      'gateway unsigned standard: SIG-01 SIG-02',
      'gateway quick smoke: SIG-02 SIG-03',
      'small faithful standard: RB-01 RB-03',
      'small old standard: RB-01 RB-03',
    ]);
  });

  it('are every case of its board for each defect with --full', () => {
    assert.equal(jobs({ full: true })[1], 'gateway unsigned standard: SIG-01 SIG-02 SIG-03 RB-01 RB-03');
  });

  it('are those of one board, or of one defect, with as much of its faithful device as that needs', () => {
    assert.deepEqual(jobs({ boards: ['small'] }), [
      'small faithful standard: RB-01 RB-03',
      'small old standard: RB-01 RB-03',
    ]);
    assert.deepEqual(jobs({ defects: ['unsigned'] }), [
      'gateway faithful standard: SIG-01 SIG-02',
      'gateway unsigned standard: SIG-01 SIG-02',
    ]);
  });

  it('are none for an unknown board, or for a defect of another one', () => {
    assert.throws(
      () => jobs({ boards: ['smal'] }),
      (error) => error instanceof UsageError && error.hint === 'Did you mean small?',
    );
    assert.throws(() => jobs({ boards: ['small'], defects: ['unsigned'] }), UsageError);
  });

  it('start with the longest', () => {
    const all = qualifyJobs(list, built, catalogue, { boards: [], defects: [], full: false });
    const registered = new Map(
      built.map((id) => [id, { id, title: id, plan: { needs: [], seconds: id === 'SIG-03' ? 50 : 1 } }]),
    );
    assert.deepEqual(longestFirst(all, registered).slice(0, 2), [0, 2]);
  });
});

describe('A row of the matrix', () => {
  it('has the verdicts of the run, and the reasons for all that does not conform', () => {
    const cases = [
      { id: 'SIG-01', verdict: 'violates', reason: 'it\n  took it' },
      { id: 'SIG-02', verdict: 'conforms', reason: 'as required' },
    ];
    const row = rowOf('unsigned', { stdout: JSON.stringify({ cases }), stderr: '', code: 1 });
    assert.deepEqual(
      [...row.verdicts],
      [
        ['SIG-01', 'violates'],
        ['SIG-02', 'conforms'],
      ],
    );
    assert.deepEqual([...(row.reasons ?? [])], [['SIG-01', 'it took it']]);
    assert.equal(row.failed, undefined);
  });

  it('says why the run failed, when it told an error or nothing at all', () => {
    const told = rowOf('unsigned', { stdout: '{"error":{}}', stderr: 'fieldproof: no port\n', code: 3 });
    assert.equal(told.failed, 'its run ended with code 3: fieldproof: no port');
    assert.equal(
      rowOf(undefined, { stdout: '', stderr: '', code: null }).failed,
      'its run ended with code null: ',
    );
  });
});
