/** The vendor's keys and certificates for packages, from the keys folder; made where they are missing. */

import { createPrivateKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dataPath } from '../paths.ts';
import { issueCertificate, type CertificateRecipe } from './certificates.ts';
import { type Signer } from './sign-description.ts';

export interface PackageAuthority {
  root: Signer;
  intermediate: Signer;
  release: Signer;
  security: Signer;
  /** Not the vendor's: trusted by devices that were built for tests. */
  test: Signer;
}

const NAME = {
  root: 'SG-1 Root CA',
  intermediate: 'SG-1 Package CA',
  release: 'SG-1 Release',
  security: 'SG-1 Security',
  test: 'SG-1 Test CA',
} as const;

export function loadPackageAuthority(): PackageAuthority {
  const root = member('root', { authority: { pathLength: 1 } });
  const intermediate = member('intermediate', { authority: { pathLength: 0 } }, root.key, NAME.root);
  const leaf = (which: 'release' | 'security'): Signer =>
    member(which, {}, intermediate.key, NAME.intermediate);
  return { root, intermediate, release: leaf('release'), security: leaf('security'), test: testAuthority() };
}

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

export function pem(certificate: Buffer): string {
  return new X509Certificate(certificate).toString();
}

/** `packages-root.key.pem` and `packages-root.pem`, and so on. */
function member(
  which: Exclude<keyof typeof NAME, 'test'>,
  more: Pick<CertificateRecipe, 'authority'>,
  issuerKey?: KeyObject,
  issuerName?: string,
): Signer {
  const [keyPath, path] = [
    dataPath('keys', `packages-${which}.key.pem`),
    dataPath('keys', `packages-${which}.pem`),
  ];
  if (!existsSync(keyPath)) writeFileSync(keyPath, newKey().export({ type: 'pkcs8', format: 'pem' }));
  const key = createPrivateKey(readFileSync(keyPath));
  if (!existsSync(path)) {
    const issuer =
      issuerKey === undefined || issuerName === undefined
        ? {}
        : { issuer: { key: issuerKey, name: issuerName } };
    writeFileSync(path, pem(issueCertificate({ name: NAME[which], key, ...issuer, ...more })));
  }
  return { key, certificate: new X509Certificate(readFileSync(path)).raw };
}

/** Key and certificate in one file, as test benches take them. */
function testAuthority(): Signer {
  const path = dataPath('keys', 'packages-test-authority.pem');
  if (!existsSync(path)) {
    const key = newKey();
    const certificate = issueCertificate({ name: NAME.test, key, authority: { pathLength: 0 } });
    writeFileSync(path, `${key.export({ type: 'pkcs8', format: 'pem' }).toString()}${pem(certificate)}`);
  }
  const text = readFileSync(path, 'latin1');
  const certificate = text.slice(text.indexOf('-----BEGIN CERTIFICATE'));
  return { key: createPrivateKey(text), certificate: new X509Certificate(certificate).raw };
}
