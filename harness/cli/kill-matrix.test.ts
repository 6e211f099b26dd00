import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Verdict } from '../verdict.ts';
import type { Defect } from './defects.ts';
import { judgeMatrix, matrixText, type Matrix } from './kill-matrix.ts';

const defect = (name: string, parts: Partial<Defect> = {}): Defect => ({
  name,
  description: name,
  board: 'simulated-gateway',
  expected: {},
  collateral: {},
  ...parts,
});

const row = (name: string | undefined, verdicts: Record<string, Verdict>) => ({
  defect: name,
  verdicts: new Map(Object.entries(verdicts)),
});

/** Two cases, two defects, each caught by its case: green. */
function green(): Matrix {
  return {
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
    partial: false,
  };
}

/** The green matrix with one row put in the place of another. */
const withRow = (index: number, replacement: Matrix['rows'][number]): Matrix => {
  const matrix = green();
  return { ...matrix, rows: matrix.rows.map((each, at) => (at === index ? replacement : each)) };
};

describe('The kill matrix', () => {
  it('is green when every defect is caught by its case and the faithful device passes', () => {
    assert.deepEqual(judgeMatrix(green()), []);
    assert.match(matrixText(green(), [], '1.0'), /^QUALIFIED/m);
  });

  it('names a defect that survives', () => {
    const problems = judgeMatrix(withRow(1, row('unsigned', { 'SIG-01': 'conforms', 'RB-01': 'conforms' })));
    assert.deepEqual(problems, ['unsigned survives SIG-01: expected violates, got conforms']);
  });

  it('takes an inconclusive or missing verdict for no catch', () => {
    assert.deepEqual(judgeMatrix(withRow(1, row('unsigned', { 'SIG-01': 'inconclusive' }))), [
      'unsigned survives SIG-01: expected violates, got inconclusive',
    ]);
    assert.deepEqual(judgeMatrix(withRow(1, row('unsigned', {}))), [
      'unsigned survives SIG-01: expected violates, got nothing',
    ]);
  });

  it('names a case that catches nothing, unless only some defects were asked for', () => {
    const faithful = row(undefined, { 'SIG-01': 'conforms', 'RB-01': 'conforms', 'INT-01': 'conforms' });
    const matrix = { ...withRow(0, faithful), cases: ['SIG-01', 'RB-01', 'INT-01'] };
    assert.deepEqual(judgeMatrix(matrix), ['INT-01 catches no defect']);
    assert.deepEqual(judgeMatrix({ ...matrix, partial: true }), []);
  });

  it('does not count a defect that makes a case merely inconclusive as caught by it', () => {
    const matrix = green();
    const [first = defect(''), ...others] = matrix.defects;
    const vague = { ...first, expected: { 'SIG-01': 'inconclusive' as const } };
    const rows = withRow(1, row('unsigned', { 'SIG-01': 'inconclusive', 'RB-01': 'conforms' })).rows;
    assert.deepEqual(judgeMatrix({ ...matrix, rows, defects: [vague, ...others] }), [
      'SIG-01 catches no defect',
    ]);
  });

  it('names collateral that nobody declared, and accepts what is declared with this verdict', () => {
    const spread = row('unsigned', { 'SIG-01': 'violates', 'RB-01': 'inconclusive' });
    assert.deepEqual(judgeMatrix(withRow(1, spread)), [
      'unsigned: RB-01 is inconclusive, which is not declared',
    ]);
    const [first = defect(''), ...others] = green().defects;
    const allowing = (verdicts: Verdict[]): Matrix => ({
      ...withRow(1, spread),
      defects: [{ ...first, collateral: { 'RB-01': { verdicts, why: 'shares the boot' } } }, ...others],
    });
    assert.deepEqual(judgeMatrix(allowing(['inconclusive'])), []);
    assert.deepEqual(judgeMatrix(allowing(['error'])), [
      'unsigned: RB-01 is inconclusive, which is not declared',
    ]);
  });

  it('is not green when the faithful device is failed, or a case does not run on it', () => {
    const problems = judgeMatrix(
      withRow(0, row(undefined, { 'SIG-01': 'violates', 'RB-01': 'not-executed' })),
    );
    assert.deepEqual(problems, [
      'the faithful device: SIG-01 is violates',
      'the faithful device: RB-01 is not-executed',
    ]);
    assert.deepEqual(judgeMatrix(withRow(0, row(undefined, { 'SIG-01': 'conforms' }))), [
      'the faithful device: RB-01 was not run',
    ]);
  });

  it('names a defect that no case is expected to catch', () => {
    const matrix = green();
    const harmless = defect('harmless');
    const rows = [...matrix.rows, row('harmless', { 'SIG-01': 'conforms' })];
    assert.deepEqual(judgeMatrix({ ...matrix, rows, defects: [...matrix.defects, harmless] }), [
      'harmless: no case is expected to catch it',
    ]);
  });

  it('names an expectation of a case that does not exist', () => {
    const matrix = green();
    const [first = defect(''), ...others] = matrix.defects;
    const typo = { ...first, expected: { ...first.expected, 'SIG-1': 'violates' as const } };
    assert.deepEqual(judgeMatrix({ ...matrix, defects: [typo, ...others] }), [
      'unsigned survives SIG-1: expected violates, got nothing',
    ]);
  });

  it('says in its text who caught what, and all that is wrong', () => {
    const text = matrixText(green(), ['RB-01 catches no defect'], '1.0');
    assert.match(text, /^SIG-01 {2}catches unsigned$/m);
    assert.match(text, /^unsigned +V \.$/m);
    assert.match(text, /^NOT QUALIFIED\nRB-01 catches no defect$/m);
  });
});
