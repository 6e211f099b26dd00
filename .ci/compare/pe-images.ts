/** Unsigned PE images and certificates by openssl, for the tools that sign them. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPe } from '../../harness/image/formats/pe/test/builder.ts';
import type { TestKey } from '../../harness/image/trust.ts';
import { must } from './run-tool.ts';

/** Paths of PEM files. */
export interface SignerFiles {
  root: string;
  rootKey: string;
  /** Issued by the root, for code signing. */
  certificate: string;
  key: string;
  /** Self-signed, of somebody else. */
  otherCertificate: string;
  otherKey: string;
}

export function signerFiles(folder: string): SignerFiles {
  const at = (name: string): string => join(folder, name);
  selfSigned(at('root.pem'), at('root.key'), '/CN=Compare Root', [
    ...['-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  selfSigned(at('other.pem'), at('other.key'), '/CN=Other', ['-addext', 'extendedKeyUsage=codeSigning']);
  writeFileSync(
    at('signer.ext'),
    'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n',
  );
  must('openssl', [
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('signer.key'), '-out', at('signer.csr')],
    ...['-subj', '/CN=Compare Signer'],
  ]);
  must('openssl', [
    ...['x509', '-req', '-in', at('signer.csr'), '-CA', at('root.pem'), '-CAkey', at('root.key')],
    ...['-set_serial', '17', '-days', '3650', '-extfile', at('signer.ext'), '-out', at('signer.pem')],
  ]);
  return {
    root: at('root.pem'),
    rootKey: at('root.key'),
    certificate: at('signer.pem'),
    key: at('signer.key'),
    otherCertificate: at('other.pem'),
    otherKey: at('other.key'),
  };
}

function selfSigned(certificate: string, key: string, subject: string, extensions: readonly string[]): void {
  must('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', subject],
    ...['-keyout', key, '-out', certificate, ...extensions],
  ]);
}

/** The signer, or the authority that issued its certificate. */
export function testKeyOf(files: SignerFiles, which: 'signer' | 'authority'): TestKey {
  const [certificate, key] =
    which === 'signer' ? [files.certificate, files.key] : [files.root, files.rootKey];
  return {
    kind: 'classic',
    key: createPrivateKey(readFileSync(key)),
    chain: [new X509Certificate(readFileSync(certificate)).raw],
    name: which,
  };
}

/** Paths of unsigned images. */
export function peImages(folder: string): { base: string; older: string; small: string } {
  const written = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  return {
    base: written('base.efi', buildPe()),
    older: written('older.efi', buildPe({ timestamp: 1_600_000_000 })),
    small: written('small.efi', buildPe({ plus: false, overlay: Buffer.alloc(16, 1) })),
  };
}
