/**
 * The module's own key and certificate and its trust lists, kept in the state folder from start to start.
 */

import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Library } from './node-opcua.ts';

type CertificateManager = InstanceType<Library['certificates']['OPCUACertificateManager']>;

export interface Pki {
  /** Client certificates; an unknown one is trusted and written down on first use. */
  clients: CertificateManager;
  certificateFile: string;
  privateKeyFile: string;
  /** SHA-1 of the certificate, 40 hexadecimal digits. */
  fingerprint: string;
}

const tenYearsInDays = 3650;

/**
 * Opens the key store, and makes the RSA-2048 key and the self-signed certificate when they are missing.
 */
export async function openPki(
  library: Library,
  stateDir: string,
  applicationUri: string,
  name: string,
): Promise<Pki> {
  const { OPCUACertificateManager } = library.certificates;
  const rootFolder = join(stateDir, 'pki');
  const clients = new OPCUACertificateManager({
    rootFolder,
    keySize: 2048,
    disableFileWatchers: true,
    automaticallyAcceptUnknownCertificate: true,
  });
  await clients.initialize();
  const certificateFile = join(rootFolder, 'own', 'certs', 'certificate.pem');
  if (!existsSync(certificateFile)) {
    await clients.createSelfSignedCertificate({
      applicationUri,
      dns: ['localhost'],
      ip: ['127.0.0.1'],
      subject: `/CN=${name}/O=Fieldproof Reference Devices`,
      startDate: new Date(),
      validity: tenYearsInDays,
      outputFile: certificateFile,
    });
  }
  const fingerprint = createHash('sha1')
    .update(new X509Certificate(readFileSync(certificateFile)).raw)
    .digest('hex');
  return { clients, certificateFile, privateKeyFile: clients.privateKey, fingerprint };
}
