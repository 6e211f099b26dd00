import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { knownFileOf, knownOfBoard } from '../board/known-file.ts';
import { loadCatalogue } from '../catalogue/index.ts';
import { BoardFileError } from '../errors.ts';
import { exitCodeOf, type Verdict } from '../verdict.ts';
import type { KnownViolation } from './events.ts';
import { exitCodeOfModel, judgeKnown, withKnown } from './known-violations.ts';
import { writeMadeUpRun } from './made-up-run.ts';
import { readRun } from './read.ts';
import { modelOf, type RunModel } from './run-model.ts';

const listed = (id: string, findings: string[], expires = '2999-12-31'): KnownViolation => ({
  case: id,
  findings,
  reason: 'the new boot loader comes in June',
  agreedBy: 'J. Doe',
  expires,
});
const both = [listed('SIG-02', ['forged-image-installed']), listed('RB-03', ['counter-lowered'])];

describe('Known violations', () => {
  let folder: string;
  let whole: RunModel;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'known-'));
    writeMadeUpRun(folder);
    whole = modelOf(readRun(folder).entries);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** The run with this list, and of its cases only those with these verdicts. */
  const run = (violations: KnownViolation[], verdicts?: Verdict[]): RunModel => ({
    ...whole,
    cases: whole.cases.filter(({ verdict }) => verdicts?.includes(verdict) ?? true),
    header: { ...whole.header, known: { file: 'x.known.yaml', sha256: '', violations } },
  });
  const outcome = (entry: KnownViolation): string => judgeKnown(run([entry]))[0]?.outcome ?? 'none';

  it('are the listed ones, with the listed findings, in time', () => {
    assert.equal(outcome(listed('SIG-02', ['forged-image-installed'])), 'happened');
    assert.equal(outcome(listed('SIG-02', ['something-else'])), 'other');
    assert.equal(outcome(listed('SIG-02', ['forged-image-installed'], '2001-01-01')), 'expired');
    const today = whole.startedAt.tUtc.slice(0, 10);
    assert.equal(outcome(listed('SIG-02', ['forged-image-installed'], today)), 'happened');
    assert.equal(outcome(listed('SIG-01', ['forged-image-installed'])), 'gone');
    assert.equal(outcome(listed('SIG-01', ['forged-image-installed'], '2001-01-01')), 'gone');
    assert.equal(outcome(listed('RPL-01', ['forged-image-installed'])), 'gone');
    assert.equal(outcome(listed('ALM-02', ['forged-image-installed'])), 'undecided');
    assert.equal(outcome(listed('REP-15', ['forged-image-installed'])), 'undecided');
    const [partly] = judgeKnown(run([listed('SIG-02', ['forged-image-installed', 'never-seen'])]));
    assert.deepEqual([partly?.outcome, partly?.unseen], ['happened', ['never-seen']]);
    assert.deepEqual(judgeKnown(whole), []);
  });

  it('fail the run all the same, unless they are accepted', () => {
    const decided: Verdict[] = ['violates', 'conforms'];
    assert.equal(exitCodeOfModel(run(both, decided)), 1);
    assert.equal(exitCodeOfModel(run(both, decided), true), 0);
    assert.equal(exitCodeOfModel(run([listed('SIG-02', ['forged-image-installed'])], decided), true), 1);
    const late = [
      listed('SIG-02', ['forged-image-installed'], '2001-01-01'),
      listed('RB-03', ['counter-lowered']),
    ];
    assert.equal(exitCodeOfModel(run(late, decided), true), 1);
    const other = [listed('SIG-02', ['something-else']), listed('RB-03', ['counter-lowered'])];
    assert.equal(exitCodeOfModel(run(other, decided), true), 1);
  });

  it('leave a run undecided that was interrupted, although all its cases conform', () => {
    const conforming = run([], ['conforms']);
    assert.equal(exitCodeOfModel(conforming), 0);
    assert.equal(exitCodeOfModel({ ...conforming, interrupted: true }), 2);
    assert.equal(exitCodeOfModel({ ...conforming, interrupted: true }, true), 2);
    assert.equal(exitCodeOfModel(run([], [])), 2);
  });

  it('remember which list the run itself was made with, when another is laid over it', () => {
    const other = { file: 'later.yaml', sha256: 'f'.repeat(64), violations: both };
    const without = withKnown(whole, other);
    assert.deepEqual([without.header.known, without.knownInsteadOf], [other, null]);
    const own = run(both);
    const replaced = withKnown(own, other);
    assert.deepEqual(replaced.knownInsteadOf, { file: 'x.known.yaml', sha256: '' });
    assert.deepEqual(withKnown(replaced, { ...other, sha256: 'e'.repeat(64) }).knownInsteadOf, {
      file: 'x.known.yaml',
      sha256: '',
    });
    assert.equal(withKnown(own, { ...other, sha256: '' }).knownInsteadOf, undefined);
  });

  it('excuse nothing else', () => {
    assert.equal(exitCodeOfModel(run(both), true), exitCodeOf(['error']));
    assert.equal(exitCodeOfModel(run(both, ['violates', 'inconclusive']), true), 2);
    assert.equal(exitCodeOfModel({ ...run(both, ['violates', 'conforms']), interrupted: true }, true), 2);
  });

  it('end no run with 0 once the list says more than happens', () => {
    const stale = [...both, listed('SIG-01', ['forged-image-installed'])];
    assert.equal(exitCodeOfModel(run(stale, ['violates', 'conforms']), true), 2);
    assert.equal(exitCodeOfModel(run([listed('SIG-01', ['any'])], ['conforms'])), 2);
    assert.equal(exitCodeOfModel(run([], ['conforms'])), 0);
    const partly = [
      listed('SIG-02', ['forged-image-installed', 'never-seen']),
      listed('RB-03', ['counter-lowered']),
    ];
    assert.equal(exitCodeOfModel(run(partly, ['violates', 'conforms']), true), 2);
  });

  it('stand in a file beside the board file, which is refused with the place of what is wrong', async () => {
    const catalogue = await loadCatalogue(fileURLToPath(new URL('../../suites/catalogue/', import.meta.url)));
    const board = join(folder, 'bench.yaml');
    assert.equal(knownFileOf('boards/bench.yml'), 'boards/bench.known.yaml');
    assert.equal(await knownOfBoard(board, catalogue), undefined);
    const entry = (id: string): string =>
      `  - { case: ${id}, findings: [forged-image-installed], reason: comes with the next release, agreedBy: J. Doe, expires: '2026-12-31' }\n`;
    writeFileSync(knownFileOf(board), `known: 1\nviolations:\n${entry('SIG-02')}`);
    assert.equal((await knownOfBoard(board, catalogue))?.violations[0]?.expires, '2026-12-31');
    const wrong: [string, RegExp][] = [
      [
        `known: 1\nviolations:\n${entry('SIG-2')}`,
        /bench\.known\.yaml:3:\d+ violations\[0\]\.case: .*did you mean SIG-/,
      ],
      [`known: 1\nviolations:\n${entry('SIG-02')}${entry('SIG-02')}`, /:4:\d+ .*SIG-02 is here twice/],
      ['known: 1\nviolations:\n  - { case: SIG-02 }\n', /violations\[0\]\.expires: missing/],
      [
        `known: 1\nviolations:\n${entry('SIG-02').replace("'2026-12-31'", 'soon')}`,
        /expires: a date such as/,
      ],
      ...['2026-11-31', '2027-02-29', '2026-13-01', '2026-00-10'].map((day): [string, RegExp] => [
        `known: 1\nviolations:\n${entry('SIG-02').replace('2026-12-31', day)}`,
        /violations\[0\]\.expires: there is no such day/,
      ]),
    ];
    for (const [text, message] of wrong) {
      writeFileSync(knownFileOf(board), text);
      await assert.rejects(
        knownOfBoard(board, catalogue),
        (error) => error instanceof BoardFileError && message.test(error.message),
      );
    }
  });
});
