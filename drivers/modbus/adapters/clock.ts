/** Sets the device's clock: seconds since 1970 in two holding registers. */

import { monotonicMs } from '../../../harness/clock.ts';
import { type AdapterModule } from '../../../harness/driver.ts';
import { DriverError } from '../../../harness/errors.ts';
import { answerOfError, registersOf } from './common.ts';
import { type ClockSettings } from './settings.ts';

export const clock: AdapterModule<'clock', ClockSettings> = {
  name: 'modbus-clock',
  role: 'clock',
  create({ address, wordOrder }, wire) {
    const registers = registersOf(wire);
    return {
      async set(utc) {
        const words = wordsOf(utc);
        if (wordOrder === 'little') words.reverse();
        const startMs = monotonicMs();
        try {
          await registers.writeRegisters(address, words);
        } catch (error) {
          return answerOfError(error, monotonicMs() - startMs);
        }
        return { kind: 'accepted', elapsedMs: monotonicMs() - startMs };
      },
    };
  },
};

/** @throws DriverError for a time that 32 bits cannot hold */
function wordsOf(utc: Date): number[] {
  const seconds = Math.floor(utc.getTime() / 1000);
  if (seconds >= 0 && seconds <= 0xffff_ffff) return [seconds >>> 16, seconds & 0xffff];
  throw new DriverError('time-range', `${utc.toISOString()} is no u32 of seconds since 1970`, {
    hint: 'Such a clock goes from 1970-01-01 to 2106-02-07.',
  });
}
