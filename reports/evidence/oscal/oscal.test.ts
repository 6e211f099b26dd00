import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { Catalogue, loadCatalogue } from '../../../harness/catalogue/index.ts';
import { writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import { readRun } from '../../../harness/record/read.ts';
import { modelOf } from '../../../harness/record/run-model.ts';
import type { EvidenceSource } from '../part.ts';
import { oscalParts } from './index.ts';
import { uuidOf } from './uuid.ts';

interface Finding {
  title: string;
  description: string;
  target: { status: { state: string; reason: string; remarks?: string } };
}
interface Result {
  props: { name: string; value: string }[];
  observations: { title: string; description: string; 'relevant-evidence': { description: string }[] }[];
  findings: Finding[];
  'reviewed-controls': {
    'control-selections': {
      'include-controls': { 'control-id': string }[];
      'exclude-controls'?: { 'control-id': string }[];
      remarks?: string;
    }[];
  };
}

describe('OSCAL', () => {
  let folder: string;
  let source: EvidenceSource;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'oscal-'));
    const runDir = join(folder, 'run');
    writeMadeUpRun(runDir);
    const whole = await loadCatalogue(join(import.meta.dirname, '../../../suites/catalogue'));
    // One requirement a verdict of the made-up run, so that each mapping is seen.
    const [first] = whole.cases;
    assert.ok(first);
    const verdictOf = { 'SIG-01': 1, 'SIG-02': 2, 'RB-02': 3, 'RPL-02': 4, 'ALM-02': 5, 'RPL-01': 6 };
    const cases = Object.entries(verdictOf).map(([id, n]) => ({
      ...first,
      id,
      title: `does what ${id} asks`,
      requirements: [`FP-SIG-${n}`],
    }));
    source = {
      runDir,
      model: modelOf(readRun(runDir).entries),
      catalogue: new Catalogue({ ...whole.data, cases }),
    };
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const documents = async (of: EvidenceSource = source): Promise<unknown[]> =>
    (await oscalParts(of)).map(({ content }) => {
      assert.ok('bytes' in content);
      return JSON.parse(Buffer.from(content.bytes).toString('utf8')) as unknown;
    });
  const result = async (of: EvidenceSource = source): Promise<Result> => {
    const [, results] = (await documents(of)) as [unknown, { 'assessment-results': { results: [Result] } }];
    return results['assessment-results'].results[0];
  };

  it('says satisfied of what conforms alone, and never "failed" of what was not decided', async () => {
    const { findings } = await result();
    const said = Object.fromEntries(findings.map(({ title, target }) => [title, target.status]));
    const states = (id: string) => [said[id]?.state, said[id]?.reason];
    assert.deepEqual(states('FP-SIG-1'), ['satisfied', 'pass']);
    assert.deepEqual(states('FP-SIG-2'), ['not-satisfied', 'fail']);
    for (const undecided of ['FP-SIG-3', 'FP-SIG-4', 'FP-SIG-5'])
      assert.deepEqual(states(undecided), ['not-satisfied', 'other'], undecided);
  });

  /** The source with one more case for the requirements of SIG-01, which is not in the run. */
  const withAbsent = (id: string, built: boolean, besides = 'SIG-01'): EvidenceSource => {
    const beside = source.catalogue.case(besides);
    const cases = [...source.catalogue.cases, { ...beside, id, built }];
    return { ...source, catalogue: new Catalogue({ ...source.catalogue.data, cases }) };
  };

  it('says nothing is satisfied of which a case is not in the run, or not built', async () => {
    for (const [built, why] of [
      [true, /SIG-05 absent.*Cases not in this run: SIG-05/],
      [false, /SIG-05 unbuilt.*Cases not built yet: SIG-05/],
    ] as const) {
      const { findings } = await result(withAbsent('SIG-05', built));
      const found = findings.find(({ title }) => title === 'FP-SIG-1');
      const { state, reason, remarks = '' } = found?.target.status ?? {};
      assert.deepEqual([state, reason], ['not-satisfied', 'other']);
      assert.match(`${found?.description} ${remarks}`, why);
    }
  });

  it('excludes nothing that is waived for one case while another was not tried', async () => {
    const { findings, 'reviewed-controls': reviewed } = await result(withAbsent('RPL-05', true, 'RPL-01'));
    assert.ok(findings.some(({ title }) => title === 'FP-SIG-6'));
    assert.equal(reviewed['control-selections'][0]?.['exclude-controls'], undefined);
  });

  it('says of the whole run its depth, the faults that were switched on, and the exit code of an interrupted one', async () => {
    const { model } = source;
    const said = async (of: EvidenceSource): Promise<Record<string, string>> =>
      Object.fromEntries((await result(of)).props.map(({ name, value }) => [name, value]));
    const conforming = model.cases.filter(({ verdict }) => verdict === 'conforms');
    const props = await said({
      ...source,
      model: {
        ...model,
        cases: conforming,
        exitCode: 0,
        interrupted: true,
        header: { ...model.header, defects: ['accept-unsigned', 'no-lock'] },
      },
    });
    assert.equal(props['depth'], 'standard');
    assert.equal(props['faults-switched-on'], 'accept-unsigned, no-lock');
    assert.equal(props['exit-code'], '2');
    assert.equal((await said(source))['faults-switched-on'], undefined);
  });

  it('excludes what the declaration waives, with the reason', async () => {
    const [selection] = (await result())['reviewed-controls']['control-selections'];
    assert.deepEqual(selection?.['exclude-controls'], [{ 'control-id': 'FP-SIG-6' }]);
    assert.match(selection.remarks ?? '', /FP-SIG-6 \(RPL-01\): the device takes no commands/);
    assert.ok(!selection['include-controls'].some((one) => one['control-id'] === 'FP-SIG-6'));
  });

  it('has an observation of every case, with the entry of the record on which it rests', async () => {
    const { observations } = await result();
    assert.deepEqual(
      observations.map(({ title }) => title),
      source.model.cases.map(({ id }) => id),
    );
    const violation = observations.find(({ title }) => title === 'SIG-02');
    const entry = source.model.entries.findLast(
      ({ kind, caseId }) => kind === 'verdict' && caseId === 'SIG-02',
    );
    assert.ok(entry);
    assert.match(
      violation?.['relevant-evidence'][0]?.description ?? '',
      new RegExp(`^Entry ${entry.seq} of the record, hash ${entry.hash}`),
    );
  });

  it('is the same, byte for byte, whenever it is made again', async () => {
    assert.deepEqual(await documents(), await documents());
  });

  it('has no empty list, which the schema forbids, also where nothing ran', async () => {
    const empty = JSON.stringify(await documents({ ...source, model: { ...source.model, cases: [] } }));
    assert.doesNotMatch(empty, /\[\]/);
  });

  it('takes no secret over', async () => {
    assert.doesNotMatch(JSON.stringify(await documents()), /opensesame/);
  });

  it('gives name-based identifiers of version 5', () => {
    assert.match(uuidOf('a', 'b'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(uuidOf('a', 'b'), uuidOf('ab'));
  });
});
