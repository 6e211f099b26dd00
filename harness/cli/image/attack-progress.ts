/** Progress on images whose attacks take a while. Small ones are done before anybody could read it. */

import { Deadline } from '../../clock.ts';

/** Below this, a line of progress would only flicker. */
const longBytes = 32 * 1024 * 1024;

export interface AttackProgress {
  next(id: string): void;
  /** Takes the changing line away. */
  done(): void;
}

/** One changing line on a terminal, a line for each elsewhere; on standard error, and only for large images. */
export function attackProgress(total: number, baseBytes: number, out = process.stderr): AttackProgress {
  if (baseBytes < longBytes) return { next() {}, done() {} };
  const clock = new Deadline(0);
  let count = 0;
  return {
    next(id) {
      count += 1;
      const text = `${(clock.elapsedMs / 1000).toFixed(0).padStart(4)} s  [${count}/${total}] ${id}`;
      out.write(out.isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
    },
    done() {
      if (out.isTTY) out.write('\r\x1b[2K');
    },
  };
}
