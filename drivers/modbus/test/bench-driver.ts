/** A driver on a fake device, for tests. */

import { testContext } from '../../driver-contract.ts';
import { type Driver } from '../../../harness/driver.ts';
import { type BenchError } from '../../../harness/errors.ts';
import { type ModbusRegisters } from '../registers.ts';
import { module } from '../index.ts';
import { settings } from '../settings.ts';

export interface TestDriver {
  driver: Driver & { registers: ModbusRegisters };
  losses: BenchError[];
  logged: { sent: number; received: number };
  log: string[];
  /** All bytes in the order of the wire log. */
  wire: { direction: 'sent' | 'received'; bytes: Buffer }[];
}

/** @param given as a board file would have it; checked by the driver's own schema */
export function testDriver(given: Record<string, unknown>): TestDriver {
  const { context, losses, logged, log } = testContext({ name: 'gateway' });
  const wire: TestDriver['wire'] = [];
  const counted = context.wire;
  const driver = module.create(settings.parse(given), {
    ...context,
    wire: {
      sent(bytes) {
        counted.sent(bytes);
        wire.push({ direction: 'sent', bytes: Buffer.from(bytes) });
      },
      received(bytes) {
        counted.received(bytes);
        wire.push({ direction: 'received', bytes: Buffer.from(bytes) });
      },
      event: (text) => counted.event(text),
    },
  });
  return { driver: driver as TestDriver['driver'], losses, logged, log, wire };
}
