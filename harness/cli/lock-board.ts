/** One process per board: every command that touches hardware takes the lock first. */

import { socketLock, type HeldLock } from '../board/index.ts';

/**
 * @param board path of the board file
 * @param lane keeps runs of one simulated board apart; empty for everything real
 * @throws BenchError saying who holds the board since when
 */
export function lockBoard(board: string, lane = ''): Promise<HeldLock> {
  return socketLock.acquire(board, lane);
}
