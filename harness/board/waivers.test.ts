import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'mocha';
import { z } from 'zod';
import { loadCatalogue } from '../catalogue/index.ts';
import type { DriverSpec } from '../driver.ts';
import { boardText, declarationText, testFolder, testSpecs, type TestFolder } from './board-fixture.ts';
import { crossCheck } from './cross-check.ts';
import { loadBoard } from './load-board.ts';
import { loadDeclaration } from './load-declaration.ts';
import { pathText } from './problem.ts';
import { meetsCondition } from './waivers.ts';

const opcua: DriverSpec = {
  kind: 'opcua',
  summary: 'OPC UA',
  settings: z.strictObject({}),
  offers: ['attacks'],
  adapters: [],
};
const specs = [...testSpecs, opcua];

let folder: TestFolder | undefined;
afterEach(() => {
  folder?.remove();
  folder = undefined;
});

const edited = (text: string, from: string, to: string): string => {
  assert.ok(text.includes(from), `the fixture has no ${from}`);
  return text.replace(from, () => to);
};

/** A board that speaks for no conditional requirement, and its declaration; each test adds one thing. */
const plainBoard = edited(
  boardText,
  '    securityCounter: { adapter: modbus-register, wire: modbus, address: 5, type: u32 }\n',
  '',
);
const plainDeclaration = declarationText
  .replace('format: mcuboot', 'format: opaque')
  .replace('confirmation: required', 'confirmation: none')
  .replace('unconfirmedReverts: true', 'unconfirmedReverts: false')
  .replace('raisesFloorAt: confirm', 'raisesFloorAt: install')
  .replace('  window: { olderMs: 2000, newerMs: 500 }\n', '');
const withoutConfirm = edited(
  plainBoard,
  '    confirm: { adapter: console-command, wire: console, send: update confirm }\n',
  '',
);

/** What is found when everything conditional that the table knows is waived. */
async function contradictions(
  change: { board?: [string, string]; declaration?: [string, string] } = {},
  board = withoutConfirm,
): Promise<string[]> {
  const waivers = Object.keys(meetsCondition)
    .map((id) => `  - { requirement: ${id}, reason: There is no such thing here, agreedBy: A. Tester }\n`)
    .join('');
  folder?.remove();
  folder = testFolder(
    change.board === undefined ? board : edited(board, ...change.board),
    (change.declaration === undefined ? plainDeclaration : edited(plainDeclaration, ...change.declaration)) +
      waivers,
  );
  folder.write('maker.pem', '-----BEGIN CERTIFICATE-----\n');
  const found = crossCheck(
    await loadBoard(folder.board, specs, {}),
    await loadDeclaration(folder.declaration),
  );
  return found.map((problem) => {
    assert.equal(problem.file, folder?.declaration);
    assert.match(pathText(problem.path), /^notApplicable\[\d+\]\.requirement$/);
    assert.ok(problem.line > 30, 'the line of the waiver');
    return problem.message;
  });
}

describe('waivers', () => {
  it('stand where neither board nor declaration speaks against them', async () => {
    assert.deepEqual(await contradictions(), []);
  });

  const golden = boardText.match(/golden: (\{.*\})/)?.[1] ?? '';
  const image = (role: string): { board: [string, string] } => ({
    board: ['images:\n', `images:\n  ${role}: ${golden}\n`],
  });
  const update = (line: string): { declaration: [string, string] } => ({
    declaration: ['  appendedData: ignore\n', `  appendedData: ignore\n  ${line}\n`],
  });
  const inFormat = (name: string): { declaration: [string, string] } => ({
    declaration: ['format: opaque', `format: ${name}`],
  });
  const refuted: [string, Parameters<typeof contradictions>[0], string[]][] = [
    [
      'FP-REP-2',
      {
        declaration: [
          '  counter: { maximumGap',
          '  window: { olderMs: 1, newerMs: 1 }\n  counter: { maximumGap',
        ],
      },
      ['commands.window of the declaration'],
    ],
    [
      'FP-REP-4',
      { board: ['  tap: {', '  plant: { driver: opcua }\n  tap: {'] },
      ['wires.plant of the board file'],
    ],
    [
      'FP-RB-10',
      {
        board: [
          '    ingresses:\n',
          '    allowOlder: { adapter: console-command, wire: console, send: older }\n    ingresses:\n',
        ],
      },
      ['profile.firmware.allowOlder of the board file'],
    ],
    ['FP-RB-10', update('operatorOverride: audited'), ['update.operatorOverride']],
    [
      'FP-RB-10',
      { declaration: ['  withinMs: 2000\n', '  withinMs: 2000\n  overrideUsed: { event: override }\n'] },
      ['audit.overrideUsed'],
    ],
    [
      'FP-RB-2',
      {
        board: [
          '    ingresses:\n',
          '    securityCounter: { adapter: modbus-register, wire: modbus, address: 5, type: u32 }\n    ingresses:\n',
        ],
      },
      ['profile.firmware.securityCounter'],
    ],
    ['FP-RB-2', image('lowerCounter'), ['images.lowerCounter']],
    ['FP-RB-5', update('confirmWithinMs: 9000'), ['update.confirmWithinMs']],
    ['FP-RB-5', update('revertsWithinMs: 9000'), ['update.revertsWithinMs']],
    ['FP-RB-6', update('expiredMetadata: refuse'), ['update.expiredMetadata']],
    ['FP-RB-6', image('newerExpired'), ['images.newerExpired']],
    ['FP-RB-8', update('olderUnderNewer: refuse'), ['update.olderUnderNewer']],
    ['FP-RB-8', image('staleComponent'), ['images.staleComponent']],
    ['FP-RB-9', update('policy: { lowerVersion: refuse }'), ['update.policy.lowerVersion']],
    ['FP-SIG-7', update('policy: { certificateTime: checked }'), ['update.policy.certificateTime']],
    [
      'FP-SIG-7',
      { board: ['keys:\n', 'keys:\n  maker: !secret maker.pem\n'] },
      ['keys.maker of the board file'],
    ],
    ['FP-SIG-8', update('policy: { threshold: 2 }'), ['update.policy.threshold']],
  ];
  for (const [requirement, change, expected] of refuted) {
    it(`of ${requirement} is refuted by ${expected.join()}`, async () => {
      const [message = '', ...others] = await contradictions(change);
      assert.deepEqual(others, []);
      assert.ok(message.startsWith(`${requirement} is waived`), message);
      for (const place of expected) assert.ok(message.includes(place), message);
      assert.match(message, /drop the waiver, or take out what contradicts it/);
    });
  }

  it('of what comes with the format are refuted by it', async () => {
    const waived = async (name: string): Promise<(string | undefined)[]> =>
      (await contradictions(inFormat(name))).map((message) => message.split(' ')[0]);
    assert.deepEqual(await waived('mcuboot'), ['FP-SIG-9', 'FP-SIG-10']);
    assert.deepEqual(await waived('rauc'), ['FP-SIG-7', 'FP-SIG-9', 'FP-SIG-10']);
    assert.deepEqual(await waived('suit'), ['FP-SIG-10', 'FP-RB-8']);
    assert.deepEqual(await waived('swupdate'), ['FP-SIG-10']);
  });

  it('of trial boots are refuted where a new image must be confirmed', async () => {
    const found = await contradictions(
      { declaration: ['confirmation: none', 'confirmation: required'] },
      plainBoard,
    );
    assert.deepEqual(
      found.map((message) => message.split(' (')[0]),
      ['FP-RB-5 is waived, and applies by update.confirmation of the declaration'],
    );
  });

  it('of models are refuted where a model is watched, each', async () => {
    const found = await contradictions({ declaration: ['coverage: [code,', 'coverage: [code, model,'] });
    assert.equal(found.filter((message) => message.startsWith('FP-AIM-')).length, 3);
  });

  it('are looked into for every conditional requirement of which a file can tell', async () => {
    const { requirements } = await loadCatalogue(
      fileURLToPath(new URL('../../suites/catalogue', import.meta.url)),
    );
    const conditional = requirements.filter(({ kind }) => kind === 'conditional').map(({ id }) => id);
    const untold = conditional.filter((id) => !Object.hasOwn(meetsCondition, id));
    assert.deepEqual(untold, ['FP-INT-6', 'FP-REP-5', 'FP-REP-6', 'FP-ENC-3', 'FP-DOC-6']);
    for (const id of Object.keys(meetsCondition)) assert.ok(conditional.includes(id), id);
  });
});
