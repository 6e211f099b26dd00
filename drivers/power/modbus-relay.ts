/** The supply behind a coil of a Modbus relay board, reached through another wire of the bench. */

import type { Registers } from '../../harness/capabilities.ts';
import { Deadline, monotonicMs, pause, within } from '../../harness/clock.ts';
import type { Driver, DriverContext } from '../../harness/driver.ts';
import { DriverError, PortError } from '../../harness/errors.ts';
import type { ModbusRelaySettings } from './settings.ts';
import { SwitchedPower } from './switched-power.ts';

const pollMs = 50;

/** Driver `modbus-relay`: writes the coil and reads it back; a coil that stays as it was is a bench fault. */
export class ModbusRelay extends SwitchedPower {
  readonly kind = 'modbus-relay';
  readonly #settings: ModbusRelaySettings;

  constructor(settings: ModbusRelaySettings, context: DriverContext) {
    super(context);
    this.#settings = settings;
  }

  /** The board answers for this coil. */
  protected async prepare(): Promise<void> {
    await this.#inTime(this.#readCoil(this.#registers()), 'reading the coil');
  }

  protected async switchTo(on: boolean): Promise<{ atMs: number }> {
    const { coil, onValue, withinMs, wire } = this.#settings;
    const registers = this.#registers();
    const wanted = on === onValue;
    const deadline = new Deadline(withinMs);
    await this.#inTime(registers.writeCoil(coil, wanted), `writing ${wanted}`);
    const atMs = monotonicMs();
    this.context.wire.event(`coil ${coil} of ${wire} written ${wanted}`);
    for (;;) {
      const value = await this.#inTime(this.#readCoil(registers), 'reading it back');
      if (value === wanted) return { atMs };
      if (deadline.leftMs <= pollMs) {
        throw new PortError(
          'relay-stuck',
          `${this.name}: coil ${coil} of ${wire} still reads ${value} ${withinMs} ms after ${wanted} was written`,
          { data: { coil, wanted, value }, hint: 'Check the relay board.' },
        );
      }
      await pause(pollMs);
    }
  }

  #inTime<T>(work: Promise<T>, what: string): Promise<T> {
    const { coil, wire, withinMs } = this.#settings;
    return within(work, withinMs, `${this.name}: ${what} (coil ${coil} of ${wire})`);
  }

  async #readCoil(registers: Registers): Promise<boolean> {
    const [value] = await registers.readCoils(this.#settings.coil, 1);
    if (value !== undefined) return value;
    throw new PortError('relay-empty', `${this.name}: ${this.#settings.wire} answered without a coil value`);
  }

  #registers(): Registers {
    const { wire } = this.#settings;
    const board: Driver = this.context.dependency(wire);
    if (board.registers !== undefined) return board.registers;
    throw new DriverError('not-modbus', `${this.name}: wire ${wire} (${board.kind}) has no registers`, {
      hint: 'Name a wire with a Modbus driver.',
    });
  }
}
