/** How high each row is drawn, and where: true to scale where that can be read, and marked where it is not. */

import type { Row } from './rows.ts';

export interface Band extends Row {
  y: number;
  height: number;
  /** Drawn larger than its bytes, so that it can be read; or shorter, so that the others can. */
  scale: 'true' | 'enlarged' | 'shortened';
}

const leastHeight = 24;
const mostHeight = 150;
/** Height of all bands if the scale were true. */
const idealHeight = 620;

/** @param top of the first band */
export function bandsOf(rows: readonly Row[], top: number): Band[] {
  const bytes = rows.reduce((sum, { start, end }) => sum + (end - start), 0);
  const perByte = bytes === 0 ? 0 : idealHeight / bytes;
  let y = top;
  return rows.map((row) => {
    const ideal = (row.end - row.start) * perByte;
    const height = Math.round(Math.min(Math.max(ideal, leastHeight), mostHeight));
    const band: Band = { ...row, y, height, scale: scaleOf(ideal, height) };
    y += height;
    return band;
  });
}

function scaleOf(ideal: number, height: number): Band['scale'] {
  if (ideal < height - 1) return 'enlarged';
  return ideal > height + 1 ? 'shortened' : 'true';
}

/** Where an offset of the file lies on the bands; clipped to them. */
export function yOf(bands: readonly Band[], at: number): number {
  const band = bands.find(({ end }) => at < end) ?? bands.at(-1);
  if (band === undefined) return 0;
  const share = (at - band.start) / Math.max(1, band.end - band.start);
  return band.y + Math.min(1, Math.max(0, share)) * band.height;
}
