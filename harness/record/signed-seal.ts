/** The seal of a closed record, signed by the bench: the count and the root cannot be exchanged later without its key. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from './chain.ts';
import { envelope, envelopeText, preAuthEncoding, type Envelope } from './dsse.ts';
import { writeWhole } from './durable-file.ts';
import type { Entry, Seal } from './entry.ts';
import { canonicalize } from './jcs.ts';
import { fingerprintOf, isSignedBy, type Signer } from './signing.ts';

/** A DSSE envelope whose body is the text of `seal.json` without its last LF. */
export const signedSealFile = 'seal.dsse.json';
/** Public half of the key that signed the seal, PEM. */
export const sealKeyFile = 'seal-key.pem';
export const sealPayloadType = 'application/vnd.fieldproof.seal+json';

/** @throws EvidenceError when the disk fails */
export function writeSignedSeal(dir: string, seal: Seal, signer: Signer): void {
  const body = Buffer.from(canonicalize(seal), 'utf8');
  writeWhole(join(dir, sealKeyFile), signer.publicPem);
  writeWhole(join(dir, signedSealFile), envelopeText(envelope(sealPayloadType, body, [signer])));
}

/**
 * What is wrong with the signed seal; nothing when there is none, for a bench may have no key.
 *
 * @param seal what `seal.json` says
 */
export function signedSealProblems(
  dir: string,
  entries: readonly Entry[],
  seal: Seal | undefined,
): Problem[] {
  const path = join(dir, signedSealFile);
  if (!existsSync(path)) return [];
  const problem = (message: string): Problem[] => [{ code: 'seal-wrong', where: signedSealFile, message }];
  const key = readKey(join(dir, sealKeyFile));
  if (key === undefined) return problem(`is signed by a key that ${sealKeyFile} does not hold`);
  const signed = readEnvelope(path);
  const body = signed === undefined ? undefined : verifiedBody(signed, key);
  if (body === undefined) return problem(`is not signed by the key in ${sealKeyFile}`);
  if (seal === undefined || body !== canonicalize(seal)) return problem('signs another seal than seal.json');
  const [opened] = entries;
  const named = opened?.kind === 'run-opened' ? opened.payload.benchKey : undefined;
  if (named !== undefined && named !== fingerprintOf(key))
    return problem(`is signed by key ${fingerprintOf(key)}; the run was opened with key ${named}`);
  return [];
}

function readKey(path: string): KeyObject | undefined {
  try {
    return createPublicKey(readFileSync(path));
  } catch {
    return undefined;
  }
}

function readEnvelope(path: string): Envelope | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const read = JSON.parse(text) as Envelope;
    const form = typeof read.payload === 'string' && Array.isArray(read.signatures);
    return form && text === envelopeText(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

/** The signed text, provided that the envelope is the very one that we write for this body, key and signature. */
function verifiedBody(read: Envelope, key: KeyObject): string | undefined {
  const body = Buffer.from(read.payload, 'base64');
  const sig = Buffer.from(read.signatures[0]?.sig ?? '', 'base64');
  const written: Envelope = {
    payload: body.toString('base64'),
    payloadType: sealPayloadType,
    signatures: [{ keyid: fingerprintOf(key), sig: sig.toString('base64') }],
  };
  if (canonicalize(read) !== canonicalize(written)) return undefined;
  return isSignedBy(key, preAuthEncoding(sealPayloadType, body), sig) ? body.toString('utf8') : undefined;
}
