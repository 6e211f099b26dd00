/** The processes that run on the device: its own children, as the kernel lists them. */

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Lives as long as its stdin is open, so that nothing outlives the device. */
const INTRUDER = 'process.stdin.resume().on("end", () => process.exit(0))';

export class ProcessList {
  readonly #allowed = new Set<number>();
  readonly #intruders: ChildProcess[] = [];

  /** A process that belongs to the firmware. */
  allow(pid: number | undefined): void {
    if (pid !== undefined) this.#allowed.add(pid);
  }

  /** Process ids of children that nobody allowed. */
  unknown(): number[] {
    return this.#children().filter((pid) => !this.#allowed.has(pid));
  }

  /** For the maintenance port: a process that does not belong here. */
  startIntruder(name: string): void {
    const child = spawn(process.execPath, ['-e', INTRUDER], {
      argv0: name,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#intruders.push(child);
  }

  /** @param then called when all of them are gone */
  stopIntruders(then: () => void): void {
    const running = this.#intruders
      .splice(0)
      .filter((child) => child.exitCode === null && child.signalCode === null);
    let left = running.length;
    if (left === 0) return then();
    for (const child of running) {
      child.once('exit', () => {
        left -= 1;
        if (left === 0) then();
      });
      child.kill('SIGKILL');
    }
  }

  /** Kernels without this file leave what the device knows itself. */
  #children(): number[] {
    try {
      const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
      return text
        .split(' ')
        .filter((part) => part !== '')
        .map(Number);
    } catch {
      return this.#intruders.flatMap((child) => child.pid ?? []);
    }
  }
}
