/** One thing to ask of the device by writing registers or coils. */

import { type Answer, type Registers } from '../../../harness/capabilities.ts';
import { monotonicMs } from '../../../harness/clock.ts';
import { type AdapterModule } from '../../../harness/driver.ts';
import { answerOfError, awaitOutcome, registersOf } from './common.ts';
import { type WriteSettings } from './settings.ts';

function write(registers: Registers, { table, address, values, multiple }: WriteSettings): Promise<void> {
  const single = values.length === 1 && !multiple;
  if (table === 'coil') {
    const coils = values as boolean[];
    return single ? registers.writeCoil(address, coils[0]!) : registers.writeCoils(address, coils);
  }
  const words = values as number[];
  return single ? registers.writeRegister(address, words[0]!) : registers.writeRegisters(address, words);
}

export const writeAction: AdapterModule<'action', WriteSettings> = {
  name: 'modbus-write',
  role: 'action',
  create(settings, wire) {
    const registers = registersOf(wire);
    const { statusRegister, statusTable, acceptedWhen = [], refusedWhen = [], everyMs } = settings;
    return {
      async perform(): Promise<Answer> {
        const startMs = monotonicMs();
        try {
          await write(registers, settings);
        } catch (error) {
          return answerOfError(error, monotonicMs() - startMs, settings.stage);
        }
        if (statusRegister === undefined) return { kind: 'accepted', elapsedMs: monotonicMs() - startMs };
        const { reasonRegister, reasons, answerWithinMs: withinMs, stage } = settings;
        return awaitOutcome(
          registers,
          {
            ...{ statusRegister, statusTable, acceptedWhen, refusedWhen },
            ...{ reasonRegister, reasons, withinMs, everyMs, stage },
          },
          monotonicMs(),
        );
      },
    };
  },
};
