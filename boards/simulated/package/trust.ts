/** What is burnt into the model that takes packages: root certificates, names of signers, how many must sign. */

import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { dataPath } from '../paths.ts';
import { readCertificate, type Certificate } from './certificate.ts';

export interface PackageTrust {
  roots: readonly Certificate[];
  /** Common names that a signer may have. */
  signerNames: readonly string[];
  /** How many different keys must have signed. */
  signers: number;
}

/** Settings of the model, from its command line. */
export interface PackageModel {
  signers: number;
  /** Trusts the public test authority beside the vendor's root. */
  testKey: boolean;
}

export const SIGNER_NAMES: readonly string[] = ['SG-1 Release', 'SG-1 Security'];

export function loadTrust(model: PackageModel): PackageTrust {
  const files = ['packages-root.pem', ...(model.testKey ? ['packages-test-authority.pem'] : [])];
  return { roots: files.map(certificateIn), signerNames: SIGNER_NAMES, signers: model.signers };
}

/** The certificate of a PEM file, which may hold its key too. */
function certificateIn(file: string): Certificate {
  const text = readFileSync(dataPath('keys', file), 'latin1');
  const [block = ''] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text) ?? [];
  return readCertificate(new X509Certificate(block).raw);
}
