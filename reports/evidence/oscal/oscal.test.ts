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
  target: { status: { state: string; reason: string } };
}
interface Result {
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

  const documents = async (): Promise<unknown[]> =>
    (await oscalParts(source)).map(({ content }) => {
      assert.ok('bytes' in content);
      return JSON.parse(Buffer.from(content.bytes).toString('utf8')) as unknown;
    });
  const result = async (): Promise<Result> => {
    const [, results] = (await documents()) as [unknown, { 'assessment-results': { results: [Result] } }];
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

  it('takes no secret over', async () => {
    assert.doesNotMatch(JSON.stringify(await documents()), /opensesame/);
  });

  it('gives name-based identifiers of version 5', () => {
    assert.match(uuidOf('a', 'b'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(uuidOf('a', 'b'), uuidOf('ab'));
  });
});
