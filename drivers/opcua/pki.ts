/**
 * Keys and certificates of one wire, in `<stateDir>/pki`: our own client certificate, made once, and the server's,
 * remembered or pinned. Nothing of node-opcua's shared PKI in the home directory is used.
 *
 *     pki/own/private/client-key.pem   0600
 *     pki/own/certs/client.pem         the certificate to trust on the device
 *     pki/trusted/certs/server.der     the server's certificate at first use
 */

import { X509Certificate } from 'node:crypto';
import { rm, access, chmod, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DriverError, PortError } from '../../harness/errors.ts';
import type { OpcUaLibrary } from './library.ts';
import type { OpcUaSettings } from './settings.ts';

const keyMode = 0o600;
const folderMode = 0o700;
/** Ten years: a bench is not a place where a certificate should end a campaign. */
const validityDays = 3650;
const dayMs = 24 * 3600 * 1000;

export interface PkiPaths {
  root: string;
  certificateFile: string;
  privateKeyFile: string;
  serverFile: string;
}

export function pkiPaths(stateDir: string): PkiPaths {
  const root = join(stateDir, 'pki');
  return {
    root,
    certificateFile: join(root, 'own', 'certs', 'client.pem'),
    privateKeyFile: join(root, 'own', 'private', 'client-key.pem'),
    serverFile: join(root, 'trusted', 'certs', 'server.der'),
  };
}

/**
 * Makes the folders, for the owner only, and proves that they can be written.
 *
 * @throws DriverError when there is no state folder, PortError when it cannot be written
 */
export async function preparePki(stateDir: string): Promise<PkiPaths> {
  if (stateDir === '')
    throw new DriverError('no-state-folder', 'an OPC UA wire needs a state folder for its keys');
  const paths = pkiPaths(stateDir);
  const folders = [paths.certificateFile, paths.privateKeyFile, paths.serverFile].map((file) =>
    dirname(file),
  );
  try {
    for (const folder of [paths.root, ...folders]) await mkdir(folder, { recursive: true, mode: folderMode });
    await chmod(paths.root, folderMode); // a folder of an earlier umask
    await access(paths.root, constants.W_OK);
  } catch (error) {
    throw new PortError('no-pki-folder', `cannot write the key folder ${paths.root}`, {
      cause: error,
      hint: 'Check the owner and the free space of the state folder.',
    });
  }
  return paths;
}

/**
 * Makes the client's key (RSA 2048) and self-signed certificate unless they exist.
 *
 * @throws DriverError when the certificate that exists was made for another application URI
 */
export async function ensureClientCertificate(
  library: OpcUaLibrary,
  paths: PkiPaths,
  applicationUri: string,
): Promise<void> {
  const existing = await readFile(paths.certificateFile, 'utf8').catch(() => undefined);
  const key = await readFile(paths.privateKeyFile, 'utf8').catch(() => undefined);
  if (existing !== undefined && key !== undefined) return checkUri(existing, paths, applicationUri);
  const made = await selfSigned(library, {
    applicationUri,
    dns: [hostname()],
    subject: '/CN=Fieldproof bench/O=Fieldproof',
    purpose: 'application',
    validityDays,
  });
  await writeWhole(paths.privateKeyFile, made.keyPem, keyMode);
  await writeWhole(paths.certificateFile, made.certificatePem, 0o644);
}

/** node-opcua's key tools; their own types need the DOM's CryptoKey. */
interface KeyTools {
  generatePrivateKey(bits: number): Promise<object>;
  createSelfSignedCertificate(options: Record<string, unknown>): Promise<{ cert: string }>;
  privateKeyToPEM(key: object): Promise<{ privPem: string }>;
}

/** A new RSA 2048 key with a self-signed certificate, both PEM. Valid since yesterday: devices' clocks lag behind. */
export async function selfSigned(
  { ua }: OpcUaLibrary,
  wanted: {
    subject: string;
    purpose: 'application' | 'user';
    validityDays: number;
    applicationUri?: string;
    dns?: readonly string[];
  },
): Promise<{ certificatePem: string; keyPem: string }> {
  const tools = ua.crypto_utils as unknown as KeyTools;
  const { ForApplication, ForUserAuthentication } = ua.crypto_utils.CertificatePurpose;
  const privateKey = await tools.generatePrivateKey(2048);
  const { cert } = await tools.createSelfSignedCertificate({
    privateKey,
    subject: wanted.subject,
    notBefore: new Date(Date.now() - dayMs),
    validity: wanted.validityDays,
    purpose: wanted.purpose === 'user' ? ForUserAuthentication : ForApplication,
    ...(wanted.applicationUri === undefined ? {} : { applicationUri: wanted.applicationUri }),
    ...(wanted.dns === undefined ? {} : { dns: wanted.dns }),
  });
  return { certificatePem: cert, keyPem: (await tools.privateKeyToPEM(privateKey)).privPem };
}

function checkUri(pem: string, paths: PkiPaths, applicationUri: string): void {
  const names = new X509Certificate(pem).subjectAltName ?? '';
  if (names.split(', ').includes(`URI:${applicationUri}`)) return;
  throw new DriverError(
    'other-application-uri',
    `the client certificate ${paths.certificateFile} was made for another application URI (${names}), not for ${applicationUri}`,
    {
      hint: `Remove ${paths.root} to have new keys made (the device must trust them again), or restore the URI.`,
    },
  );
}

/** A file appears whole or not at all, even when the power fails. */
async function writeWhole(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, content, { mode, flush: true });
  await rename(draft, path);
}

/** Thumbprints by which people name certificates: lower-case hex without colons. */
export function thumbprints(der: Uint8Array): { sha1: string; sha256: string } {
  const certificate = new X509Certificate(der);
  const plain = (text: string): string => text.replaceAll(':', '').toLowerCase();
  return { sha1: plain(certificate.fingerprint), sha256: plain(certificate.fingerprint256) };
}

/**
 * The pinned certificate or thumbprint of the settings.
 *
 * @returns DER bytes, or a thumbprint in lower-case hex, or undefined for trust on first use
 * @throws DriverError when the file cannot be read or holds no certificate
 */
export async function readPin(
  settings: Pick<OpcUaSettings, 'trust' | 'serverCertificate'>,
  boardDir: string,
): Promise<Uint8Array | string | undefined> {
  if (settings.trust !== 'pinned') return undefined;
  const pin = settings.serverCertificate;
  if (pin === undefined) {
    throw new DriverError('no-pin', 'trust: pinned needs serverCertificate: a file or a thumbprint');
  }
  const hex = pin.replaceAll(':', '').toLowerCase();
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hex)) return hex;
  const path = resolve(boardDir, pin);
  try {
    return new X509Certificate(await readFile(path)).raw;
  } catch (error) {
    throw new DriverError('bad-pin', `serverCertificate ${path} cannot be read as a certificate`, {
      cause: error,
    });
  }
}

/**
 * Compares the server's certificate with the pin, or with the one seen at first use.
 *
 * @param der the server's certificate, DER
 * @returns `first-use` when nothing is known yet: remember it once the server has proven that it holds the key
 * @throws DriverError on a mismatch, with both thumbprints
 */
export async function checkServerCertificate(
  der: Uint8Array,
  pin: Uint8Array | string | undefined,
  paths: PkiPaths,
): Promise<'pinned' | 'known' | 'first-use'> {
  const offered = thumbprints(der);
  if (typeof pin === 'string') {
    if (pin === offered.sha1 || pin === offered.sha256) return 'pinned';
    throw mismatch(
      offered.sha1,
      pin,
      'Correct serverCertificate in the board file if the device is the right one.',
    );
  }
  const expected = pin ?? (await readFile(paths.serverFile).catch(() => undefined));
  if (expected === undefined) return 'first-use';
  if (Buffer.from(expected).equals(der)) return pin === undefined ? 'known' : 'pinned';
  const next =
    pin === undefined
      ? `Remove ${paths.serverFile} if the device was given new keys on purpose.`
      : 'Correct serverCertificate in the board file if the device is the right one.';
  throw mismatch(offered.sha1, thumbprints(expected).sha1, next);
}

/** Forgets the certificate of a first use, so that the next one counts as the first. */
export async function forgetServerCertificate(paths: PkiPaths): Promise<void> {
  await rm(paths.serverFile, { force: true });
}

/** Keeps the certificate of a first use. */
export async function rememberServerCertificate(der: Uint8Array, paths: PkiPaths): Promise<void> {
  await writeWhole(paths.serverFile, der, keyMode);
}

function mismatch(offered: string, expected: string, hint: string): DriverError {
  return new DriverError(
    'server-certificate-changed',
    `the server's certificate (thumbprint ${offered}) is not the trusted one (${expected})`,
    { data: { offered, expected }, hint },
  );
}
