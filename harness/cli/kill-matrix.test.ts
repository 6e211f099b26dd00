import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Verdict } from '../verdict.ts';
import type { Defect, QualifiedBoard } from './defects.ts';
import { judgeMatrix, type BoardMatrix, type KillMatrix } from './kill-matrix.ts';
import { matrixPage, matrixText } from './kill-matrix-text.ts';

const defect = (name: string, parts: Partial<Defect> = {}): Defect => ({
  name,
  description: name,
  board: 'gateway',
  depth: 'standard',
  expected: {},
  collateral: {},
  ...parts,
});

const board: QualifiedBoard = { board: 'gateway', sentinels: ['RB-01'], faithful: {} };

const row = (name: string | undefined, verdicts: Record<string, Verdict>) => ({
  defect: name,
  verdicts: new Map(Object.entries(verdicts)),
});

/** Two cases, two defects, each caught by its case: green. */
function green(): BoardMatrix {
  return {
    board,
    cases: ['SIG-01', 'RB-01'],
    defects: [
      defect('unsigned', { expected: { 'SIG-01': 'violates' } }),
      defect('old', { expected: { 'RB-01': 'violates' } }),
    ],
    rows: [
      row(undefined, { 'SIG-01': 'conforms', 'RB-01': 'conforms' }),
      row('unsigned', { 'SIG-01': 'violates', 'RB-01': 'conforms' }),
      row('old', { 'SIG-01': 'conforms', 'RB-01': 'violates' }),
    ],
  };
}

/** The green matrix with one row put in the place of another. */
const withRow = (index: number, replacement: BoardMatrix['rows'][number]): BoardMatrix => {
  const matrix = green();
  return { ...matrix, rows: matrix.rows.map((each, at) => (at === index ? replacement : each)) };
};

/** What is wrong with the whole qualification, of which these boards are all. */
const judged = (boards: readonly BoardMatrix[], partial = false): string[] =>
  judgeMatrix({ boards, cases: [...new Set(boards.flatMap(({ cases }) => cases))], partial });
const judge = (matrix: BoardMatrix, partial = false): string[] => judged([matrix], partial);

const making = { catalogueVersion: '1.0', command: 'fieldproof qualify --full', tookMs: 61_000 };
const whole = (): KillMatrix => ({ boards: [green()], cases: ['SIG-01', 'RB-01'], partial: false });

describe('The kill matrix', () => {
  it('is green when every defect is caught by its case and the faithful device passes', () => {
    assert.deepEqual(judge(green()), []);
    assert.match(matrixText(whole(), [], making), /^QUALIFIED: .* \(3 runs in 1 min 1 s\)$/m);
  });

  it('names a defect that survives', () => {
    const problems = judge(withRow(1, row('unsigned', { 'SIG-01': 'conforms', 'RB-01': 'conforms' })));
    assert.deepEqual(problems, ['unsigned survives SIG-01: expected violates, got conforms']);
  });

  it('takes an inconclusive or missing verdict for no catch', () => {
    assert.deepEqual(judge(withRow(1, row('unsigned', { 'SIG-01': 'inconclusive' }))), [
      'unsigned survives SIG-01: expected violates, got inconclusive',
    ]);
    assert.deepEqual(judge(withRow(1, row('unsigned', {}))), [
      'unsigned survives SIG-01: expected violates, got nothing',
    ]);
  });

  it('names a case that catches nothing, unless only some defects were asked for', () => {
    const faithful = row(undefined, { 'SIG-01': 'conforms', 'RB-01': 'conforms', 'INT-01': 'conforms' });
    const matrix = { ...withRow(0, faithful), cases: ['SIG-01', 'RB-01', 'INT-01'] };
    assert.deepEqual(judge(matrix), ['gap: INT-01 catches no defect']);
    assert.deepEqual(judge(matrix, true), []);
  });

  it('does not count a defect that makes a case merely inconclusive as caught by it', () => {
    const matrix = green();
    const [first = defect(''), ...others] = matrix.defects;
    const vague = { ...first, expected: { 'SIG-01': 'inconclusive' as const } };
    const rows = withRow(1, row('unsigned', { 'SIG-01': 'inconclusive', 'RB-01': 'conforms' })).rows;
    assert.deepEqual(judge({ ...matrix, rows, defects: [vague, ...others] }), [
      'gap: SIG-01 catches no defect',
    ]);
  });

  it('names collateral that nobody declared, and accepts what is declared with this verdict', () => {
    const spread = row('unsigned', { 'SIG-01': 'violates', 'RB-01': 'inconclusive' });
    assert.deepEqual(judge(withRow(1, spread)), ['unsigned: RB-01 is inconclusive, which is not declared']);
    const [first = defect(''), ...others] = green().defects;
    const allowing = (verdicts: Verdict[]): BoardMatrix => ({
      ...withRow(1, spread),
      defects: [{ ...first, collateral: { 'RB-01': { verdicts, why: 'shares the boot' } } }, ...others],
    });
    assert.deepEqual(judge(allowing(['inconclusive'])), []);
    assert.deepEqual(judge(allowing(['error'])), ['unsigned: RB-01 is inconclusive, which is not declared']);
  });

  it('is not green when the faithful device is failed, or a case does not run on it', () => {
    const problems = judge(
      withRow(0, row(undefined, { 'SIG-01': 'violates', 'RB-01': 'not-executed' })),
      true,
    );
    assert.deepEqual(problems, [
      'the faithful device of gateway: SIG-01 is violates',
      'the faithful device of gateway: RB-01 is not-executed',
    ]);
    assert.deepEqual(judge(withRow(0, row(undefined, { 'SIG-01': 'conforms' })), true), [
      'the faithful device of gateway: RB-01 was not run',
    ]);
  });

  it('names a defect that no case is expected to catch', () => {
    const matrix = green();
    const harmless = defect('harmless');
    const rows = [...matrix.rows, row('harmless', { 'SIG-01': 'conforms' })];
    assert.deepEqual(judge({ ...matrix, rows, defects: [...matrix.defects, harmless] }), [
      'harmless: no case is expected to catch it',
    ]);
  });

  it('names an expectation of a case that does not exist', () => {
    const matrix = green();
    const [first = defect(''), ...others] = matrix.defects;
    const typo = { ...first, expected: { ...first.expected, 'SIG-1': 'violates' as const } };
    assert.deepEqual(judge({ ...matrix, defects: [typo, ...others] }), [
      'unsigned survives SIG-1: expected violates, got nothing',
    ]);
  });

  it('takes a verdict that the board declares for its faithful device, and no other', () => {
    const declaring = (verdict: Verdict): BoardMatrix => ({
      ...green(),
      defects: [],
      rows: [row(undefined, { 'SIG-01': verdict, 'RB-01': 'conforms' })],
      board: {
        ...board,
        faithful: { 'SIG-01': { verdict: 'not-executed', why: 'no way to cut its supply' } },
      },
    });
    assert.deepEqual(judge(declaring('not-executed'), true), []);
    assert.deepEqual(judge(declaring('conforms'), true), [
      'the faithful device of gateway: SIG-01 is conforms, declared as not-executed',
    ]);
    const sameWhenBroken = {
      ...declaring('not-executed'),
      defects: green().defects.slice(1),
      rows: [
        row(undefined, { 'SIG-01': 'not-executed', 'RB-01': 'conforms' }),
        row('old', { 'SIG-01': 'not-executed', 'RB-01': 'violates' }),
      ],
    };
    assert.deepEqual(judge(sameWhenBroken, true), [], 'what is so on the faithful device is no collateral');
  });

  it('is content when a case conforms on one board and catches on another, and names the gap when on none', () => {
    const declared = { 'SIG-01': { verdict: 'not-applicable' as const, why: 'it takes no firmware' } };
    const small: BoardMatrix = {
      board: { board: 'small', sentinels: ['RB-01'], faithful: declared },
      cases: ['SIG-01', 'RB-01'],
      defects: [],
      rows: [row(undefined, { 'SIG-01': 'not-applicable', 'RB-01': 'conforms' })],
    };
    assert.deepEqual(judged([green(), small]), []);
    assert.deepEqual(judged([small]), [
      'gap: SIG-01 conforms on no faithful device',
      'gap: SIG-01 catches no defect',
      'gap: RB-01 catches no defect',
    ]);
  });

  it('tells why a run failed, in place of all its verdicts, and why a case did not come out', () => {
    const failed = { ...row('unsigned', {}), failed: 'its run ended with code 3: no port' };
    assert.deepEqual(judge(withRow(1, failed)), ['unsigned: its run ended with code 3: no port']);
    const reasons = new Map([['RB-01', 'wire modbus is lost']]);
    const faulty = { ...row('unsigned', { 'SIG-01': 'violates', 'RB-01': 'error' }), reasons };
    assert.deepEqual(judge(withRow(1, faulty)), [
      'unsigned: RB-01 is error, which is not declared: wire modbus is lost',
    ]);
  });

  it('names a sentinel that does not run', () => {
    const matrix = { ...green(), board: { ...board, sentinels: ['INT-03', 'RB-01'] } };
    assert.deepEqual(judge(matrix), ['gateway: the sentinel INT-03 is no case that runs on this board']);
  });

  it('says in its text and on its page who caught what, and all that is wrong', () => {
    const problems = ['gap: RB-01 catches no defect'];
    const page = matrixPage(whole(), problems, making, new Date('2026-05-08T10:00:00Z'));
    for (const text of [matrixText(whole(), problems, making), page]) {
      assert.match(text, /gateway, faithful and with 2 defects/);
      assert.match(text, /^SIG-01 {2}catches unsigned$/m);
      assert.match(text, /^unsigned +V \.$/m);
      assert.match(text, /^NOT QUALIFIED \(.*\)\ngap: RB-01 catches no defect$/m);
    }
    assert.match(page, /Made by `fieldproof qualify --full` on 2026-05-08, catalogue 1\.0\./);
  });
});
