/** One process per board: every command that touches hardware takes the lock first. */

import { join } from 'node:path';
import { socketLock, type HeldLock } from '../board/index.ts';
import { recordFile } from '../record/entry.ts';

/**
 * @param board path of the board file
 * @param lane keeps runs of one simulated board apart; empty for everything real
 * @throws BenchError saying who holds the board since when
 */
export function lockBoard(board: string, lane = ''): Promise<HeldLock> {
  return socketLock.acquire(board, lane);
}

/**
 * One process per record, whatever board file it was given.
 *
 * @param runDir whose record is there already
 * @throws BenchError saying who writes it
 */
export function lockRecord(runDir: string): Promise<HeldLock> {
  return socketLock.acquire(join(runDir, recordFile));
}
