/**
 * Certificates issued by a test key that is an authority of the device: only what was asked for is wrong with them.
 *
 * Source: RFC 5280, 4.1.
 */

import { bytesSource } from '../../byte-source.ts';
import { derBytes, encodeDer, encodeDerOid } from '../../codec/der.ts';
import { editDer } from '../../codec/der-edit.ts';
import { reissued, type CmsSigningKey, type Random } from '../../crypto/cms-sign.ts';
import { oids } from '../../crypto/oids.ts';
import { keyLike, publicHalf } from '../../crypto/sign-digest.ts';
import { readCertificate } from '../../crypto/x509.ts';
import type { TestKey } from '../../trust.ts';

export interface Wanted {
  /** UTCTime, `YYMMDDHHMMSSZ`. */
  notBefore: string;
  notAfter: string;
  /** OID of the extended key usage. */
  purpose: string;
}

/** Valid whenever this program runs. */
export const timeless = { notBefore: '200101000000Z', notAfter: '491231235959Z' };

/**
 * A new key with a certificate by the test key. Name and public key's kind are those of the template.
 *
 * @returns undefined when the test key or the template is of no use for it
 */
export function issued(
  template: Uint8Array,
  testKey: TestKey,
  wanted: Wanted,
  random: Random,
): CmsSigningKey | undefined {
  const [authority] = testKey.chain.map((der) => readCertificate(der));
  const read = readCertificate(template);
  const extensions = read?.nodes.extensions;
  if (testKey.kind !== 'classic' || authority === undefined || extensions === undefined) return undefined;
  const privateKey = read?.publicKey && keyLike(read.publicKey, (bytes) => random('issued key', bytes));
  if (read === undefined || privateKey === undefined) return undefined;
  const time = (text: string): Buffer => encodeDer(0x17, Buffer.from(text));
  const serial = Buffer.concat([Buffer.of(0x40), Buffer.from(random('serial', 15))]);
  const edited = editDer(
    bytesSource(read.der),
    read.nodes.root,
    new Map([
      [read.nodes.serial, encodeDer(0x02, serial)],
      [read.nodes.issuer, derBytes(bytesSource(authority.der), authority.nodes.subject)],
      [read.nodes.validity, encodeDer(0x30, time(wanted.notBefore), time(wanted.notAfter))],
      [extensions, extensionsFor(wanted.purpose)],
    ]),
  );
  const renamed = readCertificate(edited);
  if (renamed === undefined) return undefined;
  const by = { privateKey: testKey.key, subjectKey: publicHalf(privateKey), issuer: 'kept' } as const;
  const certificate = reissued(renamed, by);
  return { privateKey, certificate, chain: [certificate, ...testKey.chain] };
}

/** No authority, for signatures, for one purpose. */
function extensionsFor(purpose: string): Buffer {
  const extension = (oid: string, critical: boolean, value: Buffer): Buffer =>
    encodeDer(
      0x30,
      encodeDerOid(oid),
      critical ? encodeDer(0x01, Buffer.of(0xff)) : Buffer.alloc(0),
      encodeDer(0x04, value),
    );
  return encodeDer(
    0xa3,
    encodeDer(
      0x30,
      extension(oids.basicConstraints, true, encodeDer(0x30)),
      extension(oids.keyUsage, true, encodeDer(0x03, Buffer.of(7, 0x80))),
      extension(oids.extendedKeyUsage, false, encodeDer(0x30, encodeDerOid(purpose))),
    ),
  );
}

/** Whether the test key's own certificate may issue others. */
export function isAuthority(testKey: TestKey | undefined): boolean {
  const [der] = testKey?.chain ?? [];
  return der !== undefined && readCertificate(der)?.basicConstraints?.ca === true;
}
