/**
 * For tests: the module in a process of its own, with the test in the place of the device: it answers the calls and
 * passes the bytes of the public port, and can repeat or replay them on the way.
 */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Client from 'node-opcua-client';
import type * as Certificates from 'node-opcua-certificate-manager';
import { splitChunks } from './fixture-chunks.ts';
import {
  type CallMessage,
  type DeviceMessage,
  type GatewayState,
  type ListeningMessage,
  type ModuleMessage,
  type ResultMessage,
} from './ipc.ts';
import { withoutKeyGeneration } from './node-opcua.ts';

const require = createRequire(import.meta.url);
export const ua = withoutKeyGeneration(() => require('node-opcua-client') as typeof Client);
const { OPCUACertificateManager } = require('node-opcua-certificate-manager') as typeof Certificates;

/** Far beyond what a slow, busy machine needs: reached only when something is broken. */
const patienceMs = 40_000;

export const someState: GatewayState = {
  version: '1.2.0+0',
  digest: 'ab'.repeat(32),
  securityCounter: 5,
  confirmation: 'confirmed',
  processValue: 2.5,
  setpoint: -100,
  effects: 3,
  activeAlarms: 0b10,
  alarmSequence: 7,
  pendingVersion: null,
};

export type Answer = (call: CallMessage) => Omit<ResultMessage, 'type' | 'id'>;

/** One client connection through the public port. */
export interface Passage {
  /** All that the client has sent, and the last whole message chunk of it. */
  sent: Buffer;
  lastChunk: Buffer | null;
  client: net.Socket;
  server: net.Socket;
  isClosedByServer: boolean;
}

export interface Options {
  defects?: string[];
  stateDir?: string;
  stalledAfterMs?: number;
  answer?: Answer;
}

export class ModuleInTest {
  readonly stateDir: string;
  readonly publicPort: number;
  readonly messages: ModuleMessage[] = [];
  readonly passages: Passage[] = [];
  output = '';
  answer: Answer;
  readonly #child: ChildProcess;
  readonly #gate: net.Server;
  readonly #ownsStateDir: boolean;
  readonly exited: Promise<number | null>;
  #modulePort = 0;

  private constructor(child: ChildProcess, gate: net.Server, stateDir: string, options: Options) {
    this.#child = child;
    this.#gate = gate;
    this.stateDir = stateDir;
    this.#ownsStateDir = options.stateDir === undefined;
    this.publicPort = (gate.address() as net.AddressInfo).port;
    this.answer = options.answer ?? (() => ({ ok: true, result: 1 }));
    this.exited = once(child, 'exit').then(([code]) => code as number | null);
    child.on('message', (message) => this.#receive(message as ModuleMessage));
    child.stdout?.on('data', (data: Buffer) => (this.output += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (this.output += data.toString()));
    gate.on('connection', (client) => this.#pass(client));
  }

  static async start(options: Options = {}): Promise<ModuleInTest> {
    const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'sg1-opcua-')));
    const gate = net.createServer();
    gate.listen(0, '127.0.0.1');
    await once(gate, 'listening');
    const path = fileURLToPath(new URL('server.ts', import.meta.url));
    const child = fork(path, [], { execArgv: ['--import', 'tsx/esm'], silent: true });
    const module = new ModuleInTest(child, gate, stateDir, options);
    try {
      const identity = {
        vendor: 'Fieldproof Reference Devices',
        model: 'SG-1',
        hardware: 'C',
        serial: 'SG1-000042',
      };
      const { publicPort } = module;
      const { defects = [], stalledAfterMs = 60_000 } = options;
      const times = { confirmWithinMs: 15_000, stalledAfterMs };
      module.send({ type: 'start', stateDir, publicPort, identity, ...times, defects });
      module.send({ type: 'state', state: someState });
      const listening = await module.message((message) => message.type === 'listening');
      module.#modulePort = (listening as ListeningMessage).port;
    } catch (error) {
      await module.stop();
      throw error;
    }
    return module;
  }

  get url(): string {
    return `opc.tcp://127.0.0.1:${this.publicPort}`;
  }

  get listening(): ListeningMessage {
    return this.messages.find((message) => message.type === 'listening') as ListeningMessage;
  }

  send(message: DeviceMessage): void {
    if (this.#child.connected) this.#child.send(message);
  }

  show(change: Partial<GatewayState>): void {
    this.send({ type: 'state', state: { ...someState, ...change } });
  }

  /** The first message that is so, once it is there. */
  async message(isIt: (message: ModuleMessage) => boolean): Promise<ModuleMessage> {
    await until(
      () => this.messages.some(isIt) || this.#child.exitCode !== null,
      `a message; the module printed: ${this.output}`,
    );
    const found = this.messages.find(isIt);
    if (found === undefined) throw new Error(`the module ended with ${this.#child.exitCode}: ${this.output}`);
    return found;
  }

  disconnect(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async stop(): Promise<void> {
    this.disconnect();
    const mercy = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await this.exited;
    clearTimeout(mercy);
    for (const { client, server } of this.passages) [client, server].forEach((socket) => socket.destroy());
    this.#gate.close();
    if (this.#ownsStateDir) await rm(this.stateDir, { recursive: true, force: true });
  }

  /** A new connection to the module, past any client. */
  async connect(): Promise<net.Socket> {
    const socket = net.connect(this.#modulePort, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  #receive(message: ModuleMessage): void {
    this.messages.push(message);
    if (message.type === 'call') this.send({ type: 'result', id: message.id, ...this.answer(message) });
  }

  #pass(client: net.Socket): void {
    const server = net.connect(this.#modulePort, '127.0.0.1');
    const passage: Passage = {
      sent: Buffer.alloc(0),
      lastChunk: null,
      client,
      server,
      isClosedByServer: false,
    };
    this.passages.push(passage);
    client.on('data', (data) => {
      passage.sent = Buffer.concat([passage.sent, data]);
      passage.lastChunk = splitChunks(passage.sent).at(-1) ?? null;
      server.write(data);
    });
    server.on('data', (data) => client.write(data));
    server.on('end', () => (passage.isClosedByServer = true));
    for (const [from, to] of [[client, server] as const, [server, client] as const]) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  }
}

export interface Login {
  userName: string;
  password: string;
}
export const operator: Login = { userName: 'operator', password: 'operate-sg1' };
export const engineer: Login = { userName: 'engineer', password: 'engineer-sg1' };

/** Clients of one test file: one key for all of them, all closed at the end. */
export class Clients {
  readonly #folder: Promise<string>;
  readonly #open: Client.OPCUAClient[] = [];
  #manager: InstanceType<typeof OPCUACertificateManager> | null = null;

  constructor() {
    this.#folder = mkdtemp(join(tmpdir(), 'sg1-client-'));
  }

  async connect(url: string, security?: Partial<Client.OPCUAClientOptions>): Promise<Client.OPCUAClient> {
    this.#manager ??= new OPCUACertificateManager({
      rootFolder: await this.#folder,
      disableFileWatchers: true,
      automaticallyAcceptUnknownCertificate: true,
    });
    const client = ua.OPCUAClient.create({
      applicationName: 'test',
      clientCertificateManager: this.#manager,
      securityMode: ua.MessageSecurityMode.SignAndEncrypt,
      securityPolicy: ua.SecurityPolicy.Basic256Sha256,
      endpointMustExist: false,
      keepSessionAlive: false,
      requestedSessionTimeout: 600_000,
      connectionStrategy: { maxRetry: 0, initialDelay: 1, maxDelay: 1 },
      ...security,
    });
    this.#open.push(client);
    await client.connect(url);
    return client;
  }

  async login(
    url: string,
    login: Login,
    security?: Partial<Client.OPCUAClientOptions>,
  ): Promise<Client.ClientSession> {
    const client = await this.connect(url, security);
    return client.createSession({ type: ua.UserTokenType.UserName, ...login });
  }

  async close(): Promise<void> {
    for (const client of this.#open.splice(0)) await client.disconnect().catch(() => {});
    await this.#manager?.dispose();
    await rm(await this.#folder, { recursive: true, force: true });
  }
}

/** Waits for a condition; the deadline only ends a broken test. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The value of a node given by its path. */
export async function valueOf(session: Client.ClientSession, path: string): Promise<unknown> {
  const data = await session.read({ nodeId: `ns=2;s=${path}` });
  return data.value.value as unknown;
}

export async function call(
  session: Client.ClientSession,
  object: string,
  method: string,
  inputArguments: Client.VariantOptions[] = [],
): Promise<{ status: string; outputs: unknown[] }> {
  const result = await session.call({
    objectId: `ns=2;s=${object}`,
    methodId: `ns=2;s=${object}.${method}`,
    inputArguments,
  });
  return {
    status: result.statusCode.name,
    outputs: (result.outputArguments ?? []).map((output) => output.value as unknown),
  };
}
