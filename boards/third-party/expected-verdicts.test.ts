import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { stringify } from 'yaml';
import type { RunModel } from '../../harness/record/run-model.ts';
import { mustBeAsExplained, readExpectedVerdicts, unexplained } from './expected-verdicts.ts';
import type { Judgement } from './judge.ts';

const explained = {
  cases: ['SIG-01'],
  verdict: 'conforms' as const,
  why: 'it says no and starts nothing',
  lines: ['^refused$'],
};

describe('verdicts.yaml', () => {
  let folder = '';
  before(() => void (folder = mkdtempSync(join(tmpdir(), 'fieldproof-verdicts-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const read = (verdicts: readonly object[]): unknown => {
    const file = join(folder, 'verdicts.yaml');
    writeFileSync(file, stringify([{ board: 'b', about: 'faithful', verdicts }]));
    return readExpectedVerdicts(file);
  };

  it('is read with nothing left to guess', () => {
    const { cases, verdict, why } = explained;
    assert.deepEqual(read([{ cases, verdict, why }]), [
      { board: 'b', about: 'faithful', options: [], verdicts: [{ cases, verdict, why, lines: [] }] },
    ]);
  });

  for (const [what, entry, says] of [
    ['a word that is no verdict', { verdict: 'passes' }, /verdict/],
    ['a verdict without its reason for people', { why: '' }, /why/],
    ['a verdict of no case', { cases: [] }, /cases/],
    ['a key that is mistyped', { line: ['x'] }, /line/],
    ['a line that is no regular expression', { lines: ['(?<x'] }, /not a regular expression/],
    ['an empty line, which everything would match', { lines: [''] }, /lines/],
    ['a case that is explained twice in one entry', { cases: ['SIG-01', 'SIG-01'] }, /twice: SIG-01/],
  ] as const) {
    it(`refuses ${what}`, () => void assert.throws(() => read([{ ...explained, ...entry }]), says));
  }

  it('refuses a case that is explained in two ways', () => {
    assert.throws(() => read([explained, { ...explained, verdict: 'violates' }]), /explained twice: SIG-01/);
  });

  it('stands beside every device, and names its boards only', () => {
    for (const name of readdirSync(import.meta.dirname)) {
      if (!existsSync(join(import.meta.dirname, name, 'device.ts'))) continue;
      const file = join(import.meta.dirname, name, 'verdicts.yaml');
      if (!existsSync(file)) continue; // clients: no board, and so no verdict
      for (const { board } of readExpectedVerdicts(file))
        assert.ok(existsSync(join(import.meta.dirname, name, `${board}.yaml`)), `${name}: ${board}`);
    }
  });
});

describe('a run against verdicts.yaml', () => {
  it('is as explained', () => mustBeAsExplained(judgement(), 'SIG-01', explained));

  for (const [what, run, says] of [
    [
      'a verdict that differs',
      { verdict: 'violates' },
      /explained as conforms, and was violates: all is well/,
    ],
    ['a pass where a violation is explained', { verdict: 'conforms', wanted: 'violates' }, /was conforms/],
    ['a case that did not run', { id: 'SIG-02' }, /SIG-01 did not run:\nthe run's own words/],
    ['a line that the device did not say', { heard: 'it is not refused\n' }, /did not say \/\^refused\$\//],
    ['a device that said nothing', { heard: '' }, /did not say/],
    ['another reason', { reason: 'because' }, /did not match/],
  ] as const) {
    it(`goes red for ${what}`, () => {
      const { wanted = 'conforms', ...seen }: Seen & { wanted?: 'conforms' | 'violates' } = run;
      const expected = { ...explained, verdict: wanted, reason: '^all is' };
      assert.throws(() => mustBeAsExplained(judgement(seen), 'SIG-01', expected), says);
    });
  }

  it('names every case that nobody explains', () => {
    assert.deepEqual(unexplained(judgement(), [explained]), []);
    assert.deepEqual(unexplained(judgement({ id: 'RB-01' }), [explained]), [
      { id: 'RB-01', verdict: 'conforms', reason: 'all is well' },
    ]);
  });
});

interface Seen {
  id?: string;
  verdict?: string;
  reason?: string;
  heard?: string;
}

/** What a run of one case left. */
function judgement({
  id = 'SIG-01',
  verdict = 'conforms',
  reason = 'all is well',
  heard,
}: Seen = {}): Judgement {
  return {
    model: { cases: [{ id, verdict, reason }] } as unknown as RunModel,
    said: "the run's own words",
    linesDuring: (asked) => (asked === id ? (heard ?? 'who are you?\nrefused\n') : ''),
  };
}
