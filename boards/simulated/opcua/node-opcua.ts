/**
 * node-opcua, loaded in the way that costs least.
 *
 * `require` takes about 0.4 s where `import()` takes 1.5 s (measured, 2.182.2 on Node 20). Two things that loading
 * starts by itself are kept from running: on Node 20 node-opcua-secure-channel makes a 4096-bit RSA key only to
 * warn about PKCS#1 v1.5 (dist/source/index.js:33, verify_pcks1.js), which costs up to seconds of a core and
 * delays the exit; and node-opcua-hostname looks up the own host name, which without DNS delays start and exit.
 */

import crypto from 'node:crypto';
import dns from 'node:dns';
import { createRequire } from 'node:module';
import net from 'node:net';
import type * as Client from 'node-opcua-client';
import type * as Certificates from 'node-opcua-certificate-manager';
import type * as Nodesets from 'node-opcua-nodesets';
import type * as Server from 'node-opcua-server';

export type OPCUAServer = Server.OPCUAServer;
export type AddressSpace = NonNullable<NonNullable<OPCUAServer['engine']>['addressSpace']>;
export type Namespace = ReturnType<AddressSpace['getNamespace']>;
export type UAObject = ReturnType<Namespace['addObject']>;
export type UAVariable = ReturnType<Namespace['addVariable']>;
export type UAMethod = ReturnType<Namespace['addMethod']>;

/** Of node-opcua-secure-channel: puts the chunks of one peer together; one per channel. */
export interface MessageBuilder {
  on(event: 'invalid_sequence_number', listener: (expected: number, got: number) => void): unknown;
  _read_headersEx(stream: unknown): boolean | Promise<boolean>;
}

/** Of node-opcua-chunkmanager. */
export interface SequenceHeader {
  sequenceNumber: number;
  decode(stream: unknown): void;
}

export interface SecureChannelParts {
  MessageBuilder: { prototype: MessageBuilder };
  SequenceHeader: { prototype: SequenceHeader };
}

/** The parts of node-opcua's logging that can be silenced. */
interface Logging {
  setDebugLogger(log: () => void): void;
  setWarningLogger(log: () => void): void;
  setErrorLogger(log: () => void): void;
  setTraceLogger(log: () => void): void;
}

export interface Library extends SecureChannelParts {
  server: typeof Server;
  /** The types and constants: Variant, StatusCodes, … */
  ua: typeof Client;
  certificates: typeof Certificates;
  nodesets: typeof Nodesets.nodesetImages;
}

/**
 * Loads node-opcua. To be called once, in a process of its own: name look-ups are switched off in it.
 *
 * @param verbose Leaves node-opcua's own messages (whole certificates among them) on the console.
 */
export function loadNodeOpcua(verbose: boolean): Library {
  const here = createRequire(import.meta.url);
  switchOffNameLookups();
  const server = withoutKeyGeneration(() => here('node-opcua-server') as typeof Server);
  const ofServer = createRequire(here.resolve('node-opcua-server'));
  const channelPath = ofServer.resolve('node-opcua-secure-channel');
  const channel = ofServer(channelPath) as Pick<SecureChannelParts, 'MessageBuilder'>;
  const chunks = createRequire(channelPath)('node-opcua-chunkmanager') as Pick<
    SecureChannelParts,
    'SequenceHeader'
  >;
  if (!verbose) silence(ofServer('node-opcua-debug') as Logging);
  return {
    server,
    ua: here('node-opcua-client') as typeof Client,
    certificates: here('node-opcua-certificate-manager') as typeof Certificates,
    nodesets: (here('node-opcua-nodesets') as typeof Nodesets).nodesetImages,
    MessageBuilder: channel.MessageBuilder,
    SequenceHeader: chunks.SequenceHeader,
  };
}

/** Runs `load` while RSA keys cannot be made: the request for one stays open, and holds nothing. */
export function withoutKeyGeneration<T>(load: () => T): T {
  const subtle = crypto.webcrypto.subtle;
  Object.defineProperty(subtle, 'generateKey', { value: () => new Promise(() => {}), configurable: true });
  try {
    return load();
  } finally {
    Reflect.deleteProperty(subtle, 'generateKey');
  }
}

/** The module speaks on 127.0.0.1 only; every name is unknown, at once. */
function switchOffNameLookups(): void {
  const lookup = dns.lookup;
  const onlyAddresses = (host: string, ...rest: unknown[]): void => {
    if (net.isIP(host) !== 0) {
      Reflect.apply(lookup, dns, [host, ...rest]);
      return;
    }
    const callback = rest.at(-1) as (error: Error) => void;
    const unknown = Object.assign(new Error(`names are not looked up here: ${host}`), { code: 'ENOTFOUND' });
    process.nextTick(callback, unknown);
  };
  Object.assign(dns, { lookup: onlyAddresses });
}

function silence(logging: Logging): void {
  const nothing = (): void => {};
  logging.setDebugLogger(nothing);
  logging.setTraceLogger(nothing);
  logging.setWarningLogger(nothing);
  logging.setErrorLogger(nothing);
}
