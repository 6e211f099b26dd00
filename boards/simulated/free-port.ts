/** A TCP port that stays the gateway's over power cycles, when nothing listens on it for a while. */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which Linux takes ports for outgoing connections (32768 and up). */
const RANGE = { first: 20_000, last: 32_000 } as const;
const ATTEMPTS = 50;

/** @param wanted 0 for any. @throws Error when the wanted port, or every one that was tried, is taken */
export async function choosePort(wanted: number): Promise<number> {
  if (wanted !== 0) {
    if (await isFree(wanted)) return wanted;
    throw new Error(`port ${wanted} on 127.0.0.1 is taken`);
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(RANGE.first, RANGE.last);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${ATTEMPTS} ports tried on 127.0.0.1 was free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
