import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import { sha256Hex } from '../../../harness/record/digest.ts';
import { writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import type { RunRecord } from '../../../harness/record/record.ts';
import type { MakeParts, PackagePart } from '../part.ts';
import { payloadParts, recordParts } from '../run-parts.ts';
import { newSigner, pack, scratch, verifyPackage, type Verification } from '../test/made-up-package.ts';

const catalogueFiles = ['catalogue', 'cases', 'requirements', 'claims', 'ledger'].map(
  (name) => `${name}.yaml`,
);
const golden = Buffer.from('an image that a forger would like to exchange');
const declaration = 'device: { vendor: Example Works }\n';

/** Inputs and an image that the run keeps, and a catalogue whose digest is that of its files. */
function header(record: RunRecord) {
  const inputs = [
    record.keepText('declaration.yaml', declaration, 'application/yaml'),
    ...catalogueFiles.map((name) => record.keepText(`catalogue/${name}`, `# ${name}\n`, 'application/yaml')),
  ];
  const listing = catalogueFiles
    .map((name) => `${sha256Hex(Buffer.from(`# ${name}\n`))}  ${name}\n`)
    .join('');
  const image = { name: 'golden', sha256: sha256Hex(golden), bytes: golden };
  const catalogue = { version: '2026.1', sha256: sha256Hex(Buffer.from(listing)) };
  return { inputs, images: [record.keepImage(image)], catalogue };
}

describe('The verifier, of payloads and inputs,', () => {
  const { path, remove } = scratch();
  const bench = newSigner();
  before(() => {
    writeMadeUpRun(path('run'), { signer: bench, header });
  });
  after(remove);

  type Edit = (part: PackagePart) => PackagePart | undefined;

  /** The package as the bench itself would sign it, had its parts been other ones. */
  async function verified(edit: Edit, more: readonly PackagePart[] = [], run = 'run'): Promise<Verification> {
    const parts: MakeParts = async (source) => [
      ...(await payloadParts(source)).flatMap((part) => edit(part) ?? []),
      ...more,
    ];
    const file = await pack(path(run), path('edited.tar'), {
      signers: [bench],
      makers: [recordParts, parts],
    });
    return verifyPackage(file, [bench.fingerprint]);
  }
  const unchanged: Edit = (part) => part;
  const told = ({ problems }: Verification) => problems.map(({ code, where }) => [code, where]);
  const part = (name: string, bytes: Uint8Array): PackagePart => ({
    path: name,
    mediaType: 'application/octet-stream',
    about: '',
    content: { bytes },
  });
  const without =
    (name: string): Edit =>
    (one) =>
      one.path === name ? undefined : one;
  const exchanged =
    (name: string): Edit =>
    (one) =>
      one.path === name ? { ...one, content: { bytes: Buffer.from('another') } } : one;

  it('finds them right when all are there', async () => {
    const found = await verified(unchanged);
    assert.deepEqual([found.exitCode, found.problems], [0, []]);
  });

  it('misses an image and an input that the record says are kept', async () => {
    const image = `payloads/${sha256Hex(golden)}`;
    assert.deepEqual(told(await verified(without(image))), [['payload-missing', image]]);
    const input = `payloads/${sha256Hex(Buffer.from(declaration))}`;
    assert.deepEqual(told(await verified(without(input))), [['input-missing', input]]);
  });

  it('finds what was exchanged, and what the record does not name', async () => {
    const image = `payloads/${sha256Hex(golden)}`;
    assert.deepEqual(told(await verified(exchanged(image))), [['payload-wrong', image]]);
    const copy = 'inputs/declaration.yaml';
    assert.deepEqual(told(await verified(exchanged(copy))), [['input-wrong', copy]]);
    const stranger = Buffer.from('nobody sent this');
    const name = `payloads/${sha256Hex(stranger)}`;
    assert.deepEqual(told(await verified(unchanged, [part(name, stranger)])), [['payload-foreign', name]]);
    const invented = 'inputs/plan.json';
    assert.deepEqual(told(await verified(unchanged, [part(invented, stranger)])), [
      ['input-wrong', invented],
    ]);
  });

  it('finds a catalogue that is not the one that the run was opened with', async () => {
    writeMadeUpRun(path('other'), {
      signer: bench,
      header: (record) => ({ ...header(record), catalogue: { version: '2026.1', sha256: 'a'.repeat(64) } }),
    });
    assert.deepEqual(told(await verified(unchanged, [], 'other')), [['input-wrong', 'inputs/catalogue']]);
  });

  it('withholds payloads together with their readable copies', async () => {
    const file = await pack(path('run'), path('redacted.tar'), {
      signers: [bench],
      makers: [recordParts, payloadParts],
      redact: ['payloads'],
    });
    const bytes = readFileSync(file);
    assert.ok(!bytes.includes(golden) && !bytes.includes(declaration));
    const found = verifyPackage(file, [bench.fingerprint]);
    assert.deepEqual([found.exitCode, found.problems], [0, []]);
    const folders = new Set(found.withheld.map(({ path: name }) => name.split('/')[0]));
    assert.deepEqual(folders, new Set(['inputs', 'payloads']));
  });
});
