import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, before, describe, it } from 'mocha';
import { BoardFileError, UsageError } from '../errors.ts';
import type { Catalogue } from './catalogue.ts';
import { loadCatalogue } from './load.ts';

const shipped = fileURLToPath(new URL('../../suites/catalogue/', import.meta.url));

/** Retired or renumbered ids would break every reference to them: how many there are of each is part of the contract. */
const casesBySuite = {
  'signature-rejection': 28,
  rollback: 22,
  'integrity-alarms': 18,
  replay: 25,
  'audit-trail': 13,
  'encrypted-transport': 15,
  'model-integrity': 11,
  'keys-and-boot': 9,
  documents: 8,
};

describe('catalogue', () => {
  let catalogue: Catalogue;
  before(async () => {
    catalogue = await loadCatalogue(shipped);
  });

  it('has every case of every suite, numbered without gaps', () => {
    for (const [suite, count] of Object.entries(casesBySuite)) {
      const ids = catalogue.cases.filter((one) => one.suite === suite).map(({ id }) => id);
      const prefix = ids[0]?.split('-')[0] ?? '';
      const expected = Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`);
      assert.deepEqual(ids, expected);
    }
  });

  it('has titles that differ and finish the sentence "the device …"', () => {
    const titles = catalogue.cases.map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
    for (const title of titles) {
      const verb = title.split(' ')[0] ?? '';
      const sentence = verb.endsWith('s') || ['neither', 'never', 'cannot'].includes(verb);
      assert.ok(sentence, `the device ${title}`);
    }
    assert.equal(catalogue.case('SIG-02').title, 'rejects an image whose payload was altered after signing');
  });

  it('says what is built', () => {
    const built = catalogue.cases.filter((one) => one.built).map(({ id }) => id);
    assert.deepEqual(built, [
      ...Array.from({ length: 28 }, (_unused, index) => `SIG-${String(index + 1).padStart(2, '0')}`),
      ...Array.from({ length: 22 }, (_unused, index) => `RB-${String(index + 1).padStart(2, '0')}`),
      ...['INT-01', 'INT-02', 'INT-03', 'INT-05', 'INT-06', 'INT-08', 'INT-11', 'INT-12'],
      ...['REP-01', 'REP-02', 'REP-03', 'REP-04', 'REP-06', 'REP-07', 'REP-15'],
    ]);
  });

  it('traces every claim and requirement to cases, or marks it uncovered with the reason', () => {
    const rows = catalogue.trace();
    const claims = rows.filter(({ kind }) => kind === 'claim').map(({ id }) => id);
    assert.deepEqual(claims, [
      'G1',
      'G2',
      'G3',
      'G4',
      'V1',
      'V2',
      'V3',
      'V4',
      'T1',
      'T2',
      'T3',
      'T4',
      'T5',
      'T6',
    ]);
    for (const { id, cases, coverage, why } of rows) {
      if (coverage === 'covered') assert.ok(cases.length > 0 && cases.every(({ built }) => built), id);
      else assert.ok(why !== undefined && why.length > 5, `${id} is ${coverage} without a reason`);
    }
    const coverageOf = (id: string): string | undefined => rows.find((row) => row.id === id)?.coverage;
    assert.equal(coverageOf('G1'), 'partly');
    assert.equal(coverageOf('G4'), 'uncovered');
    assert.equal(coverageOf('T2'), 'uncovered'); // cases are written, none is built
    assert.equal(coverageOf('FP-SIG-6'), 'covered');
    assert.equal(coverageOf('FP-SIG-5'), 'covered');
    assert.equal(coverageOf('FP-INT-6'), 'uncovered');
  });

  it('selects by id, pattern, prefix and suite, in its own order', () => {
    const ids = (...patterns: string[]): string[] => catalogue.select(patterns).map(({ id }) => id);
    assert.deepEqual(ids('RB-03', 'SIG-02'), ['SIG-02', 'RB-03']);
    assert.equal(ids('SIG-*').length, 28);
    assert.deepEqual(ids('sig'), ids('signature-rejection'));
    assert.deepEqual(ids('DOC', '!DOC-01').length, 7);
    assert.equal(ids().length, 149);
    assert.deepEqual(ids('RB-1*', '!RB-16'), [
      'RB-10',
      'RB-11',
      'RB-12',
      'RB-13',
      'RB-14',
      'RB-15',
      'RB-17',
      'RB-18',
      'RB-19',
    ]);
  });

  it('names the nearest id for one that it does not know', () => {
    assert.throws(
      () => catalogue.case('SIG-2'),
      (error: unknown) => {
        return error instanceof UsageError && /did you mean SIG-02|did you mean SIG-2\d/.test(error.message);
      },
    );
    assert.throws(() => catalogue.select(['signature-rejectoin']), /did you mean signature-rejection\?/);
    assert.throws(() => catalogue.select(['SIG-0*', 'XYZ-*']), UsageError);
    assert.throws(() => catalogue.requirement('FP-SIG-99'), /did you mean FP-SIG-/);
  });

  it('has a digest that sha256sum can repeat', () => {
    const names = ['catalogue.yaml', 'cases.yaml', 'requirements.yaml', 'claims.yaml', 'ledger.yaml'];
    const digest = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
    const listing = names
      .map((name) => `${digest(readFileSync(path.join(shipped, name)))}  ${name}\n`)
      .join('');
    assert.equal(catalogue.sha256, digest(listing));
  });

  it('cannot be changed', () => {
    assert.throws(() => void (catalogue.cases as unknown[]).pop(), TypeError);
  });
});

describe('a catalogue with mistakes', () => {
  let directory: string;
  afterEach(() => rmSync(directory, { recursive: true }));

  /** What is told when one file of the shipped catalogue is edited. */
  const told = async (name: string, from: string | RegExp, to: string): Promise<string> => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'fieldproof-catalogue-'));
    cpSync(shipped, directory, { recursive: true });
    const file = path.join(directory, name);
    const text = readFileSync(file, 'utf8');
    const changed = text.replace(from, () => to);
    assert.notEqual(changed, text, 'nothing was edited');
    writeFileSync(file, changed);
    const error: unknown = await loadCatalogue(directory).catch((cause: unknown) => cause);
    assert.ok(error instanceof BoardFileError, 'it was loaded');
    return error.message;
  };

  const mistakes: [string, [string, string | RegExp, string], RegExp][] = [
    [
      'an id used twice',
      ['cases.yaml', 'id: SIG-02', 'id: SIG-01'],
      /cases\.yaml:\d+:\d+ \[1\]\.id: SIG-01 is here twice/,
    ],
    ['a case in the wrong suite', ['cases.yaml', 'suite: replay', 'suite: rollback'], /have ids RB-/],
    [
      'an unknown requirement',
      ['cases.yaml', '[FP-SIG-5]', '[FP-SIG-55]'],
      /no requirement FP-SIG-55; did you mean FP-SIG-5\?/,
    ],
    ['a requirement without a case', ['cases.yaml', '[FP-SIG-5]', '[FP-SIG-4]'], /no case serves FP-SIG-5/],
    [
      'a claim with neither cases nor reason',
      ['claims.yaml', "cases: ['AUD-*']", 'cases: []'],
      /or says why it is uncovered/,
    ],
    ['a claim on cases that are not there', ['claims.yaml', 'AUD-*', 'AUX-*'], /no case AUX-\*/],
    [
      'a claim from an unknown document',
      ['claims.yaml', "document: '002'", "document: '003'"],
      /no document 003/,
    ],
    ['an unknown input', ['cases.yaml', '[golden-image]', '[golden-imag]'], /golden-imag/],
    [
      'a condition on a mandatory requirement',
      ['requirements.yaml', /kind: conditional/, 'kind: mandatory'],
      /mandatory ones have none/,
    ],
    [
      'a title with a full stop',
      ['cases.yaml', 'altered after signing\n', 'altered after signing.\n'],
      /finish the sentence/,
    ],
  ];
  for (const [what, edit, expected] of mistakes) {
    it(`is refused for ${what}`, async () => {
      assert.match(await told(...edit), expected);
    });
  }
});
