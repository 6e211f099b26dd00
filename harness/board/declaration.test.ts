import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, it } from 'mocha';
import { BoardFileError } from '../errors.ts';
import { boardText, declarationText, testFolder, testSpecs, type TestFolder } from './board-fixture.ts';
import { crossCheck } from './cross-check.ts';
import { loadBoard } from './load-board.ts';
import { loadDeclaration, type LoadedDeclaration } from './load-declaration.ts';
import { pathText } from './problem.ts';

let folder: TestFolder | undefined;
afterEach(() => {
  folder?.remove();
  folder = undefined;
});

const edited = (from: string, to: string, text: string): string => {
  assert.ok(text.includes(from), `the fixture has no ${from}`);
  return text.replace(from, () => to);
};

describe('declaration', () => {
  const load = (text = declarationText): Promise<LoadedDeclaration> => {
    folder?.remove();
    folder = testFolder(boardText, text);
    return loadDeclaration(folder.declaration);
  };
  const refusal = async (from: string, to: string, text = declarationText): Promise<string> => {
    const error: unknown = await load(edited(from, to, text)).catch((cause: unknown) => cause);
    assert.ok(error instanceof BoardFileError, 'it was loaded');
    return error.message;
  };

  it('loads, frozen in depth, with the digest of its bytes', async () => {
    const { declaration, sha256 } = await load();
    assert.equal(declaration.device.serial, '000042');
    assert.equal(sha256, createHash('sha256').update(declarationText).digest('hex'));
    assert.equal(declaration.commands?.mechanism, 'authenticated-messages');
    assert.throws(() => {
      (declaration.ingresses['ymodem'] as { answersWithinMs: number }).answersWithinMs = 1;
    }, TypeError);
    assert.throws(() => void (declaration.integrity?.coverage as string[]).push('model'), TypeError);
  });

  it('gives place, path and proposal for what is wrong', async () => {
    assert.match(
      await refusal('answersWithinMs: 3000', 'answersWithin: 3s'),
      /:4:44 .*did you mean answersWithinMs: 3000\?/,
    );
    assert.match(await refusal('equalCounter: accept', 'equalCounter: acept'), /did you mean accept\?/);
    assert.match(
      await refusal('coverage: [code,', 'coverage: [cod,'),
      /coverage\[0\]: cod is not known; did you mean code\?/,
    );
    assert.match(
      await refusal('"000042"', '42'),
      /device\.serial: text is needed, .*number 42; put it in quotes/,
    );
    assert.match(await refusal('way: reinstall', 'way: reinstal'), /controls.*reinstal/);
  });

  it('may not depend on anything outside', async () => {
    assert.match(
      await refusal('vendor: Test', 'vendor: !secret v'),
      /the tag !secret is not known; this file may not use tags/,
    );
    const { declaration } = await load(edited('vendor: Test', 'vendor: "${V}"', declarationText));
    assert.equal(declaration.device.vendor, '${V}');
  });

  it('is refused when it contradicts itself', async () => {
    assert.match(
      await refusal('confirmation: required', 'confirmation: none'),
      /raisesFloorAt: contradicts confirmation: none/,
    );
    assert.match(
      await refusal('confirmation: required', 'activation: volatile\n  confirmation: required'),
      /confirmation: contradicts activation: volatile/,
    );
    const volatile = declarationText
      .replace('confirmation: required', 'activation: volatile\n  confirmation: none')
      .replace('unconfirmedReverts: true', 'unconfirmedReverts: false')
      .replace('raisesFloorAt: confirm', 'raisesFloorAt: install');
    assert.match(
      await refusal('[transfer, verify]', '[verify, boot]', volatile),
      /refusesAt: boot contradicts activation: volatile/,
    );
    const perObject = 'detectionMs: 1000\n  perObjectDetectionMs: { model: 5 }';
    assert.match(await refusal('detectionMs: 1000', perObject), /does not name model/);
    assert.match(await refusal('bytes: 16', 'bytes: 33'), /hmac-sha256 gives 32 bytes, not 33/);
    assert.match(await refusal('name: timestamp', 'name: time'), /commands\.window: .* no field timestamp/);
    assert.match(await refusal('name: code,', 'name: counter,'), /counter is here twice/);
    const none = edited('  window: { olderMs: 2000, newerMs: 500 }\n', '', declarationText);
    const error: unknown = await load(
      edited('  counter: { maximumGap: 1000, survivesPowerLoss: true }\n', '', none),
    ).catch((cause: unknown) => cause);
    assert.match(String(error), /commands: neither window nor counter/);
    const item =
      '  - { requirement: FP-REP-5, reason: The device has no publish and subscribe., agreedBy: A. Tester }\n';
    assert.match(await refusal(item, item + item), /FP-REP-5 is here twice/);
  });
});

describe('board against declaration', () => {
  const contradictions = async (
    change: { board?: [string, string]; declaration?: [string, string] } = {},
  ): Promise<string[]> => {
    folder?.remove();
    folder = testFolder(
      change.board === undefined ? boardText : edited(...change.board, boardText),
      change.declaration === undefined ? declarationText : edited(...change.declaration, declarationText),
    );
    const [board, declaration] = [
      await loadBoard(folder.board, testSpecs, {}),
      await loadDeclaration(folder.declaration),
    ];
    return crossCheck(board, declaration).map(
      ({ line, path, message }) => `${line > 1 ? '' : 'line 1 '}${pathText(path)}: ${message}`,
    );
  };

  it('agrees with the declaration of its device', async () => {
    assert.deepEqual(await contradictions(), []);
  });

  const cases: [string, Parameters<typeof contradictions>[0], RegExp][] = [
    [
      'an alarm wire that the board lacks',
      { declaration: ['[console, modbus]', '[consol, modbus]'] },
      /^integrity\.alarmWires\[0\]: .*did you mean console\?/,
    ],
    [
      'an undeclared way in',
      { declaration: ['  ymodem:', '  usb:'] },
      /^profile\.firmware\.ingresses\.ymodem: /,
    ],
    [
      'a confirmation that the board cannot give',
      { board: ['    confirm: { adapter: console-command, wire: console, send: update confirm }\n', ''] },
      /^profile\.firmware: confirm is missing/,
    ],
    [
      'a boot deadline shorter than the declared time',
      { board: ['bootsWithinMs: 5000', 'bootsWithinMs: 100'] },
      /^profile\.bootsWithinMs: 100 is less than the 5000/,
    ],
    [
      'controls without their images',
      { declaration: ['way: reinstall', 'way: pair'] },
      /^images: the image pair is missing/,
    ],
    [
      'a missing command key',
      { board: ['  commands: !secret commands.key', '  other: !secret commands.key'] },
      /^keys: the key commands is missing/,
    ],
    [
      'a link attack on a wire without declaration',
      { declaration: ['  modbus: { mechanism', '  opcua: { mechanism'] },
      /^profile\.linkAttacks\[0\]: the declaration says nothing of modbus/,
    ],
  ];
  for (const [what, change, expected] of cases) {
    it(`finds ${what}`, async () => {
      const found = await contradictions(change);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0]?.replace('line 1 ', '') ?? '', expected);
    });
  }
});
