import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, it } from 'mocha';
import type { DriverSpec } from '../driver.ts';
import { BoardFileError } from '../errors.ts';
import { adapterUses } from './adapter-uses.ts';
import { boardText, goldenSha256, testFolder, testSpecs, type TestFolder } from './board-fixture.ts';
import { FromRef } from './from-ref.ts';
import { loadBoard, type LoadedBoard } from './load-board.ts';
import type { Problem } from './problem.ts';
import { redact } from './secrets.ts';
import { resolveSettings } from './settings.ts';

describe('board file', () => {
  let folder: TestFolder | undefined;
  afterEach(() => {
    folder?.remove();
    folder = undefined;
  });

  const load = (text = boardText, env: Record<string, string> = {}): Promise<LoadedBoard> => {
    folder?.remove();
    folder = testFolder(text);
    return loadBoard(folder.board, testSpecs, env);
  };

  /** The text with one part replaced, which must be there. */
  const edited = (from: string, to: string, text = boardText): string => {
    assert.ok(text.includes(from), `the fixture has no ${from}`);
    return text.replace(from, () => to);
  };

  const refusal = async (text: string, env: Record<string, string> = {}): Promise<BoardFileError> => {
    const error: unknown = await load(text, env).then(
      () => assert.fail('the board was loaded'),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof BoardFileError, String(error));
    return error;
  };
  const problems = async (text: string, env: Record<string, string> = {}): Promise<Problem[]> =>
    (await refusal(text, env)).data['problems'] as Problem[];
  const onlyProblem = async (
    text: string,
    env: Record<string, string> = {},
  ): Promise<Problem & { key: string }> => {
    const found = await problems(text, env);
    assert.equal(found.length, 1, found.map(({ message }) => message).join('\n'));
    const [problem] = found as [Problem];
    return { ...problem, key: problem.path.join('.') };
  };
  const spec = (kind: string): DriverSpec => testSpecs.find((one) => one.kind === kind) ?? assert.fail(kind);

  it('loads whole, with references, images, keys and the order of opening', async () => {
    const { board, sha256, sources } = await load();
    assert.equal(board.board, 'test-gateway');
    assert.deepEqual(board.openingOrder, ['power', 'tap', 'modbus', 'console']);
    assert.deepEqual(board.wires['modbus']?.settings['port'], new FromRef('tap.port'));
    assert.equal(board.images.golden?.bytes, 12);
    assert.equal(board.images.golden?.sha256, goldenSha256);
    assert.equal(board.declaration, path.join(folder?.directory ?? '', 'declaration.yaml'));
    assert.equal(sha256, createHash('sha256').update(boardText).digest('hex'));
    assert.deepEqual(sources.warnings, []);
    assert.deepEqual(Object.keys(board.profile.firmware?.ingresses ?? {}), ['ymodem']);
    const activate = board.profile.firmware?.ingresses['ymodem']?.activate;
    assert.deepEqual(activate, {
      adapter: 'console-command',
      wire: 'console',
      role: 'action',
      settings: { send: 'update activate' },
    });
    assert.equal(adapterUses(board.profile).length, 14);
  });

  it('resolves references and fills in defaults once the wires are open', async () => {
    const { board } = await load();
    const settings = board.wires['modbus']?.settings ?? {};
    const resolve = (provided: Parameters<typeof resolveSettings>[1]): unknown =>
      resolveSettings(settings, provided, spec('modbus').settings, 'wires.modbus');
    assert.deepEqual(resolve({ tap: { host: '127.0.0.1', port: 1502 } }), {
      host: '127.0.0.1',
      port: 1502,
      unit: 17,
      replyWithinMs: 500,
    });
    assert.throws(
      () => resolve({ tap: { host: '127.0.0.1', prot: 1 } }),
      /provides no port; did you mean prot\?/,
    );
    assert.throws(() => resolve({}), /the wire tap is not open/);
    assert.throws(() => resolve({ tap: { host: '::1', port: 70_000 } }), /port: .*\(from tap\.port: 70000\)/);
  });

  it('tells everything that is wrong at once, in order, each with its place', async () => {
    let text = edited('title: A gateway', 'titel: A gateway');
    text = edited('unit: 17', 'unit: 300', text);
    text = edited('wire: console, send: id', 'wire: consol, send: id', text);
    text = edited('baudRate: 115200', 'baudrate: 115200', text);
    const error = await refusal(text);
    const lines = error.message.split('\n').map((line) => line.replace(folder?.directory ?? '', ''));
    assert.equal(lines[0], '/board.yaml: 6 problems');
    assert.match(lines.join('\n'), /:1:1 title: missing: text is needed/);
    assert.match(lines.join('\n'), /:2:1 titel: unknown key titel; did you mean title\?/);
    assert.match(lines.join('\n'), /:5:79 wires\.modbus\.unit: .*247/);
    assert.match(lines.join('\n'), /:7:3 wires\.console\.baudRate: missing: a number is needed/);
    assert.match(
      lines.join('\n'),
      /:10:5 wires\.console\.baudrate: unknown key baudrate; did you mean baudRate\?/,
    );
    assert.match(
      lines.join('\n'),
      /:16:48 profile\.identity\.wire: no wire named consol; did you mean console\?/,
    );
  });

  it('checks what stands beside a wire and an adapter that are wrong in themselves', async () => {
    let text = edited('driver: tcp-tap, ', '');
    text = edited('wire: console, send: id', 'send: id', text);
    text = edited('type: u16', 'type: u17', text);
    text = edited('unit: 17', 'unit: 300', text);
    text = edited('golden.bin', 'gone.bin', text);
    text = edited('safeState: { power: off }', 'safeState: { power: dim }', text);
    const found = (await problems(text)).map(({ path: at }) => at.join('.'));
    assert.deepEqual(found, [
      'wires.modbus.unit',
      'wires.tap.driver',
      'profile.identity.wire',
      'profile.commands.effect.type',
      'images.golden.file',
      'safeState.power',
    ]);
  });

  it('proposes the key and number for a time with a unit', async () => {
    const whole = edited('unit: 17', 'unit: 17, replyWithin: 2s');
    assert.match((await onlyProblem(whole)).message, /did you mean replyWithinMs: 2000\?/);
    const seconds = edited('unit: 17', 'unit: 17, replyWithinSeconds: 3');
    assert.match((await onlyProblem(seconds)).message, /did you mean replyWithinMs: 3000\?/);
    const value = edited('unit: 17', 'unit: 17, replyWithinMs: 1.5 min');
    assert.match((await onlyProblem(value)).message, /1\.5 min has a unit, .* write 90000/);
    const inProfile = edited('bootsWithinMs: 5000', 'bootsWithin: 5 s');
    assert.match((await onlyProblem(inProfile)).message, /did you mean bootsWithinMs: 5000\?/);
  });

  it('lists the drivers that it knows', async () => {
    const { message, key } = await onlyProblem(edited('driver: tcp-tap', 'driver: tcptap'));
    assert.equal(key, 'wires.tap.driver');
    assert.match(
      message,
      /no driver tcptap; did you mean tcp-tap\? \(known: bench-power, serial, tcp-tap, modbus\)/,
    );
  });

  it('refuses an adapter in the wrong place, and one that does not exist', async () => {
    const wrongRole = edited('version: { adapter: console-pattern', 'version: { adapter: console-command');
    assert.match(
      (await onlyProblem(wrongRole)).message,
      /console-command serves as action; .* value is needed/,
    );
    const unknown = edited('adapter: console-alarm', 'adapter: console-alrm');
    assert.match(
      (await onlyProblem(unknown)).message,
      /no adapter console-alrm for alarm; did you mean console-alarm\?/,
    );
    const ofOther = edited(
      'read: { adapter: modbus-register, wire: modbus',
      'read: { adapter: modbus-register, wire: tap',
    );
    assert.match(
      (await onlyProblem(ofOther)).message,
      /no adapter modbus-register for value \(tcp-tap has none\)/,
    );
  });

  it('checks adapter settings inside an ingress’s own activate', async () => {
    const found = await problems(edited('send: update activate', 'sned: update activate'));
    assert.deepEqual(
      found.map((problem) => problem.path.join('.')).sort(),
      ['sned', 'send'].map((last) => `profile.firmware.ingresses.ymodem.activate.${last}`).sort(),
    );
  });

  it('checks that references lead to wires and to values that these provide', async () => {
    const wire = edited('!from tap.port', '!from tapp.port');
    assert.match((await onlyProblem(wire)).message, /no wire named tapp; did you mean tap\?/);
    const value = edited('!from power.modbusPort', '!from power.modbusPrt');
    assert.match((await onlyProblem(value)).message, /provides no modbusPrt; did you mean modbusPort\?/);
    const self = edited('!from power.modbusPort', '!from tap.port');
    assert.match((await onlyProblem(self)).message, /refers to itself/);
    const form = edited('!from power.modbusPort', '!from power');
    assert.ok((await problems(form)).some(({ message }) => /needs wire\.key/.test(message)));
    const elsewhere = edited('title: A gateway for tests', 'title: !from power.console');
    assert.equal((await onlyProblem(elsewhere)).key, 'title');
  });

  it('refuses wires that wait for each other', async () => {
    const { message } = await onlyProblem(edited('targetHost: 127.0.0.1', 'targetHost: !from modbus.host'));
    assert.match(message, /modbus → tap → modbus/);
    const named = edited('unit: 17', 'unit: 17, via: nowhere');
    assert.match((await onlyProblem(named)).message, /no wire named nowhere/);
  });

  it('checks that power, taps and attacks come from wires that have them', async () => {
    const { message } = await onlyProblem(edited('power: power', 'power: tap'));
    assert.equal(message, 'the wire tap (tcp-tap) offers tap, not power');
    assert.equal((await onlyProblem(edited('tap: tap', 'tap: modbus'))).key, 'profile.commands.tap');
    assert.equal((await onlyProblem(edited('[modbus]', '[modbus, console]'))).key, 'profile.linkAttacks.1');
  });

  it('refuses duplicate keys and names where they stand', async () => {
    const twice = await onlyProblem(
      edited('  tap: {', '  power: { driver: bench-power, device: x }\n  tap: {'),
    );
    assert.deepEqual([twice.line, twice.column], [12, 3]);
    assert.match(twice.message, /the key power is here twice/);
  });

  it('says where YAML is broken, and nothing else', async () => {
    const { message, line } = await onlyProblem(edited('unit: 17 }', 'unit: 17'));
    assert.match(message, /^not YAML: /);
    assert.ok(line >= 5);
  });

  it('refuses an empty file, a list, and a file that is not there', async () => {
    assert.match((await onlyProblem('')).message, /mapping/);
    assert.match((await onlyProblem('- 1\n')).message, /mapping/);
    await assert.rejects(loadBoard('/nonexistent/board.yaml', testSpecs, {}), (error: BoardFileError) => {
      return error instanceof BoardFileError && /cannot read the board file/.test(error.message);
    });
  });

  describe('environment', () => {
    it('goes into strings, and into numbers where the driver asks for one', async () => {
      const text = edited(
        'unit: 17',
        'unit: "${UNIT}"',
        edited('device: test', 'device: "${DEVICE:-none}/1"'),
      );
      const { board, sources } = await load(text, { UNIT: '21' });
      const settings = resolveSettings(
        board.wires['modbus']?.settings ?? {},
        { tap: { host: 'h', port: 1 } },
        spec('modbus').settings,
        'wires.modbus',
      );
      assert.equal(settings['unit'], 21);
      assert.equal(board.wires['power']?.settings['device'], 'none/1');
      assert.deepEqual(sources.environment, [
        { name: 'UNIT', path: ['wires', 'modbus', 'unit'], value: '21' },
      ]);
    });

    it('is named when it is missing, and checked like any other value', async () => {
      const text = edited('unit: 17', 'unit: "${UNIT}"');
      assert.ok((await problems(text)).some(({ message }) => /variable UNIT is not set/.test(message)));
      assert.match((await onlyProblem(text, { UNIT: '300' })).message, /247/);
      assert.match((await onlyProblem(text, { UNIT: 'seventeen' })).message, /a number is needed/);
    });

    it('leaves a literal ${ alone when it is written $${', async () => {
      const { board } = await load(edited('device: test', "device: '$${HOME}'"));
      assert.equal(board.wires['power']?.settings['device'], '${HOME}');
      assert.match(
        (await problems(edited('device: test', "device: '${'")))[0]?.message ?? '',
        /variable’s name/,
      );
    });
  });

  describe('secrets', () => {
    it('are read from files, kept byte for byte as keys, and collected', async () => {
      const { board, secrets } = await load();
      assert.equal(board.wires['console']?.settings['password'], 'hunter2-test');
      assert.deepEqual([...(board.keys['commands'] ?? [])], [0x00, 0xff, 0x0a, 0x41, 0x0a]);
      assert.deepEqual(secrets.map(({ name }) => name).sort(), ['keys.commands', 'wires.console.password']);
      assert.equal(redact('login hunter2-test ok', secrets), 'login ‹wires.console.password› ok');
    });

    it('are collected from the environment, and its value is not shown', async () => {
      const text = edited('!secret console.password', '"${PASS}"');
      const { secrets, sources } = await load(text, { PASS: 'from-env-1' });
      assert.ok(secrets.some(({ value }) => value === 'from-env-1'));
      assert.deepEqual(sources.environment, [{ name: 'PASS', path: ['wires', 'console', 'password'] }]);
    });

    it('do not appear in errors about them', async () => {
      const text = edited('baudRate: 115200', 'baudRate: "hunter2-test"');
      assert.doesNotMatch((await refusal(text)).message, /hunter2/);
    });

    it('warn when others can read them, and are errors when they are not there', async () => {
      folder = testFolder();
      chmodSync(path.join(folder.directory, 'commands.key'), 0o644);
      const { sources } = await loadBoard(folder.board, testSpecs, {});
      assert.equal(sources.warnings.length, 1);
      assert.match(sources.warnings[0]?.message ?? '', /mode 0644\); run: chmod 600/);
      const { message } = await onlyProblem(edited('!secret commands.key', '!secret nothing.key'));
      assert.match(message, /cannot read the secret file .*nothing\.key/);
    });

    it('may be written in hex', async () => {
      const text = edited('commands: !secret commands.key', 'commands: { value: 00ff0a, encoding: hex }');
      const { board, secrets } = await load(text);
      assert.deepEqual([...(board.keys['commands'] ?? [])], [0x00, 0xff, 0x0a]);
      const secret = secrets.find(({ name }) => name === 'keys.commands.value');
      assert.equal(secret?.value, '00ff0a');
      assert.deepEqual(secret.bytes, board.keys['commands']);
      const odd = edited('commands: !secret commands.key', 'commands: { value: 00ff0, encoding: hex }');
      assert.match((await onlyProblem(odd)).message, /not hex/);
    });
  });

  it('compares images with their digests', async () => {
    const { message, key } = await onlyProblem(edited(goldenSha256, goldenSha256.replaceAll('a', 'b')));
    assert.equal(key, 'images.golden.sha256');
    assert.match(message, new RegExp(`has another digest: ${goldenSha256} \\(12 bytes\\)`));
    assert.match((await onlyProblem(edited('golden.bin', 'gone.bin'))).message, /cannot read the image/);
    assert.match((await onlyProblem(edited('  golden:', '  goldn:'))).message, /did you mean golden\?/);
  });

  it('refuses tags that it does not know, and aliases that multiply', async () => {
    const tag = await problems(edited('!secret commands.key', '!include commands.key'));
    assert.match(tag[0]?.message ?? '', /the tag !include is not known; .*!secret, !from/);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]'];
    for (const [of, name] of ['bc', 'cd', 'de', 'ef', 'fg'].map((pair) => [...pair] as [string, string])) {
      bomb.push(`${name}: &${name} [${Array<string>(10).fill(`*${of}`).join(',')}]`);
    }
    assert.ok((await problems(bomb.join('\n'))).some(({ message }) => /too many aliases/.test(message)));
    assert.ok((await problems('a: &a [*a]')).some(({ message }) => /contains it|no anchor/.test(message)));
  });
});
