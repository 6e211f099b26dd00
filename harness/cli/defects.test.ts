import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import type { BoardFile } from '../board/index.ts';
import { BoardFileError, UsageError } from '../errors.ts';
import { loadDefectList } from './defects.ts';
import { boardFileOf, mustHaveDefects } from './defects-of-board.ts';

const folder = mkdtempSync(join(tmpdir(), 'defects-'));

describe('The list of defects', () => {
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const load = (yaml: string) => {
    const file = join(folder, 'defects.yaml');
    writeFileSync(file, yaml);
    return loadDefectList(file);
  };
  const one = '- { name: leaks, description: It leaks., expected: { SIG-01: violates } }';

  it('fills in board and depth, and takes one pattern for a list', () => {
    const { boards, defects } = load(
      `boards: [{ board: simulated-gateway, sentinels: [SIG-02], cases: 'SIG-*' }]\ndefects:\n  ${one}`,
    );
    assert.equal(defects[0]?.board, 'simulated-gateway');
    assert.equal(defects[0].depth, 'standard');
    assert.deepEqual(boards[0]?.cases, ['SIG-*']);
    assert.deepEqual(boards[0].faithful, {});
  });

  it('refuses what contradicts itself, with the place', () => {
    const board = 'boards: [{ board: simulated-gateway, sentinels: [SIG-02]';
    const wrong: [yaml: string, message: RegExp][] = [
      [
        `${board} }]\ndefects: [{ name: a, description: b, board: simulated-gatway, expected: {} }]`,
        /did you mean simulated-gateway.*\n.*defects\[0\]\.board/,
      ],
      [`${board} }]\ndefects:\n  ${one}\n  ${one}`, /leaks is here twice/],
      [
        `${board} }, { board: simulated-gateway, sentinels: [RB-01] }]\ndefects: []`,
        /simulated-gateway is here twice/,
      ],
      [
        `${board}, faithful: { RB-16: { verdict: not-executed, why: so } } }]\ndefects: []`,
        /say why, in a sentence/,
      ],
      [
        `${board}, faithful: { RB-16: { verdict: violates, why: because it is so } } }]\ndefects: []`,
        /faithful\.?.*RB-16/,
      ],
      ['boards: [{ board: simulated-gateway, sentinels: [] }]\ndefects: []', /sentinels/],
      [`defects:\n  ${one}`, /boards/],
    ];
    for (const [yaml, message] of wrong) {
      assert.throws(
        () => load(yaml),
        (error) => error instanceof BoardFileError && message.test(error.message),
        yaml,
      );
    }
  });

  it('is, as we keep it, whole, and names boards that there are', () => {
    const { boards } = loadDefectList();
    for (const { board } of boards) assert.ok(existsSync(boardFileOf(board)), board);
  });
});

describe('A defect of another board', () => {
  const boardOf = (board: string, settings: object | undefined) =>
    ({
      board,
      wires: settings === undefined ? {} : { power: { driver: 'simulated-power', settings } },
    }) as unknown as BoardFile;

  it('is refused, naming the board that has it; the same model on other wires has it too', () => {
    mustHaveDefects(boardOf('mine', { device: 'simulated-gateway', opcua: false }), ['accept-unsigned']);
    for (const settings of [{ device: 'simulated-gateway', packages: true }, { device: 'another' }]) {
      assert.throws(
        () => {
          mustHaveDefects(boardOf('mine', settings), ['accept-unsigned']);
        },
        (error) =>
          error instanceof UsageError &&
          error.message ===
            '"accept-unsigned" is a fault of the device of boards/simulated-gateway.yaml; mine starts another one' &&
          error.hint === 'fieldproof run boards/simulated-gateway.yaml --defect accept-unsigned',
      );
    }
  });

  it('is another error than a name that nobody knows', () => {
    assert.throws(() => {
      mustHaveDefects(boardOf('mine', undefined), ['acept-unsigned']);
    }, /no defect "acept-unsigned"/);
  });
});
