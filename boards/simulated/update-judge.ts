/** Judges what an ingress has received: is it whole, is it genuine, may this device take it. */

import { type Defects } from './defects.ts';
import { type GoodImage, type Verdict } from './image-verifier.ts';
import { type ImageVersion } from './mcuboot-image.ts';
import { type Packages } from './package/packages.ts';
import { believe, type Slots } from './slots.ts';

export type Ingress = 'ymodem' | 'file-records' | 'software-update';

/** One whole transfer. */
export interface Received {
  ingress: Ingress;
  bytes: Buffer;
  /** Size that the sender promised, where the protocol tells it. */
  announcedBytes: number | undefined;
}

export interface JudgeParts {
  slots: Slots;
  defects: Defects;
  /** Undefined in recovery. */
  running: { version: ImageVersion; counter: number } | undefined;
  /** On the model that takes packages in place of images. */
  packages?: Packages | undefined;
  /** Stops everything for good; only a defect calls it. */
  hang(): void;
  /** The operator’s override, which only a defect grants. */
  olderAllowed: boolean;
}

/** `trusted`: the boot loader is to believe it unseen; only defects say so. */
export interface Judgement {
  verdict: Verdict;
  trusted: boolean;
}

export function judge(received: Received, parts: JudgeParts): Judgement {
  const { ingress, bytes, announcedBytes } = received;
  const { slots, defects } = parts;
  if (defects.has('refuse-everything')) {
    return refused({ ok: false, reason: 'signature', detail: 'refused' });
  }
  if (isUnverified(ingress, defects)) return { verdict: believe(bytes), trusted: true };
  if (announcedBytes !== undefined && bytes.length < announcedBytes && !defects.has('accept-truncated')) {
    return refused({ ok: false, reason: 'truncated', detail: `${bytes.length} of ${announcedBytes} bytes` });
  }
  if (parts.packages !== undefined) {
    return { verdict: parts.packages.judge(bytes, () => parts.hang()), trusted: false };
  }
  const verdict = slots.verifyBytes(bytes);
  if (!verdict.ok && verdict.reason === 'counter' && parts.olderAllowed) {
    return { verdict: slots.verifyBytes(bytes, 0), trusted: true };
  }
  if (verdict.ok && defects.has('lower-version-refused') && isLower(verdict, parts.running)) {
    return refused({ ok: false, reason: 'counter', detail: 'equal counter, lower version' });
  }
  return { verdict, trusted: false };
}

function refused(verdict: Verdict): Judgement {
  return { verdict, trusted: false };
}

/** Major and minor number only: images that differ in the revision may still alternate. */
function isLower({ version, counter }: GoodImage, running: JudgeParts['running']): boolean {
  if (running === undefined || counter !== running.counter) return false;
  const rank = ({ major, minor }: ImageVersion): number => major * 256 + minor;
  return rank(version) < rank(running.version);
}

function isUnverified(ingress: Ingress, defects: Defects): boolean {
  return (
    (ingress === 'software-update' && defects.has('software-update-unverified')) ||
    (ingress === 'file-records' && defects.has('file-records-unverified'))
  );
}
