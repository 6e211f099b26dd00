/**
 * Certificates issued by a test key: with exactly one thing wrong, so that a refusal tells which check was made.
 *
 * Source: RFC 5280, 4.1 and 4.2.1.
 */

import { createHash, type KeyObject } from 'node:crypto';
import { bytesSource } from '../byte-source.ts';
import { derBytes, encodeDer, encodeDerInteger, encodeDerOid } from '../codec/der.ts';
import { algorithmFor, signMessage } from './cms-sign.ts';
import { oids } from './oids.ts';
import { publicHalf } from './sign-digest.ts';
import type { Certificate } from './x509.ts';

export interface Issue {
  issuer: Certificate;
  issuerKey: KeyObject;
  subjectKey: KeyObject;
  /** Common name. */
  name: string;
  /** DER of the whole subject, in place of one that has only the common name. */
  subject?: Uint8Array;
  notBefore: Date;
  notAfter: Date;
  /** OIDs; none for an authority. */
  purposes: readonly string[];
  authority?: boolean;
}

/** DER of a version 3 certificate; its serial number follows from the subject's key. */
export function issueCertificate(issue: Issue): Buffer {
  const spki = publicHalf(issue.subjectKey).export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(spki).digest();
  const algorithm = algorithmFor(issue.issuerKey, 'sha256');
  const tbs = encodeDer(
    0x30,
    encodeDer(0xa0, encodeDerInteger(2n)),
    encodeDerInteger(BigInt(`0x${keyId.subarray(0, 8).toString('hex')}`)),
    algorithm,
    derBytes(bytesSource(issue.issuer.der), issue.issuer.nodes.subject),
    encodeDer(0x30, time(issue.notBefore), time(issue.notAfter)),
    issue.subject ?? commonName(issue.name),
    spki,
    encodeDer(0xa3, encodeDer(0x30, ...extensions(issue, keyId))),
  );
  const signature = signMessage(issue.issuerKey, 'sha256', tbs);
  return encodeDer(0x30, tbs, algorithm, encodeDer(0x03, Buffer.of(0), signature));
}

function extensions({ authority = false, purposes }: Issue, keyId: Buffer): Buffer[] {
  const critical = Buffer.of(0x01, 0x01, 0xff);
  const extension = (oid: string, value: Buffer, ...flags: Buffer[]): Buffer =>
    encodeDer(0x30, encodeDerOid(oid), ...flags, encodeDer(0x04, value));
  // digitalSignature is bit 0, keyCertSign bit 5: of seven unused bits, of two (X.690, 11.2.2).
  const usage = authority ? Buffer.of(0x02, 0x04) : Buffer.of(0x07, 0x80);
  const constraints = authority ? encodeDer(0x30, critical) : encodeDer(0x30);
  return [
    extension(oids.basicConstraints, constraints, critical),
    extension(oids.keyUsage, encodeDer(0x03, usage), critical),
    extension(oids.subjectKeyIdentifier, encodeDer(0x04, keyId)),
    ...(purposes.length === 0
      ? []
      : [extension(oids.extendedKeyUsage, encodeDer(0x30, ...purposes.map(encodeDerOid)))]),
  ];
}

function commonName(name: string): Buffer {
  const attribute = encodeDer(0x30, encodeDerOid('2.5.4.3'), encodeDer(0x0c, Buffer.from(name)));
  return encodeDer(0x30, encodeDer(0x31, attribute));
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const short = at.getUTCFullYear() < 2050;
  return short ? encodeDer(0x17, Buffer.from(digits.slice(2))) : encodeDer(0x18, Buffer.from(digits));
}
