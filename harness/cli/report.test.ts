import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { writeMadeUpRun } from '../record/made-up-run.ts';
import { fieldproof, killAll } from './test/command.ts';

describe('fieldproof report', function () {
  this.timeout(180_000);
  let folder: string;
  let run: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'report-'));
    run = join(folder, 'run');
    writeMadeUpRun(run);
  });
  afterEach(killAll);
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('makes page and trace again with data of the laboratory, another language, clause texts and known violations', async () => {
    const entry = (id: string, code: string): string =>
      `  - { case: ${id}, findings: [${code}], reason: comes with the next release, agreedBy: J. Doe, expires: '2999-12-31' }\n`;
    const options = [
      ...['--lab', file('lab.yaml', 'lab: 1\nlaboratory: { name: Example Laboratory, address: Street 1 }\n')],
      ...[
        '--mapping',
        file('my.yaml', "mapping: 1\nextends: annex-a\nrows: [{ id: A.1, text: 'The real text.' }]\n"),
      ],
      ...[
        '--known',
        file('known.yaml', `known: 1\nviolations:\n${entry('SIG-02', 'forged-image-installed')}`),
      ],
      ...['--lang', 'zh', '--accept-known', '--json'],
    ];
    const { code, stdout, stderr } = await fieldproof('report', run, ...options);
    assert.equal(code, 1, stderr); // RB-03 violates too, and is on no list
    const said = JSON.parse(stdout) as {
      exitCode: number;
      testReport: string;
      trace: string;
      known: { outcome: string }[];
      knownList: { file: string; insteadOf?: unknown };
    };
    assert.equal(said.exitCode, 1);
    assert.deepEqual(
      said.known.map(({ outcome }) => outcome),
      ['happened'],
    );
    assert.deepEqual([said.knownList.file, said.knownList.insteadOf], ['known.yaml', null]);
    const page = readFileSync(said.testReport, 'utf8');
    for (const part of [
      'lang="zh-CN"',
      'Example Laboratory',
      'The real text.',
      'comes with the next release',
      'known.yaml 并非本次运行所用的清单',
    ]) {
      assert.ok(page.includes(part), part);
    }
    assert.match(readFileSync(said.trace, 'utf8'), /"textFrom": "my\.yaml"/);
  });

  it('ends as wrong usage where there is no such run or file, and says where they would be', async () => {
    const missing = join(folder, 'missing.yaml');
    const wrong: [string[], RegExp][] = [
      [['report', join(folder, 'rum')], /there is no run in .*rum\n {2}next: .*record\.jsonl.*reports.out/],
      [['diff', run, join(folder, 'rum')], /there is no run in .*rum\n {2}next: .*record\.jsonl/],
      [['report', run, '--lab', missing], /--lab: there is no file .*missing\.yaml/],
      [['report', run, '--mapping', missing], /--mapping: there is no file .*missing\.yaml/],
      [['report', run, '--known', missing], /--known: there is no file .*missing\.yaml/],
    ];
    for (const [words, message] of wrong) {
      const { code, stderr } = await fieldproof(...words);
      assert.equal(code, 64, stderr);
      assert.match(stderr, message);
    }
  });

  it('makes nothing of a lab file with a mistake, and says where it is', async () => {
    const { code, stderr } = await fieldproof(
      'report',
      run,
      '--lab',
      file('bad.yaml', 'lab: 1\ncustomre: {}\n'),
    );
    assert.equal(code, 3);
    assert.match(stderr, /bad\.yaml:2:1 customre: unknown key customre; did you mean customer\?/);
  });
});
