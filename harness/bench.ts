/**
 * The bench: all wires of one board. Opens drivers in dependency order, closes them in reverse, always, each step
 * with its own deadline and its own line in the record.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardFile } from './board/index.ts';
import { dependenciesOf, resolveSettings } from './board/index.ts';
import type { Power } from './capabilities.ts';
import { Deadline, within } from './clock.ts';
import type { AnyDriverModule, Driver, DriverContext, DriverSpec, WireLog } from './driver.ts';
import { BenchError, DriverError, explain } from './errors.ts';
import type { BenchHands, Recorder } from './lifecycle/run.ts';
import { WatchedSupply } from './supply.ts';

/** Finds drivers by kind; the command line knows which exist. Modules are loaded only when a board names them. */
export interface DriverRegistry {
  spec(kind: string): DriverSpec;
  load(kind: string): Promise<AnyDriverModule>;
}

export interface BenchParts {
  board: BoardFile;
  /** Folder of the board file. */
  boardDir: string;
  registry: DriverRegistry;
  record: Recorder & { wireLog(channel: string): WireLog };
  /** A folder of the board's own that outlives the run: PKI and the like. */
  stateDir: string;
  interactive: boolean;
  /** Settings that the command line puts over those of a wire: `--defect` for the simulated supply. */
  overrides?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const openWithinMs = 20_000;
const closeWithinMs = 10_000;

export class Bench implements BenchHands {
  readonly #parts: BenchParts;
  readonly #drivers = new Map<string, Driver>();
  readonly #modules = new Map<string, AnyDriverModule>();
  /** Wires in the order in which they were opened. */
  readonly #opened: string[] = [];
  readonly #losses = new Map<string, BenchError>();
  readonly #supplies = new Map<string, WatchedSupply>();
  #closing: Promise<void> | undefined;

  constructor(parts: BenchParts) {
    this.#parts = parts;
  }

  get board(): BoardFile {
    return this.#parts.board;
  }

  /**
   * Opens every wire, each after those on which it depends. On failure, what was opened is closed again.
   *
   * @throws BenchError naming the wire that failed and why
   */
  async open(): Promise<void> {
    try {
      for (const name of this.#parts.board.openingOrder) await this.#openWire(name);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Opens every wire that can be opened, and tells of each how it went: for the doctor. */
  async openWhatOpens(): Promise<readonly { wire: string; error?: unknown }[]> {
    const results: { wire: string; error?: unknown }[] = [];
    for (const wire of this.#parts.board.openingOrder) {
      try {
        await this.#openWire(wire);
        results.push({ wire });
      } catch (error) {
        results.push({ wire, error });
      }
    }
    return results;
  }

  async #openWire(name: string): Promise<void> {
    const { board, registry, record } = this.#parts;
    const wire = board.wires[name];
    if (wire === undefined) throw new DriverError('unknown-wire', `the board has no wire named ${name}`);
    const clock = new Deadline(openWithinMs);
    try {
      const module = await registry.load(wire.driver);
      const written = { ...wire.settings, ...this.#parts.overrides?.[name] };
      const settings = this.resolve(written, registry.spec(wire.driver).settings, `wires.${name}`);
      const driver = module.create(settings as never, this.#contextOf(name));
      this.#drivers.set(name, driver);
      this.#modules.set(name, module);
      this.#opened.push(name);
      await within(driver.open(), openWithinMs, `opening wire ${name}`);
      record.append('bench', { action: 'open', wire: name, ok: true, tookMs: clock.elapsedMs });
    } catch (error) {
      record.append('bench', {
        action: 'open',
        wire: name,
        ok: false,
        tookMs: clock.elapsedMs,
        detail: explain(error),
      });
      throw new BenchError('wire-not-opened', `wire ${name} (${wire.driver}) could not be opened`, {
        cause: error,
        hint: 'Run `fieldproof doctor` for what is attached and what to do about it.',
      });
    }
  }

  #contextOf(name: string): DriverContext {
    const { record, boardDir, interactive } = this.#parts;
    const stateDir = join(this.#parts.stateDir, name);
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return {
      name,
      wire: record.wireLog(name),
      stateDir,
      boardDir,
      interactive,
      dependency: (other) => this.driver(other),
      lost: (cause) => {
        this.#losses.set(name, cause);
        record.append('bench', { action: 'lost', wire: name, ok: false, detail: explain(cause) });
      },
    };
  }

  /** @throws DriverError when there is no such wire, or it is not open yet */
  driver(name: string): Driver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    throw new DriverError('no-such-wire', `wire ${name} is not open`, {
      data: { open: [...this.#drivers.keys()] },
    });
  }

  /** Settings with the values that open wires provide, parsed by their schema. */
  resolve(
    settings: Readonly<Record<string, unknown>>,
    schema: DriverSpec['settings'],
    where: string,
  ): unknown {
    const provided = Object.fromEntries([...this.#drivers].map(([wire, driver]) => [wire, driver.provides]));
    return resolveSettings(settings, provided, schema, where);
  }

  /** What the driver of a wire says of itself. */
  spec(name: string): DriverSpec {
    const wire = this.#parts.board.wires[name];
    if (wire === undefined) throw new DriverError('unknown-wire', `the board has no wire named ${name}`);
    return this.#parts.registry.spec(wire.driver);
  }

  module(name: string): AnyDriverModule {
    const module = this.#modules.get(name);
    if (module !== undefined) return module;
    throw new DriverError('no-such-wire', `wire ${name} is not open`);
  }

  get drivers(): ReadonlyMap<string, Driver> {
    return this.#drivers;
  }

  /** The supply, with every driver told of its changes and every switching recorded. */
  power(name: string): Power {
    const supply = this.driver(name).power;
    if (supply === undefined) throw new DriverError('no-power', `wire ${name} cannot switch a supply`);
    const known = this.#supplies.get(name);
    if (known !== undefined) return known;
    const watched = new WatchedSupply(name, supply, {
      record: this.#parts.record,
      drivers: () => this.#drivers,
      switchWithinMs: closeWithinMs,
    });
    this.#supplies.set(name, watched);
    return watched;
  }

  /** The last switching of a run, after which no supply of this bench is switched by anybody. */
  async rest(power: Power, as: 'on' | 'off' | 'leave'): Promise<void> {
    const known = [...this.#supplies.values()];
    try {
      // A maker's profile may switch in a way of its own.
      if (as !== 'leave' && !known.some((supply) => supply === power)) await power[as]();
    } finally {
      for (const supply of known) await supply.rest(supply === power ? as : 'leave');
    }
  }

  /** Our end of every wire. A wire that depends on one that is not in order is not in order either. */
  async selfTest(): Promise<readonly { wire: string; error: unknown }[]> {
    const faults = new Map<string, unknown>();
    for (const [wire, driver] of this.#drivers) {
      try {
        this.#supplies.get(wire)?.mustBeOn();
        await within(driver.selfTest(), closeWithinMs, `self-test of wire ${wire}`);
      } catch (error) {
        faults.set(wire, error);
      }
    }
    for (const wire of this.#parts.board.openingOrder) {
      const broken = this.#dependencies(wire).find((other) => faults.has(other));
      if (broken === undefined || faults.has(wire) || !this.#drivers.has(wire)) continue;
      const cause = faults.get(broken);
      faults.set(wire, new BenchError('dependency-faulty', `wire ${wire} depends on ${broken}`, { cause }));
    }
    return [...faults].map(([wire, error]) => ({ wire, error }));
  }

  #dependencies(name: string): string[] {
    const wire = this.#parts.board.wires[name];
    if (wire === undefined) return [];
    // What hangs on the supply for a path or a port is judged by its own self-test.
    const supplies = new Set([this.#parts.board.profile.power]);
    return dependenciesOf(wire, this.spec(name))
      .map((dependency) => dependency.wire)
      .filter((other) => !supplies.has(other));
  }

  async reopenLost(): Promise<readonly { wire: string; error: unknown }[]> {
    const stillLost: { wire: string; error: unknown }[] = [];
    for (const wire of [...this.#losses.keys()]) {
      const clock = new Deadline(openWithinMs);
      try {
        const driver = this.driver(wire);
        if (driver.state !== 'open') {
          await within(driver.close(), closeWithinMs, `closing the lost wire ${wire}`);
          await within(driver.open(), openWithinMs, `reopening wire ${wire}`);
        }
        this.#losses.delete(wire);
        this.#parts.record.append('bench', { action: 'reopen', wire, ok: true, tookMs: clock.elapsedMs });
      } catch (error) {
        stillLost.push({ wire, error });
      }
    }
    return stillLost;
  }

  /** Closes what is open, last opened first. Errors are recorded and gathered; none keeps another wire open. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll().finally(() => (this.#closing = undefined));
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const name of this.#opened.splice(0).reverse()) {
      const clock = new Deadline(closeWithinMs);
      try {
        await within(this.driver(name).close(), closeWithinMs, `closing wire ${name}`);
        this.#parts.record.append('bench', {
          action: 'close',
          wire: name,
          ok: true,
          tookMs: clock.elapsedMs,
        });
      } catch (error) {
        this.#parts.record.append('bench', {
          action: 'close',
          wire: name,
          ok: false,
          tookMs: clock.elapsedMs,
          detail: explain(error),
        });
      }
    }
    this.#drivers.clear();
    this.#modules.clear();
    this.#losses.clear();
    this.#supplies.clear();
  }
}
