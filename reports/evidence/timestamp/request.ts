/** A request for a time-stamp token. */

import { encodeDer, encodeDerInteger, encodeDerOid } from '../../../harness/image/codec/der.ts';

const identifiers = { boolean: 0x01, octetString: 0x04, null: 0x05, sequence: 0x30 } as const;
export const sha256Oid = '2.16.840.1.101.3.4.2.1';

/**
 * `TimeStampReq`, DER, which asks for the authority's certificate.
 *
 * Source: RFC 3161 (August 2001), 2.4.1.
 *
 * @param sha256 32 bytes: the digest to be stamped
 * @param nonce unpredictable, so that an old token cannot answer
 */
export function timeStampRequest(sha256: Uint8Array, nonce: bigint): Buffer {
  const algorithm = encodeDer(identifiers.sequence, encodeDerOid(sha256Oid), encodeDer(identifiers.null));
  return encodeDer(
    identifiers.sequence,
    encodeDerInteger(1n),
    encodeDer(identifiers.sequence, algorithm, encodeDer(identifiers.octetString, sha256)),
    encodeDerInteger(nonce),
    encodeDer(identifiers.boolean, Uint8Array.of(0xff)), // certReq
  );
}
