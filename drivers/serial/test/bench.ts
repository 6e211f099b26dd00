/** A serial driver over a fake device, and everything that must end with the test. */

import type { BenchError } from '../../../harness/errors.ts';
import { testContext } from '../../driver-contract.ts';
import type { PortBinding } from '../guarded-binding.ts';
import { SerialDriver } from '../serial-driver.ts';
import { serialSettings } from '../settings.ts';
import { FakeDevice, type Answerer } from './fake-device.ts';

export interface Bench {
  device: FakeDevice;
  driver: SerialDriver;
  losses: readonly BenchError[];
  logged: { sent: number; received: number };
  /** Events of the wire log. */
  events: readonly string[];
  dispose: () => Promise<void>;
}

/** An unopened driver on a fresh pseudo terminal. */
export function makeBench(
  answer?: Answerer,
  settings: Record<string, unknown> = {},
  binding?: PortBinding,
): Bench {
  const device = new FakeDevice(answer);
  const { context, losses, logged, log } = testContext();
  const parsed = serialSettings.parse({ path: device.path, ...settings });
  const driver = new SerialDriver(parsed, context, binding);
  const dispose = async (): Promise<void> => {
    await driver.close();
    device.dispose();
  };
  return { device, driver, losses, logged, events: log, dispose };
}

/** The same, open; disposed of when the work has ended, well or not. */
export async function withBench(
  options: { answer?: Answerer; settings?: Record<string, unknown>; binding?: PortBinding },
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const bench = makeBench(options.answer, options.settings, options.binding);
  try {
    await bench.driver.open();
    await work(bench);
  } finally {
    await bench.dispose();
  }
}
