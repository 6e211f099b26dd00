/** The companion of a wire segment: JSON Lines that say which bytes came when, which way, and what was blanked. */

/** A run of bytes that crossed the wire together. `at` counts from the channel's first byte in this run. */
export interface BurstLine {
  dir: 'sent' | 'received';
  at: number;
  len: number;
  tMono: number;
  tUtc: string;
}

/** What happened on the wire beside bytes. */
export interface EventLine {
  event: string;
  tMono: number;
  tUtc: string;
}

/** A secret was blanked here: same length, filled with {@link blank}. */
export interface SecretLine {
  secret: string;
  commitment: string;
  rendering: string;
  /** `[at, len]` of each piece; a secret may come in several bursts. */
  ranges: readonly (readonly [at: number, len: number])[];
  /** True when only its beginning had come by the time these bytes had to be written. */
  partial?: true;
}

export type IndexLine = BurstLine | EventLine | SecretLine;

/** Fill of blanked bytes: an asterisk, so that a transcript shows what happened. */
export const blank = 0x2a;

export function segmentName(stem: string, number: number): { bytes: string; index: string } {
  const name = `${stem}-${String(number).padStart(4, '0')}`;
  return { bytes: `${name}.bin`, index: `${name}.index.jsonl` };
}
