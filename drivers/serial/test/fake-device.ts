/** A console device behind a pseudo terminal, which misbehaves on request. */

import { Pty, StablePath } from './pty.ts';

/** Answers a line, without its ending; what it returns is sent as it is. */
export type Answerer = (line: string, device: FakeDevice) => string | undefined;

/** The device's behaviour as text: command → answer. Unknown commands get ERR. */
export function answers(table: Readonly<Record<string, string>>): Answerer {
  return (line) => table[line] ?? 'ERR unknown command\r\n';
}

export class FakeDevice {
  readonly #place = new StablePath();
  #pty!: Pty;
  answer: Answerer;
  /** When set, bytes go there instead of to the line reader: a file transfer. */
  onBytes: ((bytes: Buffer) => void) | undefined;
  /** Lines that came, in order. */
  readonly heard: string[] = [];
  #partial = '';

  constructor(answer: Answerer = () => undefined) {
    this.answer = answer;
    this.plug();
  }

  /** Stable path, as /dev/serial/by-id gives it. */
  get path(): string {
    return this.#place.path;
  }

  /** A new tty behind the same path, as after plugging an adapter in again. */
  plug(): void {
    this.#pty = new Pty();
    this.#place.pointTo(this.#pty.path);
    this.#pty.onData((bytes) => this.#received(bytes));
  }

  /** The tty goes away. @param keepName leaves a dangling name, for a race between death and disappearance */
  unplug(keepName = false): void {
    this.#pty.unplug();
    if (!keepName) this.#place.clear();
  }

  /** The path names another tty, while the one that was open stays alive and silent. */
  swapBehindTheName(): Pty {
    const old = this.#pty;
    this.plug();
    return old;
  }

  say(bytes: Uint8Array | string): void {
    this.#pty.write(bytes);
  }

  /** Takes no more bytes: the kernel's buffer fills. */
  stopReading(): void {
    this.#pty.stopReading();
  }

  dispose(): void {
    this.#pty.unplug();
    this.#place.dispose();
  }

  #received(bytes: Buffer): void {
    if (this.onBytes !== undefined) {
      this.onBytes(bytes);
      return;
    }
    const lines = (this.#partial + bytes.toString('latin1')).split(/\r\n|\r|\n/);
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      this.heard.push(line);
      const answer = this.answer(line, this);
      if (answer !== undefined) this.say(answer);
    }
  }
}
