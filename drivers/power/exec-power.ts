/** The supply, switched by programs of the lab: `gpioset`, a PDU's client, a relay board's tool. */

import { Deadline, monotonicMs, pause } from '../../harness/clock.ts';
import type { DriverContext } from '../../harness/driver.ts';
import { BoardFileError, FrameError, TimeoutError } from '../../harness/errors.ts';
import { requireProgram, runCommand } from '../../harness/lab-program.ts';
import type { ExecPowerSettings } from './settings.ts';
import { SwitchedPower } from './switched-power.ts';

const pollMs = 50;

/**
 * Driver `exec-power`. Commands are argument lists, started without a shell in the board file's folder.
 * With `statusCommand`, a switch counts only when the state printed is the one wanted.
 */
export class ExecPower extends SwitchedPower {
  readonly kind = 'exec-power';
  readonly #settings: ExecPowerSettings;
  readonly #onPattern: RegExp;
  readonly #offPattern: RegExp;

  /** @throws BoardFileError when a pattern is no regular expression */
  constructor(settings: ExecPowerSettings, context: DriverContext) {
    super(context);
    this.#settings = settings;
    this.#onPattern = pattern(settings.statusOnPattern, 'statusOnPattern');
    this.#offPattern = pattern(settings.statusOffPattern, 'statusOffPattern');
  }

  protected async prepare(): Promise<void> {
    const { onCommand, offCommand, statusCommand } = this.#settings;
    for (const argv of [onCommand, offCommand, ...(statusCommand === undefined ? [] : [statusCommand])]) {
      await requireProgram(argv[0] ?? '', this.context.boardDir);
    }
    if (statusCommand !== undefined) {
      await this.#readState(statusCommand, this.#settings.withinMs, new AbortController().signal);
    }
  }

  protected async switchTo(on: boolean, closing: AbortSignal): Promise<{ atMs: number }> {
    const { onCommand, offCommand, statusCommand, withinMs } = this.#settings;
    const deadline = new Deadline(withinMs);
    await this.#run(on ? onCommand : offCommand, withinMs, closing);
    const atMs = monotonicMs();
    if (statusCommand === undefined) return { atMs };
    for (;;) {
      const isOn = await this.#readState(statusCommand, withinMs, closing);
      if (isOn === on) return { atMs: monotonicMs() };
      if (deadline.leftMs <= pollMs) {
        throw new TimeoutError(
          'supply-unchanged',
          `${this.name}: the status command still says ${isOn ? 'on' : 'off'} ${withinMs} ms after switching ${on ? 'on' : 'off'}`,
          { data: { withinMs }, hint: 'Check the relay and its wiring.' },
        );
      }
      await pause(pollMs);
    }
  }

  async #readState(argv: readonly string[], withinMs: number, closing: AbortSignal): Promise<boolean> {
    const output = await this.#run(argv, withinMs, closing);
    const on = this.#onPattern.test(output);
    const off = this.#offPattern.test(output);
    if (on !== off) return on;
    throw new FrameError(
      'status-unclear',
      `${argv.join(' ')}: its output matches ${on ? 'both' : 'neither'} of ${String(this.#onPattern)} (on) and ${String(this.#offPattern)} (off)`,
      {
        data: { output: output.slice(-200) },
        hint: 'Set statusOnPattern and statusOffPattern to what it prints.',
      },
    );
  }

  #run(argv: readonly string[], withinMs: number, closing: AbortSignal): Promise<string> {
    return runCommand(argv, { cwd: this.context.boardDir, withinMs, wire: this.context.wire, closing });
  }
}

function pattern(source: string, key: string): RegExp {
  try {
    return new RegExp(source, 'i');
  } catch (cause) {
    throw new BoardFileError('bad-pattern', `${key}: ${source} is not a regular expression`, { cause });
  }
}
