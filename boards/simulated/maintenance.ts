/** The maintenance port of a device that was opened for test: declared ways to tamper with it, and to undo it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { type Configuration } from './configuration.ts';
import { LAYOUT } from './flash.ts';
import { type Gateway } from './gateway.ts';
import { type IntegrityMonitor } from './integrity-monitor.ts';
import { LineCutter, type SerialPort } from './line-port.ts';
import { dataPath } from './paths.ts';
import { type ProcessList } from './process-list.ts';
import { type SlotRecord, type Slots } from './slots.ts';

/** A byte in the middle of the payload, so that no header is touched. */
const TAMPERED_OFFSET = 0x1234;
const MASK = 0x40;
/** A genuine release of the factory's, older than what a device leaves it with. */
const OLDER_IMAGE = 'older-1.1.0.bin';

export interface MaintenanceParts {
  port: SerialPort;
  gateway: Gateway;
  slots: Slots;
  configuration: Configuration;
  /** Undefined in serial recovery, where nothing runs. */
  runtime?: { monitor: IntegrityMonitor; processes: ProcessList; memory: Buffer; executablePath: string };
}

export class MaintenancePort {
  readonly #parts: MaintenanceParts;
  readonly #cutter = new LineCutter();
  /** What `restore` puts back, by kind; tampering twice with one thing is tampering once. */
  readonly #undo = new Map<string, () => void>();

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    parts.port.onData((bytes) => {
      if (parts.gateway.hung) return;
      for (const line of this.#cutter.take(bytes)) this.#command(line ?? '');
    });
  }

  #command(line: string): void {
    const name = /^start-process ([\w.-]{1,32})$/.exec(line)?.[1];
    const kind = /^tamper ([\w-]+)$/.exec(line)?.[1];
    const clock = /^clock (.{1,32})$/.exec(line)?.[1];
    if (line === 'restore') this.#restore();
    else if (clock !== undefined) this.#print(this.#setClock(clock));
    else if (line === 'kill-monitor') this.#needRuntime((runtime) => this.#killMonitor(runtime.monitor));
    else if (name !== undefined) this.#needRuntime((runtime) => this.#startProcess(runtime.processes, name));
    else if (kind !== undefined) this.#tamper(kind);
    else this.#print('ERR unknown command; see the datasheet');
  }

  #tamper(kind: string): void {
    const { slots, configuration } = this.#parts;
    const { flash } = slots;
    if (kind === 'code-at-rest') {
      const address = LAYOUT.primary.start + TAMPERED_OFFSET;
      this.#once(
        kind,
        () => flash.corrupt(address, MASK),
        () => flash.corrupt(address, MASK),
      );
    } else if (kind === 'older-at-rest') {
      this.#writeOlder(slots);
    } else if (kind === 'configuration') {
      this.#once(
        kind,
        () => configuration.corrupt(),
        () => configuration.corrupt(),
      );
    } else if (kind === 'executable' || kind === 'memory' || kind === 'baseline') {
      this.#needRuntime((runtime) => this.#tamperRunning(kind, runtime));
    } else this.#print('ERR unknown thing to tamper with; see the datasheet');
  }

  /** What a programmer clipped to the chip does: the older image's cells, and its length where the boot loader looks. */
  #writeOlder(slots: Slots): void {
    const cells = slots.flash.read(LAYOUT.primary.start, LAYOUT.primary.bytes);
    const { primary } = slots.record;
    const older = readFileSync(dataPath('images', OLDER_IMAGE));
    this.#once(
      'older-at-rest',
      () => writePrimary(slots, older, { bytes: older.length }),
      () => writePrimary(slots, cells, primary),
    );
  }

  #tamperRunning(
    kind: 'executable' | 'memory' | 'baseline',
    runtime: NonNullable<MaintenanceParts['runtime']>,
  ): void {
    const { monitor, memory, executablePath } = runtime;
    if (kind === 'memory') {
      const flip = (): void => void (memory[TAMPERED_OFFSET] = (memory[TAMPERED_OFFSET] ?? 0) ^ MASK);
      this.#once(kind, flip, flip);
    } else if (kind === 'executable') {
      const original = readFileSync(executablePath);
      const altered = Buffer.from(original);
      altered[TAMPERED_OFFSET] = (altered[TAMPERED_OFFSET] ?? 0) ^ MASK;
      this.#once(
        kind,
        () => writeFileSync(executablePath, altered),
        () => writeFileSync(executablePath, original),
      );
    } else {
      // Measured anew by `restore` itself, once everything else is right again.
      this.#once(
        kind,
        () => monitor.corruptBaseline(),
        () => undefined,
      );
    }
  }

  #setClock(text: string): string {
    const { packages } = this.#parts.gateway;
    if (packages === undefined) return 'ERR this model has no clock';
    return packages.clock.set(text) ? 'OK' : 'ERR no time; 2027-01-01T00:00:00Z, unset or auto';
  }

  #killMonitor(monitor: IntegrityMonitor): void {
    this.#once(
      'kill-monitor',
      () => monitor.kill(),
      () => undefined,
    );
  }

  #startProcess(processes: ProcessList, name: string): void {
    processes.startIntruder(name);
    this.#print('OK');
  }

  #once(kind: string, apply: () => void, undo: () => void): void {
    if (!this.#undo.has(kind)) {
      apply();
      this.#undo.set(kind, undo);
    }
    this.#print('OK');
  }

  #restore(): void {
    for (const undo of this.#undo.values()) undo();
    this.#undo.clear();
    const { runtime } = this.#parts;
    if (runtime === undefined) return this.#print('OK');
    runtime.processes.stopIntruders(() => {
      runtime.monitor.restoreBaseline();
      runtime.monitor.start();
      this.#print('OK');
    });
  }

  #needRuntime(work: (runtime: NonNullable<MaintenanceParts['runtime']>) => void): void {
    if (this.#parts.runtime === undefined) this.#print('ERR no firmware runs');
    else work(this.#parts.runtime);
  }

  #print(line: string): void {
    this.#parts.port.write(Buffer.from(`${line}\r\n`));
  }
}

function writePrimary(slots: Slots, cells: Buffer, primary: SlotRecord): void {
  slots.flash.erase(LAYOUT.primary.start, LAYOUT.primary.bytes);
  slots.flash.program(LAYOUT.primary.start, cells);
  slots.update({ primary });
}
