/** Certificates with their keys, as a board file names them: of a person who logs in, or of our own application. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DriverError } from '../../harness/errors.ts';
import type { PkiPaths } from './pki.ts';
import type { OpcUaSettings } from './settings.ts';

/**
 * The paths with the board file's own application certificate in them, if it names one.
 *
 * @throws DriverError naming the file that cannot be used
 */
export async function ownKeys(
  paths: PkiPaths,
  { clientCertificate: own }: Pick<OpcUaSettings, 'clientCertificate'>,
  boardDir: string,
): Promise<PkiPaths> {
  if (own === undefined) return paths;
  await readKeyPair(own, boardDir);
  return {
    ...paths,
    certificateFile: resolve(boardDir, own.certificateFile),
    privateKeyFile: resolve(boardDir, own.keyFile),
  };
}

/** @throws DriverError naming the file that cannot be used */
export async function readKeyPair(
  pair: { certificateFile: string; keyFile: string },
  boardDir: string,
): Promise<{ certificate: Buffer; privateKey: string }> {
  const certificate = await readWith(
    resolve(boardDir, pair.certificateFile),
    (bytes) => new X509Certificate(bytes),
  );
  const key = await readWith(resolve(boardDir, pair.keyFile), (bytes) => createPrivateKey(bytes));
  if (!certificate.checkPrivateKey(key)) {
    throw new DriverError('key-mismatch', `${pair.keyFile} is not the key of ${pair.certificateFile}`);
  }
  return { certificate: certificate.raw, privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string };
}

async function readWith<T>(path: string, parse: (bytes: Buffer) => T): Promise<T> {
  try {
    return parse(await readFile(path));
  } catch (error) {
    throw new DriverError('bad-certificate', `${path} cannot be used as a certificate or its key`, {
      cause: error,
      hint: 'certificateFile takes PEM or DER, keyFile an unencrypted PEM key; paths start at the board file.',
    });
  }
}
