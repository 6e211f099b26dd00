import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { BoardFileError } from '../../harness/errors.ts';
import { labSchema } from './lab-schema.ts';
import { loadLab } from './load-lab.ts';
import { textOf } from './testing/input.ts';

const template = fileURLToPath(new URL('../../boards/templates/lab.yaml', import.meta.url));

describe('lab.yaml', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'lab-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const load = (text: string) => {
    const file = join(folder, 'lab.yaml');
    writeFileSync(file, text);
    return loadLab(file);
  };

  it('may be empty but for its version: the template is, and with its comments taken off it is whole', async () => {
    const text = textOf(template);
    assert.deepEqual((await load(text)).lab, { lab: 1 });
    const filled = text
      .split('\n')
      .slice(3)
      .map((line) => line.replace(/^# ?/, ''))
      .join('\n');
    const { lab } = await load(filled);
    assert.deepEqual(Object.keys(lab).sort(), Object.keys(labSchema.shape).sort());
    assert.equal(lab.report?.number, 'LAB-2026-0042');
  });

  const mistakes: [string, string, RegExp][] = [
    [
      'a mistyped key',
      'lab: 1\nlaboratry: { name: A, address: B }\n',
      /lab\.yaml:2:1 laboratry: unknown key.*laboratory/,
    ],
    [
      'a day that is none',
      "lab: 1\nitem: { receivedOn: '2026-02-30' }\n",
      /lab\.yaml:2:\d+ item\.receivedOn: there is no such day/,
    ],
    [
      'an amendment without a number',
      'lab: 1\nreport: { amends: { number: A, reason: B } }\n',
      /report\.number: .*number of its own/,
    ],
    [
      'an amendment of itself',
      'lab: 1\nreport: { number: A, amends: { number: A, reason: B } }\n',
      /report\.number: is the number of the report that it amends/,
    ],
    ['a mark of accreditation', 'lab: 1\naccreditation: L0001\n', /accreditation: unknown key/],
  ];
  for (const [what, text, message] of mistakes) {
    it(`is refused for ${what}, with the place`, async () => {
      await assert.rejects(
        load(text),
        (error) => error instanceof BoardFileError && message.test(error.message),
      );
    });
  }
});
