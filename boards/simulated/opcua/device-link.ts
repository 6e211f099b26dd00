/**
 * The module's end of the IPC channel to the device: calls with an id and a deadline, and lines for the log.
 */

import { type DeviceCall, type LogMessage, type ModuleMessage, type ResultMessage } from './ipc.ts';

/** A call that the device did not answer in time, or that the channel could not carry. */
export class DeviceSilent extends Error {
  constructor(what: string, withinMs: number) {
    super(`the device did not answer "${what}" within ${withinMs} ms`);
    this.name = 'DeviceSilent';
  }
}

interface Waiting {
  resolve: (result: ResultMessage) => void;
  timer: NodeJS.Timeout;
}

export class DeviceLink {
  readonly #send: (message: ModuleMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  /** @param send Puts one message on the channel; must not throw when the channel is gone. */
  constructor(send: (message: ModuleMessage) => void) {
    this.#send = send;
  }

  /**
   * Asks the device for something and waits for its result.
   *
   * @throws DeviceSilent when no result has come within `withinMs`.
   */
  call(call: DeviceCall, withinMs: number): Promise<ResultMessage> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new DeviceSilent(call.what, withinMs));
      }, withinMs);
      this.#waiting.set(id, { resolve, timer });
      this.#send({ type: 'call', id, ...call });
    });
  }

  /** Hands a result to the call that waits for it; one that comes too late is dropped. */
  settle(result: ResultMessage): void {
    const waiting = this.#waiting.get(result.id);
    if (waiting === undefined) return;
    this.#waiting.delete(result.id);
    clearTimeout(waiting.timer);
    waiting.resolve(result);
  }

  log(line: Omit<LogMessage, 'type'>): void {
    this.#send({ type: 'log', ...line });
  }

  listening(port: number, fingerprint: string): void {
    this.#send({ type: 'listening', port, fingerprint });
  }
}
