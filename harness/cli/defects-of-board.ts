/** Which simulated device has which of the named faults. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { BoardFile } from '../board/index.ts';
import { BoardFileError, UsageError } from '../errors.ts';
import { knownDefects, loadDefects, type Defect } from './defects.ts';
import { packageRoot } from './paths.ts';
import { simulatedSupply } from './simulated-supply.ts';

/** File of a board that defects name. */
export function boardFileOf(board: string): string {
  return join(packageRoot, 'boards', `${board}.yaml`);
}

/**
 * @throws UsageError for a name that is not in the list, with the nearest, and for a fault of another device, with its
 *   board
 */
export function mustHaveDefects(board: BoardFile, names: readonly string[]): void {
  knownDefects(names);
  const supply = simulatedSupply(board);
  if (supply === undefined) return; // a real device: the bench says that it has no such switch
  const model = modelOf(supply.settings);
  for (const defect of loadDefects()) {
    if (!names.includes(defect.name) || defect.board === board.board) continue;
    if (modelOfBoard(defect) !== model) throw notOfThisDevice(defect, board);
  }
}

function notOfThisDevice({ name, board }: Defect, given: BoardFile): UsageError {
  return new UsageError(
    'defect-of-another-board',
    `"${name}" is a fault of the device of boards/${board}.yaml; ${given.board} starts another one`,
    { hint: `fieldproof run boards/${board}.yaml --defect ${name}` },
  );
}

/** Boards differ in wires and permissions and start the same model; that alone decides which faults there are. */
function modelOf(settings: Readonly<Record<string, unknown>>): string {
  const { device, packages = false } = settings;
  return JSON.stringify({ device, packages });
}

function modelOfBoard({ name, board }: Defect): string {
  const file = boardFileOf(board);
  let wires: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  try {
    // Only the supply is looked at; the tags of other settings mean nothing here.
    const content = parseDocument(readFileSync(file, 'utf8'), { logLevel: 'silent' }).toJS() as {
      wires?: typeof wires;
    } | null;
    wires = content?.wires ?? {};
  } catch (cause) {
    throw new BoardFileError('defect-without-board', `defect "${name}" names the board ${file}`, { cause });
  }
  const supply = Object.values(wires).find(({ driver }) => driver === 'simulated-power');
  if (supply !== undefined) return modelOf(supply);
  throw new BoardFileError(
    'defect-without-device',
    `defect "${name}" names the board ${file}, which starts no simulated device`,
  );
}
