import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { loadCatalogue, type Catalogue } from '../../harness/catalogue/index.ts';
import { FieldproofError } from '../../harness/errors.ts';
import { writeMadeUpRun } from '../../harness/record/made-up-run.ts';
import { readRun } from '../../harness/record/read.ts';
import { modelOf, type RunModel } from '../../harness/record/run-model.ts';
import { catalogueFolder, shippedMappings } from '../page/testing/input.ts';
import { traceCsv, traceJson } from './files.ts';
import { loadMappings } from './load-mappings.ts';
import { traceMatrix, type MatrixRow, type MatrixTable } from './matrix.ts';

describe('The trace matrix', () => {
  let folder: string;
  let catalogue: Catalogue;
  let model: RunModel;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trace-'));
    writeMadeUpRun(join(folder, 'run'));
    model = modelOf(readRun(join(folder, 'run')).entries);
    catalogue = await loadCatalogue(catalogueFolder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const own = (text: string): string => {
    const file = join(folder, 'my.yaml');
    writeFileSync(file, text);
    return file;
  };
  const tables = async (...files: string[]): Promise<MatrixTable[]> =>
    traceMatrix(model, catalogue, await loadMappings(shippedMappings, files, catalogue));
  const rowOf = (all: readonly MatrixTable[], table: string, id: string): MatrixRow => {
    const row = all.find((one) => one.id === table)?.rows.find((one) => one.id === id);
    assert.ok(row !== undefined, `${table} ${id}`);
    return row;
  };

  it('has a row for every requirement, claim and row of a mapping, covered or not', async () => {
    const all = await tables();
    const sizes = Object.fromEntries(all.map(({ id, rows }) => [id, rows.length]));
    assert.deepEqual(sizes, {
      requirements: catalogue.requirements.length,
      claims: catalogue.data.claims.length,
      'annex-a': 14, // twelve points without a text, two subjects without a number
      'cra-annex-i': 22, // Part I (1), (2)(a) to (m); Part II (1) to (8)
      'iec-62443-4-2-2019': 58, // CR 1.1 to 1.14, 2.1 to 2.13, 3.1 to 3.14, 4.1 to 4.3, 5.1 to 5.4, 6.1, 6.2, 7.1 to 7.8
    });
    for (const { rows } of all) {
      for (const { id, outcome, why, cells } of rows) {
        const exists = cells.some((cell) => cell.outcome !== 'unbuilt');
        assert.equal(outcome === 'uncovered', !exists, id);
        if (outcome === 'uncovered') assert.ok((why ?? '').length > 5, `${id} is uncovered without a reason`);
      }
    }
    const ids = all.flatMap(({ rows }) => rows.map(({ id }) => id));
    assert.ok(!ids.some((id) => /EDR|HDR|NDR|SAR/.test(id)), 'device types are no keys');
  });

  it('lets no row conform of which a case is not in the run', async () => {
    const all = await tables();
    const requirement = rowOf(all, 'requirements', 'FP-SIG-1');
    assert.equal(requirement.outcome, 'violates'); // SIG-02
    const outcomes = new Map(requirement.cells.map(({ caseId, outcome }) => [caseId, outcome]));
    assert.equal(outcomes.get('SIG-01'), 'conforms');
    assert.equal(outcomes.get('SIG-04'), 'absent');
    const only = traceMatrix(
      { ...model, cases: model.cases.filter(({ id }) => id === 'SIG-01') },
      catalogue,
      [],
    );
    assert.equal(rowOf(only, 'requirements', 'FP-SIG-1').outcome, 'not-executed');
    const one = catalogue.requirements.find(
      ({ id }) => catalogue.cases.filter((each) => each.requirements.includes(id)).length === 1,
    );
    const ran = catalogue.cases.find((each) => one !== undefined && each.requirements.includes(one.id));
    const [sample] = model.cases;
    assert.ok(one !== undefined && ran !== undefined && sample !== undefined);
    const whole = traceMatrix(
      { ...model, cases: [{ ...sample, id: ran.id, verdict: 'conforms' }] },
      catalogue,
      [],
    );
    assert.equal(rowOf(whole, 'requirements', one.id).outcome, 'conforms');
  });

  it('is laid over by a user’s clause texts, rows and assignments, without running again', async () => {
    const file = own(
      `mapping: 1\nextends: annex-a\nrows:\n  - { id: A.1, text: 'Firmware shall be signed.', cases: [SIG-01] }\n  - { id: A.13, name: one more, requirements: [FP-RB-1] }\n`,
    );
    const all = await tables(file);
    const row = rowOf(all, 'annex-a', 'A.1');
    assert.deepEqual(
      [row.outcome, row.text, row.textFrom, row.why],
      ['conforms', 'Firmware shall be signed.', 'my.yaml', undefined],
    );
    assert.equal(row.claimedClause, 'Annex A, point 1');
    assert.ok(rowOf(all, 'annex-a', 'A.13').cells.some(({ caseId }) => caseId === 'RB-01'));
    assert.equal(rowOf(all, 'annex-a', 'A.2').outcome, 'uncovered');
    assert.equal(all.find(({ id }) => id === 'annex-a')?.files.length, 2);
  });

  it('takes a mapping of a user’s own', async () => {
    const all = await tables(
      own(
        'mapping: 1\nid: house-rules\ntitle: House rules 3\nrows: [{ id: H1, name: only signed, cases: ["SIG-0*"] }]\n',
      ),
    );
    assert.equal(rowOf(all, 'house-rules', 'H1').cells.length, 9);
  });

  const mistakes: [string, string, RegExp][] = [
    [
      'a mapping that is not there',
      'mapping: 1\nextends: annex-b\nrows: [{ id: A }]\n',
      /extends annex-b, which is no mapping; did you mean annex-a\?/,
    ],
    [
      'an id that is taken',
      'mapping: 1\nid: annex-a\ntitle: Mine\nrows: [{ id: A }]\n',
      /there is a mapping annex-a already/,
    ],
    [
      'an unknown key',
      'mapping: 1\nextends: annex-a\nrows:\n  - { id: A.1, txt: abc }\n',
      /my\.yaml:4:\d+ rows\[0\]\.txt: unknown key txt; did you mean text\?/,
    ],
    [
      'an unknown requirement',
      'mapping: 1\nextends: annex-a\nrows:\n  - { id: A.1, requirements: [FP-SIG-11] }\n',
      /my\.yaml:4:\d+ .*no requirement FP-SIG-11/,
    ],
    [
      'an unknown case',
      'mapping: 1\nextends: annex-a\nrows:\n  - { id: A.1, cases: [SIG-99] }\n',
      /my\.yaml:4:\d+ .*SIG-99/,
    ],
    [
      'a row that is here twice',
      'mapping: 1\nextends: annex-a\nrows: [{ id: A.1 }, { id: A.1 }]\n',
      /A\.1 is here twice/,
    ],
  ];
  for (const [what, text, message] of mistakes) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(
        tables(own(text)),
        (error) => error instanceof FieldproofError && message.test(error.message),
      );
    });
  }

  it('is there for programs: JSON with all of it, CSV with a line for each row and case', async () => {
    const all = await tables();
    const value = JSON.parse(traceJson(model, all)) as { schema: string; tables: unknown };
    assert.equal(value.schema, 'fieldproof-trace/1');
    assert.deepEqual(value.tables, JSON.parse(JSON.stringify(all)));
    const lines = traceCsv(all).trimEnd().split('\r\n');
    const expected = all.flatMap(({ rows }) => rows.map(({ cells }) => Math.max(1, cells.length)));
    assert.equal(lines.length, 1 + expected.reduce((sum, n) => sum + n, 0));
    assert.ok(
      lines.some((line) =>
        line.startsWith('"annex-a","A.1","","uncovered","the text of this point is not public"'),
      ),
    );
    const formula = {
      id: 't',
      title: '',
      files: [],
      rows: [{ id: '=1+1', title: 'a "b"', cells: [], outcome: 'uncovered' as const }],
    };
    assert.match(traceCsv([formula]), /"'=1\+1","a ""b"""/);
  });
});
