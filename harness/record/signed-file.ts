/** A small file that one key has signed: a DSSE envelope around a text, the very bytes that we write for both. */

import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { envelope, envelopeText, preAuthEncoding, type Envelope } from './dsse.ts';
import { writeWhole } from './durable-file.ts';
import { canonicalize } from './jcs.ts';
import { fingerprintOf, isSignedBy, type Signer } from './signing.ts';

/** @throws EvidenceError when the disk fails */
export function writeSigned(path: string, payloadType: string, text: string, signer: Signer): void {
  writeWhole(path, envelopeText(envelope(payloadType, Buffer.from(text, 'utf8'), [signer])));
}

/** The signed text; undefined unless the file is the very one that {@link writeSigned} makes of it with this key. */
export function readSigned(path: string, payloadType: string, key: KeyObject): string | undefined {
  const read = readEnvelope(path);
  if (read === undefined) return undefined;
  const body = Buffer.from(read.payload, 'base64');
  const sig = Buffer.from(read.signatures[0]?.sig ?? '', 'base64');
  const written: Envelope = {
    payload: body.toString('base64'),
    payloadType,
    signatures: [{ keyid: fingerprintOf(key), sig: sig.toString('base64') }],
  };
  if (canonicalize(read) !== canonicalize(written)) return undefined;
  return isSignedBy(key, preAuthEncoding(payloadType, body), sig) ? body.toString('utf8') : undefined;
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
