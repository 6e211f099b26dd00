/** What lies where: the flash of TR-1, and the files in which its parts keep what they hold. */

import { BLOCK_BYTES } from '../flash.ts';

/** Start and size of each region, in bytes. */
export const LAYOUT = {
  slot: { start: 0x0000, bytes: 0x8000 },
  staging: { start: 0x8000, bytes: 0x8000 },
  progress: { start: 0x10000, bytes: BLOCK_BYTES },
  bootRecords: { start: 0x11000, bytes: 2 * BLOCK_BYTES },
  configuration: { start: 0x13000, bytes: 2 * BLOCK_BYTES },
} as const;
export const FLASH_BYTES = 0x15000;
export const SLOT_BYTES = LAYOUT.slot.bytes;

export const FILES = { flash: 'flash.bin', otp: 'otp.bin', log: 'log.jsonl' } as const;

/** What the backplane tells the device when it switches it on. */
export interface TransmitterOptions {
  flashFolder: string;
  /** Always false: TR-1 has no maintenance tty. */
  openedForTest: false;
  defects: readonly string[];
}
