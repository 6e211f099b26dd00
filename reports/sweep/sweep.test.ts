import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { Sweep } from '../../harness/record/events.ts';
import { madeUpHeader } from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { RunRecord } from '../../harness/record/record.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import { planOf } from '../allure/plan-of.ts';
import { renderTable } from '../table/table.ts';
import { stripChart } from './strip-chart.ts';
import { coverageOf, sweepLine } from './sweep-line.ts';

const sweep: Sweep = {
  of: 'update',
  seed: '0123456789abcdef',
  phases: [
    { name: 'transfer', lengthMs: 200, planned: 2, landed: 2, coverage: 50 },
    { name: 'install', lengthMs: 600, planned: 2, landed: 1, coverage: 70 },
    { name: 'confirm', lengthMs: 3, planned: 1, landed: 1, coverage: 60 },
  ],
  points: [
    { phase: 'transfer', plannedMs: 50, landedMs: 51, inTime: true, outcome: 'old', chosen: 'spread' },
    { phase: 'transfer', plannedMs: 150, landedMs: 152, inTime: true, outcome: 'old', chosen: 'between' },
    { phase: 'install', plannedMs: 300, landedMs: 300, inTime: true, outcome: 'neither', chosen: 'spread' },
    { phase: 'install', plannedMs: 590, landedMs: 700, inTime: false, outcome: 'new', chosen: 'spread' },
    {
      phase: 'confirm',
      plannedMs: 1,
      landedMs: 1.5,
      inTime: true,
      outcome: '<odd> & "new"',
      chosen: 'spread',
    },
  ],
};

/** Attributes of all elements of a class. */
function elements(svg: string, name: string): Record<string, string>[] {
  return [...svg.matchAll(new RegExp(`<rect class="${name}" ([^>]*)>`, 'g'))].map(([, attributes = '']) =>
    Object.fromEntries(
      [...attributes.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
    ),
  );
}

describe('The strip chart of a sweep', () => {
  const svg = stripChart(sweep);

  it('has a band for each phase, in their order, side by side, and none too narrow for its name', () => {
    const bands = elements(svg, 'phase').map(({ x, width }) => ({ x: Number(x), width: Number(width) }));
    assert.equal(bands.length, 3);
    for (const [at, { x, width }] of bands.entries()) {
      assert.ok(width >= 80, `${width}`);
      const next = bands[at + 1]?.x ?? 984;
      assert.ok(Math.abs(x + width - next) < 0.2, `${x} + ${width} and ${next}`);
    }
    assert.ok((bands[1]?.width ?? 0) > 2 * (bands[0]?.width ?? 0));
  });

  it('has one tick for each cut, where it landed, in the colour and the lane of its outcome', () => {
    const cuts = elements(svg, 'cut');
    assert.equal(cuts.length, sweep.points.length);
    const [transfer] = elements(svg, 'phase');
    const x = Number(transfer?.x) + (51 / 200) * Number(transfer?.width) - 1;
    assert.ok(Math.abs(Number(cuts[0]?.x) - x) < 0.2);
    const fills = cuts.map(({ fill }) => fill);
    assert.equal(fills[0], fills[1]);
    assert.equal(new Set(fills).size, 4, 'old, neither, hollow, and one that nobody knows');
    assert.ok(Number(cuts[2]?.y) > Number(cuts[0]?.y) + 20);
  });

  it('shows a cut that came late as hollow, at the end of its phase', () => {
    const late = elements(svg, 'cut').find(({ fill }) => fill === '#ffffff');
    const [, install] = elements(svg, 'phase');
    assert.ok(Math.abs(Number(late?.x) + 1 - Number(install?.x) - Number(install?.width)) < 0.2);
  });

  it('tells outcomes with their number, coverage and seed', () => {
    for (const words of ['old (2)', 'neither (1)', 'new (1)', 'seed 0123456789abcdef', '1 of 2, 70 %'])
      assert.ok(svg.includes(words), words);
    assert.ok(svg.includes(`>${coverageOf(sweep.phases)} % covered<`));
  });

  it('is well formed, loads nothing, and takes no word for markup', () => {
    assert.ok(!/href|url\(|<script|<image|@import/.test(svg));
    assert.ok(svg.includes('&lt;odd&gt; &amp; &quot;new&quot; (1)'));
    const open = [...svg.matchAll(/<([a-z]+)(?=[\s>])(?:[^>]*[^/>])?>/g)].map(([, name]) => name).sort();
    const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map(([, name]) => name).sort();
    assert.deepEqual(open, closed);
  });

  it('can be made of a sweep that ended before its first cut', () => {
    assert.ok(stripChart({ ...sweep, points: [] }).endsWith('</svg>\n'));
    assert.ok(stripChart({ ...sweep, points: [], phases: [] }).includes('0 % covered'));
  });
});

describe('A sweep in the reports', () => {
  let dir: string;
  let model: RunModel;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'sweep-'));
    const record = RunRecord.open({ dir: join(dir, 'run'), runId: 'swept' });
    record.append('run-opened', { ...madeUpHeader('swept'), selected: ['RB-16'] });
    const place = { caseId: 'RB-16' };
    record.append('case-started', { title: 'survives', suite: 'rollback', severity: 'C' }, place);
    record.append('sweep', sweep, place);
    const verdict = { verdict: 'conforms', provisional: false, reason: 'as required', findings: [] } as const;
    record.append('verdict', { ...verdict, tookMs: 1, attempt: 1 }, place);
    record.checkpoint();
    record.abandon();
    model = modelOf(readRun(join(dir, 'run')).entries);
  });
  after(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('is one line of the table, also under a case that conforms', () => {
    assert.equal(
      sweepLine(sweep),
      'update: 5 cuts, 4 in time, 65 % covered; 2 old, 1 neither, 1 new, 1 <odd> & "new"; seed 0123456789abcdef',
    );
    const table = renderTable(model, { columns: 200 });
    assert.ok(table.includes(`  ${sweepLine(sweep)}`), table);
  });

  it('is a step and a picture of the Allure report', () => {
    const results = join(dir, 'results');
    mkdirSync(results);
    const places = { runDir: join(dir, 'run'), results, report: '', history: { file: '', limit: 1 } };
    const test = planOf(model, places, () => undefined).tests.find(({ caseId }) => caseId === 'RB-16');
    const picture = test?.attachments.find(({ type }) => type === 'image/svg+xml');
    assert.equal(picture?.name, 'power cuts: update');
    assert.equal(readFileSync(join(results, picture?.source ?? ''), 'utf8'), stripChart(sweep));
    assert.ok(test?.steps.some(({ name }) => name === `power cuts, ${sweepLine(sweep)}`));
  });
});
