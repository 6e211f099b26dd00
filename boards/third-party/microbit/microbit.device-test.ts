import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { TimeoutError } from '../../../harness/errors.ts';
import { driverContract, testContext, type DriverFixture } from '../../../drivers/driver-contract.ts';
import { module } from '../../../drivers/serial/index.ts';
import { serialSettings, spec } from '../../../drivers/serial/settings.ts';
import { running, verdictsAreAsExplained, whereInstalled } from '../device-tests.ts';
import { fieldproof } from '../judge.ts';
import { interrupt, keepBusy, paste, softReboot, typed, untilPrompt } from './conversation.ts';
import { device } from './device.ts';
import { answersWithinMs, banner, bootsWithinMs, makeReplBench, withRepl } from './repl-bench.ts';

whereInstalled(device, () => {
  driverContract('serial at the console of a micro:bit', contractFixture);
  describe('its console', conversations);
  describe('its restarts', restarts);
  describe('its board file', boardFile);
  verdictsAreAsExplained(device);
});

async function contractFixture(): Promise<DriverFixture> {
  const bench = await makeReplBench();
  const { driver, console, losses, logged } = bench;
  const replyWithinMs = 5000;
  return {
    driver,
    losses,
    logged,
    replyWithinMs,
    exchange: async () => {
      console.skipToEnd();
      await console.send('6*7');
      await console.expect(/\n42\r\n>>> $/, { withinMs: replyWithinMs });
    },
    breakLink: () => bench.unplug(),
    mendLink: () => bench.plug(),
    silence: () => keepBusy(console),
    unreachable: () =>
      module.create(serialSettings.parse({ path: '/dev/nowhere-of-a-test' }), testContext().context),
    dispose: () => bench.dispose(),
  };
}

function conversations(): void {
  it('echoes, answers and prompts', () =>
    withRepl(async ({ console }) => {
      assert.equal(await typed(console, 'print("a", 6*7)'), 'print("a", 6*7)\r\na 42\r\n>>> ');
      assert.deepEqual(
        console.linesSince(0).map(({ text }) => text),
        ['print("a", 6*7)', 'a 42'],
      );
    }));

  it('takes a program of several lines in its paste mode, and runs it', () =>
    withRepl(async ({ console }) => {
      await paste(console, ['for i in range(3):', '    print("line", i)', '', 'print("end")']);
      assert.equal(await untilPrompt(console), '\r\nline 0\r\nline 1\r\nline 2\r\nend\r\n>>> ');
    }));

  it('is silent while it is busy, and answers to Ctrl-C; what was typed meanwhile is answered then', () =>
    withRepl(async ({ console }) => {
      await keepBusy(console);
      await console.send('6*7');
      await assert.rejects(console.expect('42', { withinMs: 500 }), TimeoutError);
      await interrupt(console);
      await console.expect(/KeyboardInterrupt: \r\n>>> 6\*7\r\n42\r\n>>> $/, { withinMs: answersWithinMs });
    }));

  it('loses no byte of a long output', () =>
    withRepl(async ({ console }) => {
      await paste(console, [
        'def long():',
        '    for i in range(3000): print(i, "abcdefghijklmnopqrstuvwxyz")',
      ]);
      await untilPrompt(console);
      const from = console.position;
      await typed(console, 'long()');
      const lines = console.linesSince(from).map(({ text }) => text);
      const wanted = Array.from({ length: 3000 }, (_, i) => `${i} abcdefghijklmnopqrstuvwxyz`);
      assert.deepEqual(lines, wanted);
    }));

  it('sends every byte value as it is', () =>
    withRepl(async ({ console }) => {
      await typed(console, 'from microbit import uart');
      const from = console.position;
      await typed(console, 'uart.write(bytes(range(256)))');
      const echo = Buffer.from('uart.write(bytes(range(256)))\r\n');
      const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      assert.deepEqual(console.log.slice(from), Buffer.concat([echo, every, Buffer.from('256\r\n>>> ')]));
    }));

  it('answers among lines that it sends unasked', () =>
    withRepl(
      async ({ console, driver }) => {
        await paste(console, [
          ...['from microbit import *', 'n = 0', 'while True:', '    sleep(20)', '    n += 1'],
          ...['    print("tick", n)', '    if uart.any():', '        q = uart.read(7)'],
          ...['        print("value", running_time())', '        print("done")'],
        ]);
        await console.expect(/tick 3\r/, { withinMs: answersWithinMs });
        const value = valueOf(driver);
        const first = Number(await value.read());
        const second = Number(await value.read());
        assert.ok(second > first, `${first} ms, then ${second} ms`);
        await interrupt(console);
        await console.expect(/KeyboardInterrupt/, { withinMs: answersWithinMs });
        const ticks = console.linesSince(0).flatMap(({ text }) => /^tick (\d+)$/.exec(text)?.[1] ?? []);
        assert.deepEqual(
          ticks,
          ticks.map((_, i) => String(i + 1)),
        );
      },
      { echo: false, answerEnd: '^done$', unsolicited: ['^tick \\d+$'] },
    ));

  it('drops bytes that are not ASCII, so that its echo is not what was sent', () =>
    withRepl(async ({ console }) => {
      assert.equal(await typed(console, 'print("é")'), 'print("")\r\n\r\n>>> ');
      assert.equal(await typed(console, 'print(chr(0xe9))'), 'print(chr(0xe9))\r\né\r\n>>> ');
    }));
}

/** The adapter of a board file, over this driver. */
function valueOf(driver: Parameters<(typeof module.adapters)[number]['create']>[1]): {
  read(): Promise<string | number>;
} {
  const settings = {
    send: 'value?',
    pattern: '^value (?<value>\\d+)$',
    as: 'number',
    withinMs: answersWithinMs,
  };
  const checked = spec.adapters.find(({ name }) => name === 'console-pattern')?.settings.parse(settings);
  const adapter = module.adapters.find(({ name }) => name === 'console-pattern');
  assert.ok(adapter?.role === 'value');
  return adapter.create(checked as never, driver);
}

function restarts(): void {
  const restarted = (
    how: string,
    start: (bench: Parameters<Parameters<typeof withRepl>[0]>[0]) => Promise<void>,
  ): void => {
    it(`shows its banner after ${how}`, () =>
      withRepl(async (bench) => {
        await typed(bench.console, 'x = 1');
        bench.console.skipToEnd();
        await start(bench);
        await bench.console.expect(/MicroPython v1\.9\.2\S* on .*\r\nType "help.*\r\n>>> $/, {
          withinMs: bootsWithinMs,
        });
        assert.match(await typed(bench.console, 'x'), /NameError/, 'its memory is not that of before');
      }));
  };
  restarted('Ctrl-D', ({ console }) => softReboot(console));
  restarted('a reset from within', ({ console }) => console.send('import microbit; microbit.reset()'));
  restarted('a power cut', async ({ driver, supply }) => {
    driver.devicePowerChanged(false);
    await supply.off();
    driver.devicePowerChanged(true);
    supply.on();
  });

  it('is heard from its first byte after each of ten power cuts in a row, and the wire is never lost', () =>
    withRepl(async ({ console, driver, supply, losses }) => {
      for (let cut = 1; cut <= 10; cut += 1) {
        driver.devicePowerChanged(false);
        await supply.off();
        console.skipToEnd();
        driver.devicePowerChanged(true);
        supply.on();
        const { before } = await console.expect(/>>> $/, { withinMs: bootsWithinMs });
        assert.match(before, banner, `after cut ${cut}`);
      }
      assert.deepEqual(losses, []);
      assert.equal(driver.state, 'open');
    }));

  it('says nothing more after a panic, until its power was cut', () =>
    withRepl(async ({ console, driver, supply }) => {
      console.skipToEnd();
      await console.send('import microbit; microbit.panic(3)');
      await console.expect(/panic\(3\)\r\n/, { withinMs: answersWithinMs });
      await console.send('6*7'); // not Ctrl-C, which would come before the panic
      await assert.rejects(console.expect('42', { withinMs: 500 }), TimeoutError);
      driver.devicePowerChanged(false);
      await supply.off();
      await assert.rejects(console.expect('>>> ', { withinMs: bootsWithinMs }), TimeoutError);
      driver.devicePowerChanged(true);
      supply.on();
      await console.expect(banner, { withinMs: bootsWithinMs });
      assert.match(await typed(console, '6*7'), /\n42\r/);
    }));
}

interface Doctor {
  findings: readonly { state: string; what: string; says: string }[];
  code: number;
}

function boardFile(): void {
  const bench = running(device, 'repl');
  const here = import.meta.dirname;
  const file = join(here, 'repl.yaml');

  it('lets the doctor find everything in order but what the cases would need', async () => {
    const { code, findings } = await doctor(file);
    const said = new Map(findings.map(({ state, what, says }) => [what, `${state} ${says}`]));
    assert.deepEqual(
      findings.filter(({ state }) => state === 'FAIL'),
      [],
    );
    assert.equal(code, 2, 'works, and inputs are lacking');
    assert.match(said.get('wire console') ?? '', /^ok serial, open/);
    assert.match(said.get('wire power') ?? '', /^ok exec-power, open/);
    assert.match(said.get('ready') ?? '', /^ok answered after \d+ ms/);
    assert.equal(said.get('identity'), 'ok model micro:bit with nRF51822, firmware v1.9.2-34-gd64154c73');
    assert.match(said.get('process value') ?? '', /^ok \d+ ms$/);
  });

  it('lets the doctor say that nothing answers when lines end in a way that the device does not know', async () => {
    const { code, findings } = await doctor(twin({ 'lineEnding: cr': 'lineEnding: lf' }));
    assert.equal(code, 3);
    const failed = findings.filter(({ state }) => state === 'FAIL');
    assert.deepEqual(
      failed.map(({ what }) => what),
      ['ready'],
    );
    assert.match(
      failed[0]?.says ?? '',
      /what came: "import microbit; microbit\.running_time\(\)"\n/,
      'its echo alone',
    );
  });

  it('lets the plan say that no case can run, and what each lacks', async () => {
    const { code, printed } = await fieldproof(bench.device(), ['plan', file], 'pipe');
    assert.equal(code, 2, printed);
    assert.match(printed, /^\* standard +0 cases/m);
    assert.match(printed, /a way in for firmware/);
    assert.match(printed, /an alarm wire/);
    assert.match(printed, /a command channel/);
  });

  async function doctor(boardFile: string): Promise<Doctor> {
    const { code, printed } = await fieldproof(bench.device(), ['doctor', boardFile, '--json'], 'pipe');
    const said = JSON.parse(printed) as Doctor;
    assert.equal(code, said.code);
    return said;
  }

  /** The board file with something altered, in the test's folder. */
  function twin(altered: Readonly<Record<string, string>>): string {
    const text = Object.entries({
      'declaration: ': `declaration: ${here}/`,
      '${DEVICE_FOLDER}': `${here}/\${DEVICE_FOLDER}`,
      '../switch': join(here, '../switch'),
      ...altered,
    }).reduce(
      (all, [from, to]) => {
        assert.ok(all.includes(from), `the board file has no ${from}`);
        return all.replaceAll(from, to);
      },
      readFileSync(file, 'utf8'),
    );
    const twinFile = join(bench.folder(), 'twin.yaml');
    writeFileSync(twinFile, text);
    return twinFile;
  }
}
