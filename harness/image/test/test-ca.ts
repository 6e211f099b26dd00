/**
 * A miniature certificate authority for tests: root, intermediates, and signers with one thing wrong each. Certificates
 * by @peculiar/x509; nothing here is shared with the code under test.
 */

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { KeyObject, webcrypto } from 'node:crypto';

export type TestKeyKind = 'p256' | 'p384' | 'p521' | 'rsa2048' | 'ed25519';

/** A certificate with its private key and the way up. */
export interface TestSigner {
  certificate: Buffer;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Its own certificate, then the intermediates; not the root. */
  chain: readonly Buffer[];
}

export interface TestAuthority {
  root: TestSigner;
  intermediate: TestSigner;
  /** Signed by the root like the intermediate, and named otherwise. */
  sibling: TestSigner;
  valid: TestSigner;
  /** Another valid one of the same intermediate. */
  other: TestSigner;
  /** Issued by the root itself. */
  direct: TestSigner;
  expired: TestSigner;
  notYetValid: TestSigner;
  /** For TLS servers. */
  wrongPurpose: TestSigner;
  revoked: TestSigner;
  /** Below an authority that the intermediate, with its path length 0, must not have. */
  tooDeep: TestSigner;
  /** Issued by a certificate that is no authority. */
  byNoAuthority: TestSigner;
  ofSibling: TestSigner;
  /** DER, by the intermediate; `revoked` is on it. */
  crl: Buffer;
}

const year = 365 * 24 * 3600_000;

/** A key pair that node:crypto and webcrypto both hold. */
async function keyPair(kind: TestKeyKind): Promise<webcrypto.CryptoKeyPair> {
  const uses: webcrypto.KeyUsage[] = ['sign', 'verify'];
  const made = await (kind === 'rsa2048'
    ? webcrypto.subtle.generateKey(
        {
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: 'SHA-256',
        },
        true,
        uses,
      )
    : kind === 'ed25519'
      ? webcrypto.subtle.generateKey({ name: 'Ed25519' }, true, uses)
      : webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: `P-${kind.slice(1)}` }, true, uses));
  return made as webcrypto.CryptoKeyPair;
}

interface Wanted {
  name: string;
  kind: TestKeyKind;
  from?: Date;
  to?: Date;
  /** Path length, or true for any: an authority. */
  authority?: number | true;
  purpose?: string;
  serial: string;
}

interface Made extends TestSigner {
  keys: webcrypto.CryptoKeyPair;
  name: string;
}

function algorithmOf(key: webcrypto.CryptoKey): { name: string; hash?: string } {
  return key.algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash: 'SHA-256' } : { name: key.algorithm.name };
}

async function issue(wanted: Wanted, issuer?: Made): Promise<Made> {
  const keys = await keyPair(wanted.kind);
  const name = `CN=${wanted.name}, O=Fieldproof Test`;
  const by = issuer ?? { keys, name };
  const now = Date.now();
  const extensions: x509.Extension[] = [
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(by.keys.publicKey),
  ];
  if (wanted.authority !== undefined) {
    const length = wanted.authority === true ? undefined : wanted.authority;
    extensions.push(
      new x509.BasicConstraintsExtension(true, length, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    );
  } else {
    extensions.push(
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(wanted.purpose?.split(' ') ?? [codeSigning, emailProtection]),
    );
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: wanted.serial,
    subject: name,
    issuer: by.name,
    notBefore: wanted.from ?? new Date(now - year),
    notAfter: wanted.to ?? new Date(now + 10 * year),
    publicKey: keys.publicKey,
    signingKey: by.keys.privateKey,
    signingAlgorithm: algorithmOf(by.keys.privateKey),
    extensions,
  });
  const der = Buffer.from(certificate.rawData);
  return {
    certificate: der,
    privateKey: KeyObject.from(keys.privateKey),
    publicKey: KeyObject.from(keys.publicKey),
    chain: [der, ...(issuer === undefined || issuer.chain.length === 0 ? [] : issuer.chain)],
    keys,
    name,
  };
}

export const codeSigning = '1.3.6.1.5.5.7.3.3';
export const emailProtection = '1.3.6.1.5.5.7.3.4';

/** @param kind of the keys of root, intermediate, `valid` and `other`; the others' are P-256 */
export async function makeTestAuthority(kind: TestKeyKind = 'p256'): Promise<TestAuthority> {
  const now = Date.now();
  const root = { ...(await issue({ name: 'Root', kind, authority: true, serial: '01' })), chain: [] };
  const intermediate = await issue({ name: 'Release CA', kind, authority: 0, serial: '02' }, root);
  const sibling = await issue({ name: 'Other Product CA', kind: 'p256', authority: 0, serial: '03' }, root);
  const signer = (
    name: string,
    serial: string,
    more: Partial<Wanted> = {},
    by = intermediate,
  ): Promise<Made> => issue({ name, kind: 'p256', serial, ...more }, by);
  const deep = await signer('Deep CA', '10', { authority: 0 });
  const valid = await signer('Release Signer', '11', { kind });
  const revoked = await signer('Revoked Signer', '12');
  return {
    root,
    intermediate,
    sibling,
    valid,
    other: await signer('Other Signer', '13', { kind }),
    direct: await signer('Direct Signer', '14', {}, root),
    expired: await signer('Expired Signer', '15', {
      from: new Date(now - 3 * year),
      to: new Date(now - year),
    }),
    notYetValid: await signer('Future Signer', '16', { from: new Date(now + year) }),
    wrongPurpose: await signer('TLS Server', '17', { purpose: '1.3.6.1.5.5.7.3.1' }),
    revoked,
    tooDeep: await signer('Too Deep Signer', '18', {}, deep),
    byNoAuthority: await signer('Signer of a Signer', '19', {}, valid),
    ofSibling: await signer('Other Product Signer', '1a', {}, sibling),
    crl: await revocationList(intermediate, '12'),
  };
}

async function revocationList(issuer: Made, serialNumber: string): Promise<Buffer> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: issuer.name,
    thisUpdate: new Date(Date.now() - year),
    nextUpdate: new Date(Date.now() + 10 * year),
    entries: [{ serialNumber, revocationDate: new Date(Date.now() - year / 2) }],
    signingAlgorithm: algorithmOf(issuer.keys.privateKey),
    signingKey: issuer.keys.privateKey,
  });
  return Buffer.from(crl.rawData);
}
