/** Carries command messages: one block of registers by function 16, then the device's result. */

import { type Answer, type Registers } from '../../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause } from '../../../harness/clock.ts';
import { type AdapterModule } from '../../../harness/driver.ts';
import { DriverError } from '../../../harness/errors.ts';
import { registersOfBytes } from '../raw-requests.ts';
import { answerOfError, readOne, reasonText, registersOf } from './common.ts';
import { type CommandSettings } from './settings.ts';

/** Source: Application Protocol V1.1b3, section 6.12 */
const MOST_BYTES = 246;

async function result(registers: Registers, settings: CommandSettings, sentAtMs: number): Promise<Answer> {
  const { resultRegister, resultTable, acceptedValue, pendingValues, resultWithinMs, everyMs } = settings;
  const elapsed = (): number => monotonicMs() - sentAtMs;
  if (resultRegister === undefined) return { kind: 'accepted', elapsedMs: elapsed() };
  const deadline = new Deadline(resultWithinMs);
  for (;;) {
    const value = await readOne(registers, resultTable, resultRegister);
    if (value === acceptedValue) return { kind: 'accepted', elapsedMs: elapsed() };
    if (!pendingValues.includes(value)) {
      return { kind: 'refused', reason: reasonText(settings.reasons, value), elapsedMs: elapsed() };
    }
    if (deadline.passed) {
      return {
        kind: 'silent',
        reason: `the result stayed ${value} for ${resultWithinMs} ms`,
        elapsedMs: elapsed(),
      };
    }
    await pause(Math.min(everyMs, deadline.leftMs));
  }
}

export const commandMessages: AdapterModule<'messages', CommandSettings> = {
  name: 'modbus-command',
  role: 'messages',
  create(settings, wire) {
    const registers = registersOf(wire);
    return {
      async send(message) {
        if (message.length < 1 || message.length > MOST_BYTES) {
          throw new DriverError(
            'bad-request',
            `a message of ${message.length} bytes does not fit one block`,
            {
              hint: `Function 16 carries 1 to ${MOST_BYTES} bytes.`,
            },
          );
        }
        const startMs = monotonicMs();
        try {
          await registers.writeRegisters(settings.address, registersOfBytes(message));
        } catch (error) {
          return answerOfError(error, monotonicMs() - startMs);
        }
        const sentAtMs = monotonicMs();
        try {
          return await result(registers, settings, sentAtMs);
        } catch (error) {
          return answerOfError(error, monotonicMs() - sentAtMs);
        }
      },
    };
  },
};
