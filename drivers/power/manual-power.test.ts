import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { afterEach, describe, it } from 'mocha';
import { Deadline, until } from '../../harness/clock.ts';
import { DriverError, PortError, TimeoutError } from '../../harness/errors.ts';
import { testContext } from '../driver-contract.ts';
import { ManualPower } from './manual-power.ts';
import { manualPowerSettings } from './settings.ts';

describe('manual-power', () => {
  let driver: ManualPower | undefined;
  afterEach(() => driver?.close());
  function make(options: { withinMs?: number; interactive?: boolean; isTTY?: boolean } = {}) {
    const input = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? true });
    const output = new PassThrough();
    const shown: string[] = [];
    output.on('data', (chunk: Buffer) => shown.push(chunk.toString()));
    const context = { ...testContext().context, interactive: options.interactive ?? true };
    const settings = manualPowerSettings.parse({ withinMs: options.withinMs ?? 20_000 });
    driver = new ManualPower(settings, context, { input, output });
    const asked = (text: string): Promise<true> =>
      until(() => (shown.join('').includes(text) ? true : undefined), { withinMs: 5000, what: text });
    return { driver, input, output, asked, shown };
  }

  it('asks, and takes Enter for the instant of the switch', async () => {
    const { driver, input, asked } = make();
    await driver.open();
    const off = driver.power.off();
    await asked('switch the supply of the device OFF');
    input.write('\n');
    const { atMs } = await off;
    const on = driver.power.on();
    await asked('switch the supply of the device ON');
    input.write('done\n');
    assert.ok((await on).atMs > atMs);
  });

  it('fails at once without a terminal, saying so, though it opens', async () => {
    for (const without of [{ interactive: false }, { isTTY: false }]) {
      const { driver } = make(without);
      await driver.open();
      await driver.selfTest();
      const took = new Deadline(0);
      await assert.rejects(driver.power.off(), (error: unknown) => {
        assert.ok(error instanceof PortError);
        assert.match(error.message, /no terminal/);
        return true;
      });
      assert.ok(took.elapsedMs < 1000);
      await driver.close();
    }
  });

  it('fails when the operator is late, declines, or goes away', async () => {
    const late = make({ withinMs: 100 });
    await late.driver.open();
    await assert.rejects(late.driver.power.off(), TimeoutError);
    const declined = make();
    await declined.driver.open();
    const no = assert.rejects(declined.driver.power.off(), { code: 'operator-declined' });
    await declined.asked('OFF');
    declined.input.write('no\n');
    await no;
    const gone = make();
    await gone.driver.open();
    const left = assert.rejects(gone.driver.power.off(), { code: 'terminal-gone' });
    await gone.asked('OFF');
    gone.input.end();
    await left;
  });

  it('stops asking when it is closed, and leaves no listener on the terminal', async () => {
    const { driver, input, asked } = make();
    await driver.open();
    const before = input.listenerCount('data') + input.listenerCount('end');
    const off = assert.rejects(driver.power.off(), DriverError);
    await asked('OFF');
    await driver.close();
    await off;
    assert.equal(input.listenerCount('data') + input.listenerCount('end'), before);
  });
});
