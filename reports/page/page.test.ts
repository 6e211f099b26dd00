import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { writeLongMadeUpRun } from '../../harness/record/long-made-up-run.ts';
import { withKnown } from '../../harness/record/known-violations.ts';
import { writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import { outsideLoads } from '../allure/offline.ts';
import { testReport } from './index.ts';
import { labels, languages, translator, type Label } from './labels.ts';
import { sentences } from './front.ts';
import { inputOf } from './testing/input.ts';
import { viewOf, type PageInput } from './view.ts';

/** What a reader sees: text without tags, spaces as one. */
function seen(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>|<script>[\s\S]*?<\/script>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ');
}

describe('The test report of a run', () => {
  let root: string;
  let input: PageInput;
  let html: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'page-'));
    writeMadeUpRun(join(root, 'run'));
    input = await inputOf(join(root, 'run'));
    ({ html } = testReport(input));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('says first what a busy person must know', () => {
    const text = seen(html);
    const [says] = sentences(viewOf(input));
    assert.equal(says, 'The device violates: 2 of 9 executed cases show it with evidence.');
    for (const part of [says, '2 violates', '4 conforms', 'exit code 1']) {
      assert.ok(text.indexOf(part) > 0 && text.indexOf(part) < 1200, part);
    }
    const order = [
      'id="summary"',
      'id="violations"',
      'id="not-tested"',
      'id="results"',
      'id="identification"',
    ];
    const places = order.map((part) => html.indexOf(part));
    assert.deepEqual(
      [...places].sort((a, b) => a - b),
      places,
    );
    assert.ok(places.every((place) => place > 0));
  });

  it('gives every violation its reason, expected, observed, and where its evidence is', () => {
    const violating = input.model.cases.filter(({ verdict }) => verdict === 'violates');
    assert.equal(violating.length, 2);
    for (const { id, reason, findings } of violating) {
      const part = html.slice(html.indexOf(`id="v-${id}"`));
      const article = seen(part.slice(0, part.indexOf('</article>')));
      const verdict = input.model.entries.findLast(({ kind, caseId }) => kind === 'verdict' && caseId === id);
      const parts = [
        reason,
        ...findings.flatMap((one) => [one.code, one.expected, one.observed]),
        verdict?.hash ?? '',
      ];
      for (const wanted of parts) assert.ok(article.includes(wanted) && wanted !== '', `${id}: ${wanted}`);
    }
    const sig = seen(html.slice(html.indexOf('id="v-SIG-02"')));
    assert.ok(sig.includes('f'.repeat(64)), 'digest of the image that was offered');
    assert.match(sig, /wire\/console-0001\.bin, bytes \d+ to \d+ of \d+ [0-9a-f]{64}/);
  });

  it('gives every case that was not decided or not executed its reason', () => {
    const text = seen(html.slice(html.indexOf('id="not-tested"'), html.indexOf('id="particulars"')));
    for (const { id, verdict, reason } of input.model.cases) {
      const open = verdict !== 'conforms' && verdict !== 'violates';
      assert.equal(text.includes(`${id} `) && text.includes(reason), open, id);
    }
  });

  it('shows what only the laboratory can say as placeholders, and its data once they are there', async () => {
    const clauses = [...'bcdefghijklop'].map((letter) => `7.8.2.1 ${letter}`);
    for (const clause of clauses) assert.ok(html.includes(`>${clause}<`), clause);
    assert.ok(html.split('class="todo"').length > 10);
    const lab = {
      lab: {
        lab: 1 as const,
        laboratory: { name: 'Bench & Sons', address: '1 Street' },
        report: { number: 'L-8', amends: { number: 'L-7', reason: 'a wrong <name>' } },
      },
      file: 'lab.yaml',
      sha256: 'c'.repeat(64),
    };
    const made = testReport({ ...input, lab });
    assert.equal(made.reportId, 'L-8');
    const text = seen(made.html);
    assert.ok(
      text.includes('Bench & Sons') && text.includes('This report replaces report L-7: a wrong <name>'),
    );
    assert.ok(!made.html.includes('to be filled in by the laboratory: Laboratory: name'));
    assert.ok(text.trimEnd().endsWith('— End of report L-8 —'));
  });

  it('says so when known violations were accepted: the exit code alone would mislead', () => {
    const text = seen(testReport({ ...input, exitCode: 0 }).html);
    assert.match(text, /exit code 0, known violations accepted/);
    assert.match(text, /The device violates: 2 of 9/);
    assert.doesNotMatch(seen(html), /known violations accepted/);
  });

  it('says of a list of known violations that is not the run’s own that it came afterwards', () => {
    const { model } = input;
    const violation = { case: 'SIG-02', findings: ['forged-image-installed'], reason: 'r', agreedBy: 'J.' };
    const later = {
      file: 'later.yaml',
      sha256: 'f'.repeat(64),
      violations: [{ ...violation, expires: '2999-12-31' }],
    };
    const own = { ...model, header: { ...model.header, known: { ...later, file: 'own.yaml' } } };
    const page = (of: typeof model, language: 'en' | 'zh' = 'en') =>
      seen(testReport({ ...input, model: of, language }).html);
    const none = page(withKnown(model, later));
    assert.equal(
      none.split('later.yaml is not the list that the run was made with: the run had none').length,
      3,
      'in the summary, and beside the list',
    );
    const replaced = page(withKnown(own, { ...later, sha256: 'e'.repeat(64) }));
    assert.match(replaced, /later\.yaml is not the list .* made with: own\.yaml \(SHA-256 f{12}…\)/);
    assert.match(page(withKnown(model, later), 'zh'), /later\.yaml 并非本次运行所用的清单/);
    assert.doesNotMatch(page(own), /is not the list/);
  });

  it('marks what the customer supplied, and states the rule by which it decides', () => {
    const rule = html.slice(html.indexOf('id="rule"'), html.indexOf('id="results"'));
    assert.match(seen(rule), /value − uncertainty > limit violates/);
    assert.ok(html.split('class="supplied"').length > 5);
    assert.match(seen(html), /The results relate only to the items tested/);
    assert.doesNotMatch(seen(html), /conforms to (IEC|ISO|GB|Regulation)/i);
  });

  it('is another report with another number when anything in it differs, else the same bytes', () => {
    assert.equal(testReport(input).html, html);
    const ids = [
      testReport(input).reportId,
      testReport({ ...input, language: 'zh' }).reportId,
      testReport({ ...input, mappings: [] }).reportId,
      testReport({ ...input, exitCode: 0 }).reportId,
    ];
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(
      html.includes(`@top-left { content: "Test report ${ids[0]}"`.replace('@top-left { content: ', '')),
    );
  });

  it('loads nothing, and shows a device’s words as words', async () => {
    const evil = '<script>alert(1)</script>" onload="x\u202e';
    writeMadeUpRun(join(root, 'evil'), { header: { device: { vendor: evil, model: 'M' } } });
    const made = testReport(await inputOf(join(root, 'evil')));
    assert.ok(!made.html.includes('<script>alert') && !made.html.includes('\u202e'));
    assert.ok(!made.html.includes('" onload="x'));
    assert.equal(made.html.split('<script>').length, 2);
    assert.deepEqual(outsideLoads(made.html), []);
    assert.match(made.html, /default-src &#39;none&#39;/);
  });

  it('says when a run was interrupted, or made with another catalogue, or on a device broken on purpose', async () => {
    writeMadeUpRun(join(root, 'odd'), { interrupted: true, header: { defects: ['accept-any-signature'] } });
    const text = seen(testReport(await inputOf(join(root, 'odd'))).html);
    assert.match(text, /The run ended before its time/);
    assert.match(text, /broken on purpose: accept-any-signature/);
    assert.match(text, /the run with 2026\.1 \(a{12}…\)/);
    assert.match(text, /the record was not closed/);
  });

  it('stays small and quick with two hundred cases, and has a row for each', async () => {
    const dir = join(root, 'long');
    writeLongMadeUpRun(dir, 200);
    const long = await inputOf(dir);
    const made = testReport(long).html;
    assert.equal(made.split('<tr class="case"').length - 1, 200);
    assert.ok(made.length < 1_000_000, `${made.length} characters`);
    assert.ok(made.split('<circle').length - 1 <= 36, 'the plot stays on one page');
  });
});

describe('The labels of the test report', () => {
  const keys = Object.keys(labels) as Label[];
  it('are there in both languages, with the same places to fill', () => {
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort();
    for (const key of keys) {
      const [en, zh] = languages.map((language) => translator(language)(key));
      assert.ok(en !== undefined && en.trim() !== '' && zh !== undefined && zh.trim() !== '', key);
      assert.deepEqual(places(zh), places(en), key);
      assert.match(zh, /\p{Script=Han}/u, `${key} has no Chinese`);
      assert.doesNotMatch(en, /\p{Script=Han}/u, key);
    }
  });

  it('are all used in the Chinese page: no English heading is left', async () => {
    const root = mkdtempSync(join(tmpdir(), 'page-zh-'));
    try {
      writeMadeUpRun(root);
      const html = testReport(await inputOf(root, { language: 'zh' })).html;
      assert.match(html, /<html lang="zh-CN">/);
      const headings = [...html.matchAll(/<h[12]>([\s\S]*?)<\/h[12]>/g)].map(([, text]) => seen(text ?? ''));
      assert.ok(headings.length > 10);
      for (const heading of headings) assert.match(heading, /\p{Script=Han}/u, heading);
      for (const [, text] of html.matchAll(/<th>([^<]+)<\/th>/g))
        assert.match(text ?? '', /\p{Script=Han}|SHA-256/u, text);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
