/** A serial line between two programs that both want a tty: two pseudo-terminals whose masters are joined here. */

import { Pty } from '../../drivers/modbus/test/pty.ts';

export class SerialCable {
  /** The bench's end. */
  readonly near = new Pty();
  /** The device's end. */
  readonly far = new Pty();

  constructor() {
    this.near.onData((bytes) => this.far.write(bytes));
    this.far.onData((bytes) => this.near.write(bytes));
  }

  async close(): Promise<void> {
    await this.near.dispose();
    await this.far.dispose();
  }
}
