/** The supply, switched by a person at the bench. */

import { createInterface } from 'node:readline';
import { monotonicMs, within } from '../../harness/clock.ts';
import type { DriverContext } from '../../harness/driver.ts';
import { DriverError, PortError } from '../../harness/errors.ts';
import type { ManualPowerSettings } from './settings.ts';
import { SwitchedPower } from './switched-power.ts';

/** The terminal at which the operator sits. */
export interface OperatorTerminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

/**
 * Driver `manual-power`. Each switch is a question on the terminal with a deadline; Enter answers it, `no` and Enter
 * says that it cannot be done. Without a terminal a switch fails at once: nothing waits for a person who is not there.
 */
export class ManualPower extends SwitchedPower {
  readonly kind = 'manual-power';
  readonly #settings: ManualPowerSettings;
  readonly #terminal: OperatorTerminal;

  /** @param terminal where to ask; the process's own by default, with the question on stderr */
  constructor(settings: ManualPowerSettings, context: DriverContext, terminal?: OperatorTerminal) {
    super(context);
    this.#settings = settings;
    this.#terminal = terminal ?? { input: process.stdin, output: process.stderr };
  }

  /** Opening never needs the operator, so that a bench without one still runs what needs no power. */
  protected async prepare(): Promise<void> {}

  protected async switchTo(on: boolean, closing: AbortSignal): Promise<{ atMs: number }> {
    const task = `switch ${this.#settings.prompt} ${on ? 'ON' : 'OFF'}`;
    if (!this.context.interactive || this.#terminal.input.isTTY !== true) {
      throw new PortError('no-terminal', `${this.name}: cannot ask an operator to ${task}: no terminal`, {
        hint: 'Run in a terminal, or give the board a switched supply (exec-power, modbus-relay).',
      });
    }
    return this.#ask(task, closing);
  }

  async #ask(task: string, closing: AbortSignal): Promise<{ atMs: number }> {
    const { withinMs } = this.#settings;
    const { input, output } = this.#terminal;
    const lines = createInterface({ input, terminal: false });
    let onClosing = (): void => undefined;
    const answer = new Promise<string>((resolve, reject) => {
      onClosing = () => reject(new DriverError('closed', `${this.name}: closed while waiting to ${task}`));
      closing.addEventListener('abort', onClosing, { once: true });
      lines.once('line', resolve);
      lines.once('close', () =>
        reject(new PortError('terminal-gone', `${this.name}: the terminal closed while waiting to ${task}`)),
      );
    });
    const leftS = Math.round(withinMs / 1000);
    output.write(`\n>>> Please ${task}, then press Enter ("no" if it cannot be done; ${leftS} s): `);
    try {
      const text = await within(answer, withinMs, `${this.name}: the operator's task "${task}"`);
      if (!/^\s*no?\s*$/i.test(text)) return { atMs: monotonicMs() };
      throw new PortError('operator-declined', `${this.name}: the operator could not ${task}`);
    } finally {
      closing.removeEventListener('abort', onClosing);
      lines.close();
      output.write('\n');
    }
  }
}
