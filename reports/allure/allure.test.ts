import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestResult } from 'allure-js-commons';
import { after, before, describe, it } from 'mocha';
import { EvidenceError } from '../../harness/errors.ts';
import {
  madeUpCases,
  madeUpVerdicts,
  writeMadeUpRun,
  type MadeUpCase,
} from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import type { CaseDescription } from '../case-description.ts';
import { statusOf } from './categories.ts';
import { writeAllure } from './index.ts';
import { offline, outsideLoads } from './offline.ts';

const describeCase = (id: string): CaseDescription => ({
  title: `does what ${id} asks`,
  suite: 'from the catalogue',
  severity: 'H',
  requirements: [`REQ-${id}`],
  claims: ['CLAIM-7'],
  source: 'a standard, clause 7',
});

interface Made {
  results: TestResult[];
  names: string[];
  html: string;
  file(name: string): string;
}

/** Texts that the page carries as base64: its data files. */
function embedded(html: string): string[] {
  return [...html.matchAll(/"([A-Za-z0-9+/]{24,}={0,2})"/g)].map(([, text]) =>
    Buffer.from(text ?? '', 'base64').toString('utf8'),
  );
}

describe('The Allure report of a run', () => {
  let root: string;
  let model: RunModel;
  let made: Made;
  const make = async (runId: string): Promise<Made> => {
    const runDir = join(root, runId);
    const { results, report } = await writeAllure(model, runDir, { describeCase, historyLimit: 2 });
    const names = readdirSync(results);
    const file = (name: string) => readFileSync(join(results, name), 'utf8');
    const parsed = names
      .filter((name) => name.endsWith('-result.json'))
      .map((name) => JSON.parse(file(name)) as TestResult);
    return { results: parsed, names, html: readFileSync(report, 'utf8'), file };
  };
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'allure-'));
    writeMadeUpRun(join(root, 'made-up-1'));
    model = modelOf(readRun(join(root, 'made-up-1')).entries);
    made = await make('made-up-1');
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const of = (id: string): TestResult => {
    const [found, ...more] = made.results.filter(({ testCaseId }) => testCaseId === id);
    assert.ok(found !== undefined && more.length === 0, id);
    return found;
  };

  it('has one result per case, with the status of our verdict and its whole reason', () => {
    assert.equal(made.results.length, madeUpCases.length);
    for (const { id, verdict, reason } of model.cases) {
      assert.equal(of(id).status, statusOf[verdict], id);
      const message = of(id).statusDetails.message;
      assert.equal(message, verdict === 'conforms' ? undefined : `${verdict}: ${reason}`, id);
    }
    const statuses = ['SIG-01', 'SIG-02', 'ALM-01', 'ALM-02', 'RPL-01', 'RPL-02'].map((id) => of(id).status);
    assert.deepEqual(statuses, ['passed', 'failed', 'broken', 'broken', 'skipped', 'skipped']);
  });

  it('keeps the reason of what was skipped', () => {
    assert.equal(
      of('RPL-01').statusDetails.message,
      'not-applicable: the device takes no commands (declared by J. Doe)',
    );
    assert.equal(of('RPL-04').statusDetails.message, 'not-executed: selected, and never started');
  });

  it('has ids that come from the case and the board, the same whenever the report is made', async () => {
    assert.equal(of('SIG-01').historyId, 'bench-7/SIG-01');
    const again = await make('made-up-1');
    assert.deepEqual(again.names, made.names);
    assert.deepEqual(again.results, made.results);
  });

  it('takes title, severity, requirements and claims from the record and the catalogue', () => {
    const labels = (id: string, name: string) =>
      of(id).labels.flatMap((label) => (label.name === name ? [label.value] : []));
    assert.equal(of('SIG-02').name, 'SIG-02 rejects an image altered after signing');
    assert.equal(of('RPL-04').name, 'RPL-04 does what RPL-04 asks');
    assert.deepEqual(labels('SIG-02', 'severity'), ['critical']);
    assert.deepEqual(labels('RB-01', 'severity'), ['normal']);
    assert.deepEqual(labels('SIG-02', 'suite'), ['signature-rejection']);
    assert.deepEqual(labels('SIG-02', 'requirement'), ['REQ-SIG-02']);
    assert.deepEqual(labels('SIG-02', 'claim'), ['CLAIM-7']);
    assert.deepEqual(labels('SIG-02', 'board'), ['bench-7']);
    assert.deepEqual(labels('SIG-02', 'firmware'), ['4.2.0']);
  });

  it('shows the life of a case with the times of the record', () => {
    const result = of('SIG-02');
    const [found] = model.cases.filter(({ id }) => id === 'SIG-02');
    assert.equal(result.start, Date.parse(found?.startedAt?.tUtc ?? ''));
    assert.equal(result.stop, Date.parse(found?.endedAt?.tUtc ?? ''));
    const names = result.steps.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 2), ['baseline', 'stimulus']);
    assert.equal(names.at(-1), 'verdict, attempt 1: violates');
    const inner = result.steps[1]?.steps.map(({ name }) => name);
    assert.deepEqual(inner, [
      'stimulus: offer through console, 4096 bytes',
      'answer to offer: refused (E17) after 41 ms',
    ]);
  });

  it('attaches findings, states, images and the transcript of each wire, of this case alone', () => {
    const { attachments } = of('SIG-02');
    assert.deepEqual(
      attachments.map(({ name }) => name),
      ['findings', 'state before and after', 'images offered (SHA-256)', 'wire console', 'wire modbus'],
    );
    const text = (name: string) => made.file(attachments.find((one) => one.name === name)?.source ?? '');
    const wire = text('wire console');
    assert.match(wire, />> 6c 6f 67 69 6e 20 2a 2a 2a .* {2}\|login \*{9}/);
    assert.match(wire, /secret "service password" blanked: 10 bytes/);
    assert.match(wire, /<< .*\|signature check /);
    assert.ok(wire.replace(/\|\s+/g, '').includes('SIG-02') && !wire.includes('SIG-03'), wire);
    assert.match(text('wire modbus'), />> 00 01 00 00 00 06 11 03 00 00 00 02/);
    assert.match(text('state before and after'), /before\n {2}version 4\.2\.0\n.*\n {2}security counter 7/);
    assert.match(text('images offered (SHA-256)'), /^f{64} {2}altered$/m);
  });

  it('says nothing of the machine on which it was made', () => {
    const everything = [
      ...made.names.map((name) => made.file(name)),
      ...embedded(made.html),
      made.html.slice(-200_000),
    ];
    for (const text of everything) {
      for (const trace of [process.cwd(), root, '"host"', '"thread"', `"${hostname()}"`]) {
        assert.ok(!text.includes(trace), `${trace} in ${text.slice(0, 200)}`);
      }
    }
    assert.match(made.html, /<title> Bench 7, upper shelf - Example Works GW-200 4\.2\.0 <\/title>/);
  });

  it('loads nothing: no address in any tag, no tracker, and a policy that forbids it', () => {
    assert.deepEqual(outsideLoads(made.html), []);
    assert.ok(!/googletagmanager|google-analytics|dataLayer/.test(made.html));
    const loads = [...made.html.matchAll(/<(script|link|img|iframe)\b[^>]*?(?:src|href)="([^"]{0,12})/g)];
    assert.ok(loads.length >= 2);
    for (const [, tag, address] of loads) assert.match(address ?? '', /^data:/, tag);
    assert.match(
      made.html,
      /<head>\s*<meta http-equiv="Content-Security-Policy" content="default-src 'none';/,
    );
  });

  it('carries every case with its reason inside the page', () => {
    const data = embedded(made.html).join('\n');
    for (const { id, verdict, reason } of model.cases) {
      assert.ok(data.includes(`"name":"${id} `), id);
      if (verdict !== 'conforms') assert.ok(data.includes(JSON.stringify(reason).slice(1, -1)), id);
    }
    assert.ok(data.includes('The device violates its requirement'));
  });

  it('keeps a history of the board: one line a run, also when a report is made twice, up to the limit', async () => {
    const file = join(root, 'history', 'bench-7.jsonl');
    const runs = () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { runId: string }).runId);
    await make('made-up-1');
    assert.deepEqual(runs(), ['made-up-1']);
    const first = model;
    for (const runId of ['made-up-2', 'made-up-3']) {
      writeMadeUpRun(join(root, runId), { runId });
      model = modelOf(readRun(join(root, runId)).entries);
      const later = await make(runId);
      assert.ok(embedded(later.html).some((text) => text.includes('"history"')));
      assert.ok(embedded(later.html).some((text) => text.includes('Verdicts over the runs of this board')));
    }
    assert.deepEqual(runs(), ['made-up-2', 'made-up-3']);
    model = first;
  });

  it('shows a known violation as known: still failed, in a category of its own, with reason and end', async () => {
    const violations = [
      {
        case: 'SIG-02',
        findings: ['forged-image-installed'],
        reason: 'the new boot loader comes in June',
        agreedBy: 'J. Doe, Example Works',
        expires: '2999-12-31',
      },
      {
        case: 'SIG-01',
        findings: ['any'],
        reason: 'mended long ago',
        agreedBy: 'J. Doe',
        expires: '2999-12-31',
      },
    ];
    const known = { file: 'bench-7.known.yaml', sha256: 'e'.repeat(64), violations };
    writeMadeUpRun(join(root, 'made-up-known'), { runId: 'made-up-known', header: { known } });
    const before = model;
    model = modelOf(readRun(join(root, 'made-up-known')).entries);
    const again = await make('made-up-known');
    const { results, html } = again;
    model = before;
    const one = results.find(({ testCaseId }) => testCaseId === 'SIG-02');
    assert.equal(one?.status, 'failed');
    assert.equal(
      one?.statusDetails.message,
      'violates (known until 2999-12-31): the forged image runs after a reboot',
    );
    assert.match(
      one?.description ?? '',
      /Known violation: the new boot loader comes in June \(agreed by J\. Doe/,
    );
    const stale = results.find(({ testCaseId }) => testCaseId === 'SIG-01');
    assert.match(stale?.description ?? '', /no longer happens: take it off the list/);
    assert.match(
      again.file('environment.properties'),
      /known\\ violations=bench-7\.known\.yaml: SIG-02 happened, SIG-01 gone/,
    );
    const data = embedded(html).join('\n');
    assert.ok(data.includes('Known violations, agreed until a day'));
    assert.ok(!data.includes('"resolution":"accepted"'), 'a known violation never counts as a success');
  });

  it('shows a run that was ended before its time as broken, whatever its cases came to', async () => {
    const whole = model;
    model = { ...whole, interrupted: true, cases: whole.cases.filter(({ id }) => id === 'SIG-01') };
    const { results } = await make('made-up-1');
    model = whole;
    const said = results.map(({ name, status }) => [name, status]);
    assert.deepEqual(said.sort(), [
      ['SIG-01 accepts', 'passed'],
      ['the run', 'broken'],
    ]);
    const [run] = results.filter(({ name }) => name === 'the run');
    assert.match(run?.statusDetails.message ?? '', /^inconclusive: the run was ended before its time/);
  });

  it('says who made it and in which order', () => {
    const executor = JSON.parse(made.file('executor.json')) as Record<string, unknown>;
    assert.equal(executor['buildName'], 'made-up-1');
    assert.equal(executor['buildOrder'], Math.floor(Date.parse(model.startedAt.tUtc) / 1000));
    assert.match(made.file('environment.properties'), /record\\ root=[0-9a-f]{64}/);
  });

  it('says what to do when it cannot be made', async () => {
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, '');
    await assert.rejects(
      writeAllure(model, join(root, 'made-up-1'), { describeCase, report: join(blocked, 'report.html') }),
      (error) => error instanceof EvidenceError && error.hint?.includes('fieldproof report') === true,
    );
  });

  it('has categories by our verdict alone', () => {
    const categories = JSON.parse(made.file('categories.json')) as {
      matchedStatuses: string[];
      messageRegex: string;
    }[];
    for (const id of Object.keys(madeUpVerdicts) as MadeUpCase[]) {
      const { status, statusDetails } = of(id);
      const matching = categories.filter(
        ({ matchedStatuses, messageRegex }) =>
          matchedStatuses.includes(status ?? '') &&
          new RegExp(messageRegex).test(statusDetails.message ?? ''),
      );
      assert.equal(matching.length, madeUpVerdicts[id] === 'conforms' ? 0 : 1, id);
    }
  });
});

describe('A page that loads nothing', () => {
  const page = (body: string) => `<html><head></head><body>${body}</body></html>`;
  it('is refused while anything would be fetched', () => {
    for (const body of ['<img src="https://example.org/x.png">', "<link href='//example.org/x.css'>"]) {
      assert.throws(() => offline(page(body)), EvidenceError, body);
    }
    assert.throws(() => offline('<html></html>'), EvidenceError);
    const tracker = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>';
    const config = "<script>function gtag(){}; gtag('config', 'G-1')</script>";
    const kept = '<script>window.kept = 1</script>';
    const clean = offline(page(`${kept}${tracker}${config}${kept}`));
    assert.ok(!clean.includes('gtag') && clean.split(kept).length === 3);
  });
});
