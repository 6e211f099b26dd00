/** What the drivers' contract needs of an OPC UA server, whoever made it: a link that can be broken, and one that leads nowhere. */

import type { DriverFixture } from '../../driver-contract.ts';
import { bench, type SettingsInput } from './bench.ts';
import { freePort } from './fake-server.ts';
import { TestTap } from './test-tap.ts';

/** @param node what is read as an exchange; @param boardDir where certificates that the settings name lie */
export async function contractFixture(
  serverPort: number,
  node: string,
  settings: SettingsInput & { replyWithinMs: number },
  boardDir?: string,
): Promise<DriverFixture> {
  const tap = new TestTap(serverPort);
  await tap.listen();
  const on = (port: number) => bench({ ...settings, port }, boardDir === undefined ? {} : { boardDir });
  const made = await on(tap.port);
  const nowhere = await on(await freePort());
  return {
    driver: made.driver,
    exchange: () => made.driver.nodes.read(node),
    breakLink: () => tap.break(),
    mendLink: () => tap.mend(),
    silence: async () => tap.silence(),
    losses: made.losses,
    logged: made.logged,
    unreachable: () => nowhere.driver,
    replyWithinMs: settings.replyWithinMs,
    dispose: async () => {
      await made.dispose();
      await nowhere.dispose();
      await tap.stop();
    },
  };
}
