/** A trial has a time limit: what nobody confirms in time gives way to the image before it. */

import { type Gateway } from './gateway.ts';

/** To be called when the firmware starts; the reset makes the boot loader swap back. */
export function limitTrial(gateway: Gateway, confirmWithinMs: number): void {
  const { updater, slots, defects } = gateway;
  if (updater.confirmation !== 'trial' || defects.has('no-confirmation-timeout')) return;
  setTimeout(() => {
    if (gateway.hung || updater.confirmation !== 'trial') return;
    // After serial recovery there may be nothing to go back to; a reset would only interrupt.
    if (slots.verify('secondary')?.ok === true) gateway.reset();
  }, confirmWithinMs);
}
