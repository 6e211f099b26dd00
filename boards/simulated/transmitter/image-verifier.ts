/** Decides whether an image may run on this device. Used after the transfer and again at every boot. */

import { verify } from 'node:crypto';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { OTP_CAPACITY } from '../otp.ts';
import { type Defects } from './defects.ts';
import { ImageRefused, parseHeader, parseImage, type Parts, type Refusal } from './image.ts';
import { HARDWARE, type TrustedKeys } from './trusted-keys.ts';

export interface VerifierPolicy {
  keys: TrustedKeys;
  /** Images whose security counter is lower are refused. */
  floor: number;
  defects: Defects;
}

export interface GoodImage {
  ok: true;
  version: string;
  /** Undefined where a defect believed the image unseen: then nothing rises by it. */
  counter: number | undefined;
}
export type Verdict = GoodImage | { ok: false; reason: Refusal; detail: string };

/** @param bytes exactly what was received, or what a slot holds */
export function verifyImage(bytes: Buffer, policy: VerifierPolicy): Verdict {
  return judged(() => {
    const image = parseImage(bytes, policy.defects.has('tr-accept-appended'));
    if (image.hardware !== HARDWARE) {
      throw new ImageRefused('hardware', `is for hardware ${image.hardware.toString(16)}`);
    }
    checkSignatures(image, policy);
    checkCounter(image.counter, policy);
    return { ok: true, version: image.version, counter: image.counter };
  });
}

/** What a boot loader that does not look still reads. Only defects ask for it. */
export function believe(bytes: Buffer): Verdict {
  return judged(() => ({ ok: true, version: parseHeader(bytes).version, counter: undefined }));
}

function judged(judge: () => GoodImage): Verdict {
  try {
    return judge();
  } catch (error) {
    if (error instanceof ImageRefused) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

/** Both, over the same bytes: neither stands for the other. */
function checkSignatures({ signed, ed25519, mlDsa }: Parts, { keys, defects }: VerifierPolicy): void {
  const good = {
    ed25519: verify(null, signed, keys.ed25519, ed25519),
    mlDsa: defects.has('tr-ignores-ml-dsa') || verifyMlDsa(signed, keys.mlDsa, mlDsa),
  };
  if (defects.has('tr-one-leg-suffices') && (good.ed25519 || good.mlDsa)) return;
  if (!good.ed25519) throw new ImageRefused('ed25519', 'the Ed25519 signature does not verify');
  if (!good.mlDsa) throw new ImageRefused('ml-dsa', 'the ML-DSA-44 signature does not verify');
}

/** Pure ML-DSA with an empty context. Source: FIPS 204, algorithm 3. The library wants plain arrays. */
function verifyMlDsa(signed: Buffer, key: Uint8Array, signature: Buffer): boolean {
  return ml_dsa44.verify(Uint8Array.from(signature), Uint8Array.from(signed), key);
}

function checkCounter(counter: number, { floor, defects }: VerifierPolicy): void {
  if (counter === 0) throw new ImageRefused('no-counter', 'has no security counter');
  if (counter > OTP_CAPACITY) {
    throw new ImageRefused('counter', `${counter} is more than the ${OTP_CAPACITY} steps that there are`);
  }
  if (counter < floor && !defects.has('tr-ignores-counter')) {
    throw new ImageRefused('counter', `${counter} is below the floor ${floor}`);
  }
}
