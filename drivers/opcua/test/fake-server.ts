/** A small OPC UA server for tests: variables, methods, events, a file, a software update. */

import { createRequire } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as CertificateManagerModule from 'node-opcua-certificate-manager';
import type * as ServerModule from 'node-opcua-server';
import { loadOpcUa } from '../library.ts';
import { populate } from './fake-nodes.ts';

const require = createRequire(import.meta.url);

export const namespaceUri = 'urn:fieldproof:opcua-driver-test';
export const operator = { name: 'operator', password: 'operate-test' } as const;
/** The longest ByteString that the server takes in one Write of its file. */
export const imageLimitBytes = 200_000;

/** What happened inside the server, for assertions. */
export interface Inside {
  file: Buffer;
  committed: Buffer[];
  writes: number[];
  installed: unknown[][];
  confirmed: number;
  commands: Buffer[];
}

export interface FakeServer {
  port: number;
  inside: Inside;
  /** Raises a BaseEventType event on the Server object. */
  raise(source: string, message: string, severity?: number): void;
  setValue(value: number): void;
  /** Client certificates of people that the server accepts for login. */
  trustUser(certificate: Uint8Array): Promise<void>;
  /** Distrusts every client certificate that it does not know, from now on. */
  strict(on: boolean): void;
  /** What CloseAndCommit does with a file: a status name to refuse, or nothing. */
  onCommit: (file: Buffer) => string | undefined;
  /** Name the completion state machine instead of answering at once. */
  asynchronous: boolean;
  /** What Loading.ErrorMessage says. */
  errorMessage: string;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/**
 * Starts the server; two seconds, so once per test file.
 *
 * @param sessionsWithoutSecurity false: without security it tells its endpoints, and no more
 */
export async function startFakeServer({ sessionsWithoutSecurity = true } = {}): Promise<FakeServer> {
  const { ua } = loadOpcUa(); // silences the printing, which both halves share
  const opcua = require('node-opcua-server') as typeof ServerModule;
  const { OPCUACertificateManager } =
    require('node-opcua-certificate-manager') as typeof CertificateManagerModule;
  const folder = await mkdtemp(join(tmpdir(), 'opcua-server-'));
  const manager = (name: string, accept: boolean) =>
    new OPCUACertificateManager({
      rootFolder: join(folder, name),
      automaticallyAcceptUnknownCertificate: accept,
      disableFileWatchers: true,
    });
  const serverManager = manager('pki', true);
  const userManager = manager('users', false);
  await serverManager.initialize();
  await userManager.initialize();
  const port = await freePort();
  const { MessageSecurityMode: Mode, SecurityPolicy: Policy } = ua;
  const server = new opcua.OPCUAServer({
    port,
    hostname: '127.0.0.1',
    serverCertificateManager: serverManager,
    userCertificateManager: userManager,
    securityModes: [...(sessionsWithoutSecurity ? [Mode.None] : []), Mode.Sign, Mode.SignAndEncrypt],
    securityPolicies: [
      ...(sessionsWithoutSecurity ? [Policy.None] : []),
      Policy.Basic256Sha256,
      Policy.Aes128_Sha256_RsaOaep,
      Policy.Aes256_Sha256_RsaPss,
    ],
    allowAnonymous: true,
    userManager: {
      isValidUser: (name: string, password: string) =>
        name === operator.name && password === operator.password,
    },
    disableDiscovery: sessionsWithoutSecurity, // it keeps discovery on channels without security apart
    serverInfo: { applicationUri: 'urn:fieldproof:opcua-driver-test-server' },
  });
  await server.initialize();
  const fake = populate(ua, server, port);
  await server.start();
  fake.trustUser = async (certificate) => userManager.trustCertificate(Buffer.from(certificate));
  fake.strict = (on) => void (serverManager.automaticallyAcceptUnknownCertificate = !on);
  fake.stop = async () => {
    await server.shutdown(0);
    await rm(folder, { recursive: true, force: true });
  };
  return fake;
}
