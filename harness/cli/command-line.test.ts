import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { fieldproof, killAll, testBoard } from './test/command.ts';

const stackTrace = /^\s+at .*:\d+:\d+/m;

describe('The command line', function () {
  this.timeout(120_000);
  afterEach(killAll);

  it('ends wrong usage with 64, one message and the nearest name', async () => {
    const wrong: [arguments_: string[], message: RegExp][] = [
      [['runn'], /unknown command 'runn'\n\(Did you mean run\?\)/],
      [['run', '--cas', 'SIG-02'], /unknown option '--cas'\n\(Did you mean --case\?\)/],
      [['run', '--case', 'SIG-2'], /no case or suite SIG-2; did you mean SIG-02\?/],
      [['run', '--suite', 'rolback'], /no suite "rolback"\n {2}next: Did you mean rollback\?/],
      [['run', '--defect', 'acept-any-signature'], /Did you mean accept-any-signature\?/],
      [['qualify', '--defect', 'acept-any-signature'], /Did you mean accept-any-signature\?/],
      [['run', '--cuts', '0'], /a whole number of at least 1 is needed/],
      [['qualify', '--board', 'simulated-gatway'], /Did you mean simulated-gateway\?/],
      [['list', 'boardz'], /no list of boardz\n {2}next: Did you mean boards\?/],
      [['init', 'boards'], /boards is not empty/],
    ];
    for (const batch of [wrong.slice(0, 3), wrong.slice(3, 6), wrong.slice(6)]) {
      const ends = await Promise.all(batch.map(([arguments_]) => fieldproof(...arguments_)));
      ends.forEach(({ code, stdout, stderr }, index) => {
        const [arguments_, message] = batch[index] ?? [[], /^$/];
        assert.equal(code, 64, `${arguments_.join(' ')}: ${stderr}`);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, stackTrace);
        assert.equal(stdout, '');
      });
    }
  });

  it('ends an unreadable or faulty board file with 3, one message and the place; the stack only when asked', async () => {
    const faulty = testBoard((text) => text.replace('baudRate', 'baudrate'));
    const noYaml = join(faulty.folder, 'no.yaml');
    writeFileSync(noYaml, 'board: [');
    try {
      const [missing, typo, broken, verbose] = await Promise.all([
        fieldproof('run', join(faulty.folder, 'nowhere.yaml')),
        fieldproof('plan', faulty.board),
        fieldproof('plan', noYaml),
        fieldproof('plan', faulty.board, '--verbose'),
      ]);
      for (const { code, stdout, stderr } of [missing, typo, broken]) {
        assert.equal(code, 3);
        assert.equal(stdout, '');
        assert.doesNotMatch(stderr, stackTrace);
      }
      assert.match(missing.stderr, /cannot read the board file .*nowhere\.yaml\n {2}next: Check the path/);
      assert.match(
        typo.stderr,
        /board\.yaml:\d+:\d+ wires\.console\.baudrate: unknown key baudrate; did you mean baudRate\?/,
      );
      assert.match(broken.stderr, /no\.yaml:1:\d+.*not YAML/);
      assert.match(verbose.stderr, stackTrace);
    } finally {
      faulty.remove();
    }
  });

  it('lists what there is, for people and for machines', async () => {
    const names = ['cases', 'requirements', 'boards', 'drivers', 'defects'];
    const expected = [
      /^SIG-02 +critical +built /m,
      /./,
      /simulated-console\.yaml/,
      /^serial +driver/m,
      /^\S/,
    ];
    const texts = await Promise.all(names.map((name) => fieldproof('list', name)));
    texts.forEach(({ code, stdout, stderr }, index) => {
      assert.equal(code, 0, stderr);
      assert.match(stdout, expected[index] ?? /^$/);
    });
    // Their boards mean nothing until `npm run device` has started them; it lists them.
    assert.doesNotMatch(texts[2]?.stdout ?? '', /third-party/);
    const machines = await Promise.all(names.map((name) => fieldproof('list', name, '--json')));
    for (const { stdout, stderr } of machines) {
      const rows = JSON.parse(stdout) as unknown[];
      assert.ok(rows.length > 0);
      assert.equal(stderr, '');
    }
  });

  it('plans without opening anything: missing inputs, consumption and harm', async () => {
    // Nothing is plugged in at this path: whoever opens it fails.
    const board = testBoard((text) =>
      text.replace('path: !from power.console', 'path: /dev/serial/by-id/none'),
    );
    try {
      const [text, machine] = await Promise.all([
        fieldproof('plan', board.board),
        fieldproof('plan', board.board, '--json', '--case', 'RB-16', '--case', 'REP-02'),
      ]);
      assert.equal(text.code, 2);
      assert.match(text.stdout, /^runs +SIG-02 /m);
      assert.match(
        text.stdout,
        /^LACKS +REP-02 .*\n +missing: a command channel\n +next: Add profile\.commands\./m,
      );
      assert.match(text.stdout, /Consumes about \d+ firmware updates .* and \d+ power cycles/);
      assert.match(text.stdout, /RB-16: power-cut-during-update \(allowed by the board file\)/);
      const plan = JSON.parse(machine.stdout) as {
        cases: { id: string; willRun: boolean }[];
        consumes: { updates: number };
      };
      assert.deepEqual(
        plan.cases.map(({ id, willRun }) => [id, willRun]),
        [
          ['RB-16', true],
          ['REP-02', false],
        ],
      );
      assert.ok(plan.consumes.updates > 0);
    } finally {
      board.remove();
    }
  });

  it('plans a harmful case as one that will not run when the board file does not allow it', async () => {
    const board = testBoard((text) => text.replace(/^allow: .*$/m, ''));
    try {
      const { code, stdout } = await fieldproof('plan', board.board, '--case', 'RB-16');
      assert.equal(code, 2);
      assert.match(stdout, /missing: permission for "power-cut-during-update"/);
      assert.match(stdout, /not allowed: the case will not run/);
    } finally {
      board.remove();
    }
  });

  it('plans for the depth and the ways in that are asked for, with the stock of controls and what each depth costs', async () => {
    const board = testBoard(undefined, (text) =>
      text.replace(/^controls: .*$/m, 'controls: { way: pair, left: 3 }'),
    );
    try {
      const { code, stdout } = await fieldproof(
        'plan',
        board.board,
        '--suite',
        'rollback',
        '--depth',
        'smoke',
      );
      assert.equal(code, 2);
      assert.match(stdout, /^Plan for .*, depth smoke: \d+ of \d+ cases can run/);
      assert.match(stdout, /^Controls \(pair\): 3 installations left, this run uses about \d+\.$/m);
      assert.match(stdout, /^NOT ENOUGH INSTALLATIONS: \d+ cases \(.*RB-16.*\) will wear the flash/m);
      assert.match(stdout, /^\* smoke +\d+ cases, \d+ updates, \d+ power cycles, \d+ min/m);
      assert.match(stdout, /^ {2}full +\d+ cases/m);
    } finally {
      board.remove();
    }
  });

  it('tells machines of an error on standard output, and of nothing else', async () => {
    const { code, stdout, stderr } = await fieldproof('run', '--case', 'SIG-2', '--json');
    const { error, exitCode } = JSON.parse(stdout) as { error: { code: string }; exitCode: number };
    assert.equal(code, 64);
    assert.equal(exitCode, 64);
    assert.equal(error.code, 'unknown-case');
    assert.match(stderr, /did you mean/);
  });
});
