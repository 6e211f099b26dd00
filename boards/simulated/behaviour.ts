/** What the vendor's pseudo-code does once it runs: its work, or that of an image gone wrong. */

import { type Gateway } from './gateway.ts';

const CRASH = Buffer.from('behaviour=crash');
const HANG = Buffer.from('behaviour=hang');
/** From the start to the crash or the hang. */
const GOES_WRONG_AFTER_MS = 300;

/** @param watchdogMs after this long without a sign of life the hardware watchdog resets the device */
export function behave(image: Buffer, gateway: Gateway, watchdogMs: number): void {
  if (image.includes(CRASH)) setTimeout(() => gateway.reset(), GOES_WRONG_AFTER_MS);
  if (!image.includes(HANG)) return;
  setTimeout(() => {
    gateway.hang();
    if (!gateway.defects.has('no-watchdog')) setTimeout(() => gateway.reset(), watchdogMs);
  }, GOES_WRONG_AFTER_MS);
}
