/** What a person types at the prompt of a MicroPython, step by step: each step waits for what the device says. */

import type { SerialConsole } from '../../../drivers/serial/console.ts';
import { answersWithinMs } from './repl-bench.ts';

/** Source: MicroPython 1.9.2, docs/reference/repl.rst: Ctrl-C, Ctrl-D, Ctrl-E. */
const control = { c: Uint8Array.of(3), d: Uint8Array.of(4), e: Uint8Array.of(5) };

/** Sends a line. @returns what came up to the next prompt, echo and prompt included */
export async function typed(console: SerialConsole, line: string): Promise<string> {
  console.skipToEnd();
  await console.send(line);
  return untilPrompt(console);
}

/** @returns what came up to a prompt behind which nothing follows */
export async function untilPrompt(console: SerialConsole): Promise<string> {
  return (await console.expect(/(?:^|\n)>>> $/, { withinMs: answersWithinMs })).before;
}

/** Opens the paste mode, sends a program line by line, and starts it. */
export async function paste(console: SerialConsole, program: readonly string[]): Promise<void> {
  console.skipToEnd();
  await console.send(control.e);
  await console.expect('=== ', { withinMs: answersWithinMs });
  for (const line of program) {
    await console.send(line);
    // The receiver holds few bytes and there is no flow control: each line waits until the one before was taken.
    await console.expect('\n=== ', { withinMs: answersWithinMs });
  }
  await console.send(control.d);
}

/** Ctrl-C. */
export async function interrupt(console: SerialConsole): Promise<void> {
  await console.send(control.c);
}

/** Ctrl-D at the prompt: the interpreter starts anew, the chip does not. */
export async function softReboot(console: SerialConsole): Promise<void> {
  await console.send(control.d);
}

/** Keeps the device busy: it receives and says nothing, until Ctrl-C. */
export async function keepBusy(console: SerialConsole): Promise<void> {
  console.skipToEnd();
  await console.send('while True: pass');
  await console.expect('... ', { withinMs: answersWithinMs });
  await console.send('');
  await console.expect('\n', { withinMs: answersWithinMs });
}
