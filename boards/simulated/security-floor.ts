/** The counter floor: images with a lower security counter are refused. Kept in write-once bits. */

import { type Defects } from './defects.ts';
import { OTP_CAPACITY, OtpCounter } from './otp.ts';

export class SecurityFloor {
  readonly #path: string;
  readonly #otp: OtpCounter;
  readonly #defects: Defects;
  /** Only used by the defect counter-forgotten-on-reboot. */
  #inRam: number;

  /** @param freshFromFactory true at the very first start */
  constructor(path: string, defects: Defects, freshFromFactory: boolean) {
    this.#path = path;
    this.#otp = new OtpCounter(path);
    this.#defects = defects;
    this.#inRam = freshFromFactory ? this.#otp.value : 0;
  }

  get value(): number {
    if (this.#defects.has('counter-forgotten-on-reboot')) return this.#inRam;
    // Defect counter-wraps: the floor is read in too few bits, so that a full area reads as an empty one.
    return this.#defects.has('counter-wraps') ? this.#otp.value % OTP_CAPACITY : this.#otp.value;
  }

  /** @returns true when the floor really rose */
  raiseTo(counter: number): boolean {
    if (counter <= this.value) return false;
    if (this.#defects.has('counter-forgotten-on-reboot')) this.#inRam = counter;
    else this.#otp.raiseTo(Math.min(counter, OTP_CAPACITY));
    return true;
  }

  /** Called by factory-reset, which must not touch the floor; one defect does. */
  factoryReset(): void {
    if (this.#defects.has('factory-reset-clears-counter')) OtpCounter.manufacture(this.#path, 0);
  }
}
