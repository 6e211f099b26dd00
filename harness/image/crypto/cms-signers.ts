/** Whose signatures a CMS has, once each is known to be good: by how many, and by whom. */

import { createHash, type KeyObject } from 'node:crypto';
import type { Policy } from '../policy.ts';
import type { Certificate } from './x509.ts';

/** Who made a good signature: a key, and its certificate where there is one. */
export interface GoodSigner {
  /** The same for every signature by one key, and no other. */
  key: string;
  certificate?: Certificate;
}

export type SignersReason = 'name' | 'threshold';
export interface SignersProblem {
  reason: SignersReason;
  detail: string;
}

export function signerBy(publicKey: KeyObject, certificate?: Certificate): GoodSigner {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const key = createHash('sha256').update(spki).digest('hex');
  return certificate === undefined ? { key } : { key, certificate };
}

/**
 * What the policy finds wrong with signers that are all good. Several signatures by one key are one signature, whatever
 * they are called; a name counts where a certificate brings one.
 *
 * @param names subjects that may sign, DER as lower-case hex; any when absent
 */
export function signersProblem(
  signers: readonly GoodSigner[],
  { threshold = 1, signerName }: Policy,
  names: ReadonlySet<string> | undefined,
): SignersProblem | undefined {
  const stranger = signers.find(
    ({ certificate }) => certificate !== undefined && names?.has(certificate.subject) === false,
  );
  if (signerName === 'checked' && stranger?.certificate !== undefined) {
    const subject = stranger.certificate.x509?.subject.replaceAll('\n', ', ') ?? stranger.certificate.serial;
    return { reason: 'name', detail: `"${subject}" is none of the names that sign` };
  }
  const different = new Set(signers.map(({ key }) => key)).size;
  return different < threshold
    ? { reason: 'threshold', detail: `${different} different signers, and ${threshold} are needed` }
    : undefined;
}
