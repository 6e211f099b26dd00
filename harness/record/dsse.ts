/**
 * Envelopes for signed bytes (DSSE): what is signed is the type and the bytes, never a text that was parsed.
 *
 * Source: DSSE protocol v1.0.2 and envelope v1.0.0 of the Secure Systems Lab; in-toto Attestation, layer "Envelope".
 */

import { canonicalize } from './jcs.ts';
import type { Signer } from './signing.ts';

export interface Signature {
  /** A hint which key it is; nobody may rest anything on it. Ours: the fingerprint. */
  keyid: string;
  /** Standard base64 (RFC 4648, section 4). */
  sig: string;
}

export interface Envelope {
  /** Standard base64 of the signed bytes. */
  payload: string;
  payloadType: string;
  signatures: readonly Signature[];
}

/** The bytes that a signature is over: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, lengths in decimal. */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}

/** @param body kept as it is; signatures stand in the order of their keys' fingerprints, one for each key */
export function envelope(payloadType: string, body: Uint8Array, signers: readonly Signer[]): Envelope {
  const empty = { payload: Buffer.from(body).toString('base64'), payloadType, signatures: [] };
  return withSignatures(empty, signers);
}

/** The same envelope, signed by these as well. A key that has signed it already does not sign twice. */
export function withSignatures(signed: Envelope, signers: readonly Signer[]): Envelope {
  const message = preAuthEncoding(signed.payloadType, Buffer.from(signed.payload, 'base64'));
  const byKey = new Map(signed.signatures.map((signature) => [signature.keyid, signature]));
  for (const signer of signers) {
    const { fingerprint } = signer;
    const sig = Buffer.from(signer.sign(message)).toString('base64');
    if (!byKey.has(fingerprint)) byKey.set(fingerprint, { keyid: fingerprint, sig });
  }
  const signatures = [...byKey.values()].sort((a, b) => (a.keyid < b.keyid ? -1 : 1));
  return { ...signed, signatures };
}

/** The bytes of an envelope in a file: RFC 8785, and LF. */
export function envelopeText(signed: Envelope): string {
  return `${canonicalize(signed)}\n`;
}
