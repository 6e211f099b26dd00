/**
 * The communication module for OPC UA: a process of its own, started when the first client connects.
 *
 * The device owns the public port and passes bytes through, so that a bench without OPC UA clients pays nothing.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { type DeviceTimes } from './device-options.ts';
import { type Gateway } from './gateway.ts';
import { versionText } from './mcuboot-image.ts';
import { listenPatiently } from './modbus-tcp.ts';
import { answerCall, type ModuleMessage } from './opcua-calls.ts';
import { nodeArgumentsFor } from './paths.ts';
import { type ProcessList } from './process-list.ts';

const STATE_EVERY_MS = 100;
/** Lets the answer to an activation reach the client before the device restarts. */
const RESET_AFTER_MS = 150;

export interface OpcuaOptions {
  publicPort: number;
  times: Pick<DeviceTimes, 'confirmWithinMs' | 'stalledAfterMs'>;
  /** Folder for the module's certificates and trust list. */
  stateDir: string;
  /** Module to run instead of the real one, for tests: path of a script. */
  script?: string;
}

const IDENTITY = {
  vendor: 'Fieldproof Reference Devices',
  model: 'SG-1',
  hardware: 'C',
  serial: 'SG1-000042',
} as const;

export class OpcuaModule {
  readonly #gateway: Gateway;
  readonly #processes: ProcessList;
  readonly #options: OpcuaOptions;
  #child: ChildProcess | undefined;
  #port: number | undefined;
  #fingerprint: string | undefined;
  #waiting: Socket[] = [];
  #asking: ((fingerprint: string | undefined) => void)[] = [];

  constructor(gateway: Gateway, processes: ProcessList, options: OpcuaOptions, onListening: () => void) {
    this.#gateway = gateway;
    this.#processes = processes;
    this.#options = options;
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#client(socket));
    listenPatiently(server, options.publicPort, onListening);
    gateway.alarms.onAlarm((alarm) => {
      this.#send({ type: 'alarm', sequence: alarm.sequence, object: alarm.object, text: alarm.text });
      this.#sendState();
    });
  }

  /**
   * SHA-1 thumbprint of the module's certificate; starts the module if it does not run yet.
   *
   * @param then gets undefined when the module cannot be started
   */
  fingerprint(then: (fingerprint: string | undefined) => void): void {
    if (this.#child === undefined) this.#start();
    if (this.#fingerprint === undefined) this.#asking.push(then);
    else then(this.#fingerprint);
  }

  /** Ends the module with the device. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #client(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#gateway.hung) return;
    if (this.#child === undefined) this.#start();
    if (this.#port === undefined) this.#waiting.push(socket);
    else bridge(socket, this.#port);
  }

  #start(): void {
    const { script, stateDir, publicPort } = this.#options;
    const child = spawn(
      process.execPath,
      script === undefined ? nodeArgumentsFor('opcua/server') : [script],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    );
    this.#child = child;
    this.#processes.allow(child.pid);
    child.on('error', () => this.#ended(child));
    child.on('exit', () => this.#ended(child));
    child.on('message', (message) => this.#receive(message as ModuleMessage));
    const defects = [...this.#gateway.defects];
    const { confirmWithinMs, stalledAfterMs } = this.#options.times;
    this.#send({
      type: 'start',
      stateDir,
      publicPort,
      identity: IDENTITY,
      confirmWithinMs,
      stalledAfterMs,
      defects,
    });
    this.#sendState();
    const timer = setInterval(() => this.#sendState(), STATE_EVERY_MS);
    child.once('exit', () => clearInterval(timer));
  }

  /** A module that dies is started again for the next client. */
  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#port = undefined;
    this.#tellFingerprint(undefined);
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #receive(message: ModuleMessage): void {
    if (this.#gateway.hung) return;
    if (message.type === 'listening') {
      this.#port = message.port;
      this.#tellFingerprint(message.fingerprint);
      for (const socket of this.#waiting.splice(0)) bridge(socket, message.port);
    } else if (message.type === 'log') {
      this.#gateway.log.append(message.event, message.object, message.result, message.text);
    } else {
      const answer = answerCall(this.#gateway, message);
      if (this.#gateway.hung) return;
      this.#sendState();
      this.#send({ type: 'result', id: message.id, ...answer.result }, () => {
        if (answer.reset === true) setTimeout(() => this.#gateway.reset(), RESET_AFTER_MS);
      });
    }
  }

  #tellFingerprint(fingerprint: string | undefined): void {
    this.#fingerprint = fingerprint;
    for (const answer of this.#asking.splice(0)) answer(fingerprint);
  }

  #sendState(): void {
    const { running, floor, updater, commands, alarms, process: value, hung } = this.#gateway;
    if (this.#child === undefined || running === undefined || hung) return;
    this.#send({
      type: 'state',
      state: {
        version: this.#gateway.versionText ?? versionText(running.version),
        digest: running.digest,
        securityCounter: floor.value,
        confirmation: updater.confirmation,
        processValue: value.bar,
        setpoint: commands.setpoint,
        effects: commands.effects,
        activeAlarms: alarms.activeBits,
        alarmSequence: alarms.sequence,
        pendingVersion: updater.stagedVersion ?? null,
      },
    });
  }

  #send(message: object, sent: () => void = () => undefined): void {
    if (this.#child?.connected === true) this.#child.send(message, () => sent());
  }
}

function bridge(client: Socket, port: number): void {
  const server = connect({ port, host: '127.0.0.1', noDelay: true });
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroySoon());
  client.pipe(server);
  server.pipe(client);
}
