import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { parse } from 'yaml';
import { z } from 'zod';
import { BoardFileError } from '../errors.ts';
import { boardText, declarationText, testFolder, testSpecs, type TestFolder } from './board-fixture.ts';
import { crossCheck } from './cross-check.ts';
import { FromRef } from './from-ref.ts';
import { boardJsonSchema, profileJsonSchema } from './json-schema.ts';
import { loadBoard } from './load-board.ts';
import { loadDeclaration } from './load-declaration.ts';
import { pathText, type Problem } from './problem.ts';

/** The fixture's board with its profile taken out into a file of its own. */
const start = boardText.indexOf('profile:\n');
const end = boardText.indexOf('images:\n');
const profileText = boardText.slice(start + 'profile:\n'.length, end).replaceAll(/^ {2}/gm, '');
const rest = (profile: string): string => `${boardText.slice(0, start)}${profile}\n${boardText.slice(end)}`;
const naming = rest('profile: models/gateway.profile.yaml');

describe('a profile in a file of its own', () => {
  let folder: TestFolder;
  beforeEach(() => {
    folder = testFolder(naming);
  });
  afterEach(() => folder.remove());

  const load = (profile: string, env: Record<string, string> = {}) => {
    folder.write('models/gateway.profile.yaml', profile);
    return loadBoard(folder.board, testSpecs, env);
  };
  const edited = (from: string, to: string): string => {
    assert.ok(profileText.includes(from), `the fixture has no ${from}`);
    return profileText.replace(from, () => to);
  };
  /** `file:line:column path: message`, the files without their folder. */
  const problems = async (loading: Promise<unknown>): Promise<string[]> => {
    const error: unknown = await loading.then(
      () => assert.fail('the board was loaded'),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof BoardFileError, String(error));
    return (error.data['problems'] as Problem[]).map(
      ({ file, line, column, path: at, message }) =>
        `${path.relative(folder.directory, file)}:${line}:${column} ${pathText(at)}: ${message}`,
    );
  };

  it('is the same board as with the profile in it', async () => {
    const { board } = await load(profileText);
    const whole = testFolder(boardText);
    try {
      assert.deepEqual(board.profile, (await loadBoard(whole.board, testSpecs, {})).board.profile);
    } finally {
      whole.remove();
    }
  });

  it('is covered by the digest of the board', async () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    const loaded = await load(profileText);
    assert.equal(loaded.sha256, sha256(naming + profileText));
    const file = path.join(folder.directory, 'models/gateway.profile.yaml');
    assert.deepEqual(loaded.profile, { file, sha256: sha256(profileText) });
    assert.notEqual((await load(`${profileText}# another\n`)).sha256, loaded.sha256);
  });

  it('tells what is wrong in it at its own place, with the nearest known key', async () => {
    const found = await problems(load(edited('wire: console, send: id', 'wire: consol, send: id')));
    assert.deepEqual(found, [
      'models/gateway.profile.yaml:3:46 identity.wire: no wire named consol; did you mean console?',
    ]);
    assert.match(
      (await problems(load(edited('securityCounter:', 'securityCount:')))).join('\n'),
      /^models\/gateway\.profile\.yaml:7:3 firmware\.securityCount: unknown key securityCount; did you mean securityCounter\?$/,
    );
    assert.match(
      (await problems(load(edited('type: u16', 'type: u17')))).join('\n'),
      /^models\/gateway\.profile\.yaml:\d+:\d+ commands\.effect\.type: .*u16/,
    );
  });

  it('tells what is wrong in both files in one go', async () => {
    folder.write('board.yaml', naming.replace('unit: 17', 'unit: 300'));
    const found = await problems(load(edited('type: u16', 'type: u17')));
    assert.deepEqual(
      found.map((text) => text.replace(/:.*/, '')),
      ['board.yaml', 'models/gateway.profile.yaml'],
    );
  });

  it('says once that it is not there, is no YAML, or is no mapping', async () => {
    const missing = await problems(loadBoard(folder.board, testSpecs, {}));
    assert.equal(missing.length, 1, missing.join('\n'));
    assert.match(missing[0] ?? '', /^board\.yaml:\d+:10 profile: cannot read the profile .*ENOENT/);
    const syntax = await problems(load('ready: { adapter: console-pattern\n'));
    assert.equal(syntax.length, 1, syntax.join('\n'));
    assert.match(syntax[0] ?? '', /^models\/gateway\.profile\.yaml:\d+:\d+ : not YAML/);
    const list = await problems(load('- ready\n'));
    assert.match(list.join('\n'), /^models\/gateway\.profile\.yaml:1:1 : a mapping .* found a list/);
    assert.match((await problems(load(''))).join('\n'), /^models\/gateway\.profile\.yaml:1:1 : a mapping/);
  });

  it('takes references, variables and secrets; a secret’s path starts at the profile’s folder', async () => {
    folder.write('models/line.password', 'open-sesame\n');
    const send = edited('send: status,', 'send: !secret line.password,').replace(
      'address: 24',
      "address: '${ADDRESS}'",
    );
    const { board, secrets, sources } = await load(send.replace('everyMs: 50', 'everyMs: !from tap.port'), {
      ADDRESS: '24',
    });
    assert.equal(board.profile.ready?.settings['send'], 'open-sesame');
    assert.equal(board.profile.process?.read.settings['address'], '24');
    assert.deepEqual(board.profile.alarms?.['modbus']?.settings['everyMs'], new FromRef('tap.port'));
    assert.deepEqual(
      secrets.map(({ name, value }) => `${name}=${value}`).filter((text) => text.includes('profile')),
      ['profile.ready.send=open-sesame'],
    );
    assert.deepEqual(sources.environment, [
      { name: 'ADDRESS', path: ['profile', 'process', 'read', 'address'], value: '24' },
    ]);
  });

  it('is shown where a declaration contradicts it', async () => {
    const loaded = await load(profileText);
    folder.write('declaration.yaml', declarationText.replace('  ymodem: {', '  xmodem: {'));
    const found = crossCheck(loaded, await loadDeclaration(folder.declaration));
    assert.equal(path.basename(found[0]?.file ?? ''), 'gateway.profile.yaml');
    assert.deepEqual([found[0]?.line, found[0]?.path], [10, ['firmware', 'ingresses', 'ymodem']]);
  });

  it('has a JSON Schema of its own, and the board’s takes a path', () => {
    const asEditor = (text: string): unknown => parse(text, { logLevel: 'silent' });
    const profile = z.fromJSONSchema(profileJsonSchema(testSpecs));
    assert.ok(profile.safeParse(asEditor(profileText)).success);
    assert.ok(!profile.safeParse(asEditor(edited('securityCounter:', 'securityCount:'))).success);
    const board = z.fromJSONSchema(boardJsonSchema(testSpecs));
    assert.ok(board.safeParse(asEditor(naming)).success);
    assert.ok(!board.safeParse(asEditor(rest('profile: [1]'))).success);
  });
});
