/** A port without hardware, for what a pseudo terminal cannot do: parity, DTR, RTS, break, faults on open. */

import type { BoundPort, PortBinding, PortOptions } from '../guarded-binding.ts';

export interface ModemLines {
  dtr: boolean;
  rts: boolean;
  brk: boolean;
}

export class FakeBinding implements PortBinding {
  /** Options of every open. */
  readonly opened: PortOptions[] = [];
  /** Every setting of the modem lines. */
  readonly lines: ModemLines[] = [];
  readonly written: Buffer[] = [];
  readonly #failWith: string | undefined;

  /** The port is gone, and its event has not come yet. */
  vanish: () => void = () => undefined;

  constructor(options: { failWith?: string } = {}) {
    this.#failWith = options.failWith;
  }

  async open(options: PortOptions): Promise<BoundPort> {
    if (this.#failWith !== undefined) throw new Error(this.#failWith);
    this.opened.push(options);
    return this.#port();
  }

  #port(): BoundPort {
    let open = true;
    let endRead: (error: Error) => void = () => undefined;
    this.vanish = () => (open = false);
    return {
      get isOpen() {
        return open;
      },
      read: () => new Promise((_resolve, reject) => (endRead = reject)),
      write: async (buffer) => void this.written.push(buffer),
      close: async () => {
        open = false;
        endRead(Object.assign(new Error('Canceled'), { canceled: true }));
      },
      drain: async () => undefined,
      flush: async () => undefined,
      set: async (lines) => void this.lines.push(lines as ModemLines),
      get: async () => ({}),
      update: async () => undefined,
    };
  }
}
