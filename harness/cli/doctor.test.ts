import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { socketLock } from '../board/index.ts';
import { fieldproof, killAll, testBoard } from './test/command.ts';

describe('The doctor', function () {
  this.timeout(120_000);
  afterEach(killAll);

  it('finds a bench in order, and says what is missing as a shopping list', async () => {
    const board = testBoard();
    try {
      const { code, stdout } = await fieldproof('doctor', board.board);
      assert.equal(code, 2, stdout);
      for (const what of [
        'board file',
        'declaration',
        'images',
        'wire power',
        'wire console',
        'ready',
        'identity',
      ])
        assert.match(stdout, new RegExp(`^ok +${what} `, 'm'));
      assert.match(
        stdout,
        /^lack +input +a command channel\n +for REP-01, REP-02.*\n +next: Add profile\.commands\./m,
      );
      assert.doesNotMatch(stdout, /FAIL/);
    } finally {
      board.remove();
    }
  });

  it('tells the vendor which image is missing for which cases, with the lines to paste', async () => {
    const board = testBoard((text) => text.replace(/^ {2}older:\n.*\n.*\n/m, ''));
    try {
      const { stdout } = await fieldproof('doctor', board.board);
      assert.match(
        stdout,
        /^Ask Fieldproof Reference Devices for images for SG-1, .*:\nlack +image older +Genuine and older/m,
      );
      assert.match(
        stdout,
        /^ +for SIG-05, RB-01, RB-07\b.*\n +next: .*\n +older:\n +file: images\/older\.bin\n +sha256: /m,
      );
    } finally {
      board.remove();
    }
  });

  it('fails a port that is not there, with the next step, for people and for machines', async () => {
    const board = testBoard((text) =>
      text.replace('path: !from power.console', 'path: /dev/serial/by-id/none'),
    );
    try {
      const text = await fieldproof('doctor', board.board);
      const machine = await fieldproof('doctor', board.board, '--json');
      assert.equal(text.code, 3);
      assert.match(
        text.stdout,
        /^FAIL +wire console +.*there is no port \/dev\/serial\/by-id\/none\n +next: /m,
      );
      assert.match(text.stdout, /^ok +wire power /m, 'the other wires are looked at all the same');
      const { findings, code } = JSON.parse(machine.stdout) as {
        findings: { state: string; what: string }[];
        code: number;
      };
      assert.equal(code, 3);
      assert.equal(machine.code, 3);
      assert.ok(findings.some(({ state, what }) => state === 'FAIL' && what === 'wire console'));
      assert.equal(machine.stderr, '');
    } finally {
      board.remove();
    }
  });

  it('says what came instead when a device does not show that it has booted', async () => {
    const board = testBoard((text) => text.replace("pattern: '^version=(", "pattern: '^release=("));
    try {
      const { code, stdout } = await fieldproof('doctor', board.board);
      assert.equal(code, 3);
      assert.match(
        stdout,
        /^FAIL +ready +a sign of readiness not seen within 5000 ms\n +because: .*what came:/m,
      );
      assert.doesNotMatch(stdout, /^\w+ +identity /m, 'what does not answer is not asked further');
    } finally {
      board.remove();
    }
  });

  it('names the differences of a device that is not the declared one', async () => {
    const board = testBoard(undefined, (text) => text.replace('model: SG-1', 'model: SG-9'));
    try {
      const { code, stdout } = await fieldproof('doctor', board.board);
      assert.equal(code, 3);
      assert.match(
        stdout,
        /^FAIL +identity +not the declared device: model: declared SG-9, read SG-1\n +next: Attach/m,
      );
    } finally {
      board.remove();
    }
  });

  it('says who holds a board since when, and touches no wire of it', async () => {
    const board = testBoard();
    const lock = await socketLock.acquire(board.board);
    try {
      const { code, stdout } = await fieldproof('doctor', board.board);
      assert.equal(code, 3);
      assert.match(
        stdout,
        new RegExp(`^FAIL +lock +.*taken by process ${process.pid} of .* since 20\\d\\d-`, 'm'),
      );
      assert.doesNotMatch(stdout, /^\w+ +wire /m);
    } finally {
      await lock.release();
      board.remove();
    }
  });
});
