/** Which wire must be open before which. */

import type { DriverSpec } from '../driver.ts';
import type { WireEntry } from './board-schema.ts';
import { fromRefsIn } from './from-ref.ts';

interface Wires {
  readonly wires: Readonly<Record<string, WireEntry>>;
}

export interface Dependency {
  wire: string;
  /** The setting that names it. */
  key: string;
  /** True for `!from wire.key`, false for a setting that holds the wire's name. */
  reference: boolean;
}

/** The wires on which one wire depends: by `!from`, and by settings that hold a wire's name. */
export function dependenciesOf(wire: WireEntry, spec: DriverSpec | undefined): Dependency[] {
  const byReference = [...fromRefsIn(wire.settings)].map(({ ref, path }) => ({
    wire: ref.wire,
    key: String(path[0]),
    reference: true,
  }));
  const byName = (spec?.dependencies ?? []).flatMap((key) => {
    const name = wire.settings[key];
    return typeof name === 'string' ? [{ wire: name, key, reference: false }] : [];
  });
  return [...byReference, ...byName];
}

const edgesOf = (board: Wires, specs: readonly DriverSpec[], name: string): string[] => {
  const wire = board.wires[name];
  if (wire === undefined) return [];
  const spec = specs.find(({ kind }) => kind === wire.driver);
  // A reference to itself or to nothing is a problem of its own.
  return dependenciesOf(wire, spec)
    .map((dependency) => dependency.wire)
    .filter((other) => other !== name && Object.hasOwn(board.wires, other));
};

/**
 * Names of all wires, each after those that it depends on, otherwise in the order of the file.
 * The bench opens in this order and closes in the reverse.
 */
export function openingOrder(board: Wires, specs: readonly DriverSpec[]): string[] {
  return walk(board, specs).order;
}

/** Circles of wires that wait for each other; none in a board file that was loaded. */
export function dependencyCycles(board: Wires, specs: readonly DriverSpec[]): string[][] {
  return walk(board, specs).cycles;
}

function walk(board: Wires, specs: readonly DriverSpec[]): { order: string[]; cycles: string[][] } {
  const order: string[] = [];
  const cycles: string[][] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (order.includes(name)) return;
    const start = trail.indexOf(name);
    if (start >= 0) {
      cycles.push(trail.slice(start));
      return;
    }
    for (const other of edgesOf(board, specs, name)) visit(other, [...trail, name]);
    if (!order.includes(name)) order.push(name);
  };
  for (const name of Object.keys(board.wires)) visit(name, []);
  return { order, cycles };
}
