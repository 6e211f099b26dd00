/** The wire through which a board starts a simulated device, and faults switched on there. */

import type { BoardFile } from '../board/index.ts';
import { BenchError } from '../errors.ts';

export interface SimulatedSupply {
  /** Name of the wire. */
  wire: string;
  settings: Readonly<Record<string, unknown>>;
}

/** The simulated device's supply; undefined on a board with a real device. */
export function simulatedSupply({ wires }: Pick<BoardFile, 'wires'>): SimulatedSupply | undefined {
  const [wire, entry] = Object.entries(wires).find(([, { driver }]) => driver === 'simulated-power') ?? [];
  return wire === undefined || entry === undefined ? undefined : { wire, settings: entry.settings };
}

/** Puts `--defect` into the settings of the simulated supply; any other board has no such switch. */
export function defectOverrides(
  board: BoardFile,
  defects: readonly string[],
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  if (defects.length === 0) return {};
  const supply = simulatedSupply(board);
  if (supply !== undefined) return { [supply.wire]: { defects } };
  throw new BenchError(
    'no-simulated-device',
    `--defect needs a simulated device; ${board.board} is a real one`,
  );
}
