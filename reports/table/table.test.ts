import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { madeUpCases, madeUpVerdicts, writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import { withKnown } from '../../harness/record/known-violations.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import { runJson } from './json.ts';
import { duration, renderTable } from './table.ts';
import { plainText, wantsColour, wrap } from './terminal.ts';

describe('The table at the end of a run', () => {
  let dir: string;
  let model: RunModel;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'table-'));
    writeMadeUpRun(dir);
    model = modelOf(readRun(dir).entries);
  });
  after(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('has one row per case with its verdict, under its suite', () => {
    const lines = renderTable(model).split('\n');
    for (const id of madeUpCases) {
      const rows = lines.filter((line) => line.includes(`  ${id} `));
      assert.equal(rows.length, 1, id);
      assert.ok(rows[0]?.trim().startsWith(madeUpVerdicts[id]), rows[0]);
    }
    const suite = lines.indexOf('signature-rejection');
    assert.ok(lines[suite + 1]?.includes('SIG-01'));
  });

  it('gives the whole reason under every case that does not conform, at any width', () => {
    for (const columns of [60, 80, 200]) {
      const text = renderTable(model, { columns }).replace(/\s+/g, ' ');
      for (const one of model.cases) {
        const shown = text.includes(one.reason.replace(/\s+/g, ' '));
        assert.equal(shown, one.verdict !== 'conforms', `${one.id} at ${columns}: ${text}`);
      }
      assert.ok(text.includes('forged-image-installed: expected version 4.2.0; observed version 6.6.6'));
    }
  });

  it('keeps within the width of the terminal', () => {
    for (const columns of [80, 100, 132]) {
      for (const line of renderTable(model, { columns }).split('\n')) {
        assert.ok(line.length <= columns, `${line.length} > ${columns}: ${line}`);
      }
    }
  });

  it('ends with the verdict in one word, the counts and the path of the report', () => {
    const text = renderTable(model, {
      columns: 120,
      reports: [
        { name: 'Report', path: 'out/made-up-1/test-report.html' },
        { name: 'Allure', path: 'out/made-up-1/report.html' },
      ],
    });
    assert.match(
      text,
      /\n\nVIOLATES {2}2 violates, 1 error, 2 inconclusive, 2 not-executed, 4 conforms, 1 not-applicable in 4\.3 s\nReport: out\/made-up-1\/test-report\.html\nAllure: out\/made-up-1\/report\.html\n$/,
    );
  });

  it('says what its depth left out, and how to run that', () => {
    const said = (leftOut: string[], imagesLeftOut: number, deeper?: string): string =>
      renderTable(
        { ...model, header: { ...model.header, depth: 'smoke', leftOut }, imagesLeftOut },
        { columns: 200, ...(deeper === undefined ? {} : { deeper }) },
      );
    assert.match(
      said(['RB-17', 'RB-18'], 143, 'npm start -- --depth standard'),
      /\nDepth smoke left out 2 cases \(RB-17, RB-18\) and 143 attack images: npm start -- --depth standard\n$/,
    );
    assert.match(said(['RB-17'], 0), /\nDepth smoke left out 1 case \(RB-17\)\n$/);
    assert.match(said([...'abcdefgh'], 1), /left out 8 cases \(a, b, c, d, e, f …\) and 1 attack image\n$/);
    assert.doesNotMatch(said([], 0, 'npm start'), /left out|npm start/);
  });

  it('says of a list of known violations that is not the run’s own that it came afterwards', () => {
    const violation = { case: 'SIG-02', findings: ['forged-image-installed'], reason: 'r', agreedBy: 'J.' };
    const known = {
      file: 'later.yaml',
      sha256: 'f'.repeat(64),
      violations: [{ ...violation, expires: '2999-12-31' }],
    };
    const later = withKnown(model, known);
    const text = (of: RunModel) => renderTable(of, { acceptKnown: true }).replace(/\s+/g, ' ');
    assert.match(text(later), /later\.yaml is not the list that the run was made with: the run had none/);
    const own = { ...model, header: { ...model.header, known } };
    const replaced = withKnown(own, { ...known, file: 'other.yaml', sha256: 'e'.repeat(64) });
    assert.match(
      text(replaced),
      /other\.yaml is not the list that the run was made with: later\.yaml \(SHA-256 f{12}…\)/,
    );
    assert.doesNotMatch(text(own), /is not the list/);
    assert.deepEqual(runJson(own).knownList, { file: 'later.yaml', sha256: known.sha256 });
    assert.deepEqual(runJson(later).knownList, { file: 'later.yaml', sha256: known.sha256, insteadOf: null });
    assert.deepEqual(runJson(replaced).knownList?.insteadOf, { file: 'later.yaml', sha256: known.sha256 });
    assert.equal(runJson(model).knownList, null);
  });

  it('takes titles and suites of cases that never started from the catalogue', () => {
    const describe = () =>
      ({
        title: 'the title',
        suite: 'replay',
        severity: 'H',
        requirements: [],
        claims: [],
        source: '',
      }) as const;
    const text = renderTable(model, { describe });
    assert.ok(text.includes('RPL-04  the title'));
    assert.ok(!text.includes('no suite'));
  });

  it('is coloured only when asked, and only on a terminal without NO_COLOR', () => {
    assert.ok(!renderTable(model).includes('\u001b'));
    assert.ok(renderTable(model, { colour: true }).includes('\u001b[1;31mviolates'));
    assert.equal(wantsColour({ isTTY: true }, {}), true);
    assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '' }), true);
    assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
    assert.equal(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false);
    assert.equal(wantsColour({}, {}), false);
  });

  it('lets no device paint on the terminal', () => {
    assert.equal(plainText('a\u001b[2Jb\u0007c\u202ed\n e'), 'a\\u001b[2Jb\\u0007c\\u202ed e');
  });

  it('breaks long words and keeps every character', () => {
    assert.deepEqual(wrap('aa bb ccccccc d', 5), ['aa bb', 'ccccc', 'cc d']);
  });

  it('says durations as a person would', () => {
    const said = [0, 41.4, 3210, 59_940, 59_960, 725_000].map(duration);
    assert.deepEqual(said, ['0 ms', '41 ms', '3.2 s', '59.9 s', '1 min 0 s', '12 min 5 s']);
  });
});

describe('The run as JSON', () => {
  it('has the facts of the table, and survives JSON', () => {
    const dir = mkdtempSync(join(tmpdir(), 'json-'));
    try {
      writeMadeUpRun(dir);
      const value = runJson(modelOf(readRun(dir).entries), { report: 'r.html' });
      assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
      assert.deepEqual(
        Object.fromEntries(value.cases.map(({ id, verdict }) => [id, verdict])),
        madeUpVerdicts,
      );
      assert.equal(value.exitCode, 1);
      assert.equal(value.depth, 'standard');
      assert.deepEqual(value.leftOut, { cases: [], images: 0 });
      assert.equal(value.recordRoot?.length, 64);
      assert.equal(value.cases.at(-1)?.startedAt, null);
      assert.equal(value.report, 'r.html');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
