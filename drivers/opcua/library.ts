/**
 * The one place that loads node-opcua-client: late (430 ms, 60 MB), silent, and without asking the network.
 */

import { createRequire } from 'node:module';
import type * as NodeDns from 'node:dns';
import type * as OpcUaClientModule from 'node-opcua-client';
import type * as TransportModule from 'node-opcua-transport';

/** node-opcua as this driver uses it. */
export interface OpcUaLibrary {
  ua: typeof OpcUaClientModule;
  transport: typeof TransportModule;
}

const require = createRequire(import.meta.url);
let loaded: OpcUaLibrary | undefined;

/** Loads node-opcua at the first call; later calls are free. */
export function loadOpcUa(): OpcUaLibrary {
  loaded ??= load();
  return loaded;
}

/**
 * node-opcua-crypto sets OPENSSL_CONF around each private key that it reads, and puts back `undefined`, which the
 * environment takes as a word: every openssl that this process starts afterwards, a lab's switch for one, would look
 * for a file of that name.
 */
export function mendEnvironment(): void {
  if (process.env['OPENSSL_CONF'] === 'undefined') delete process.env['OPENSSL_CONF'];
}

/** True once something needed node-opcua: a bench without OPC UA sessions must never pay for it. */
export function opcUaIsLoaded(): boolean {
  return loaded !== undefined;
}

function load(): OpcUaLibrary {
  const ua = withoutNameLookup(() => require('node-opcua-client') as typeof OpcUaClientModule);
  // A dependency of node-opcua-client, so resolved from there and not from wherever npm hoisted it.
  const nested = createRequire(require.resolve('node-opcua-client'));
  const transport = nested('node-opcua-transport') as typeof TransportModule;
  // It prints warnings with whole certificates to stdout, where reports are written.
  const nothing = (): void => {};
  ua.setLogLevel(ua.LogLevel.Emergency);
  ua.setErrorLogger(nothing);
  ua.setWarningLogger(nothing);
  ua.setDebugLogger(nothing);
  return { ua, transport };
}

/**
 * node-opcua-hostname looks up the own host name while it is imported, and the process cannot end before the
 * resolver gives up: seconds on a bench without DNS. During the import, which is synchronous, the look-up fails
 * at once; the package then uses os.hostname(), and remembers it.
 */
function withoutNameLookup<T>(work: () => T): T {
  const dns = require('node:dns') as { -readonly [K in keyof typeof NodeDns]: (typeof NodeDns)[K] };
  const real = dns.lookup;
  const refuse = (...args: unknown[]): void => {
    const callback = args.at(-1);
    if (typeof callback === 'function') process.nextTick(callback, new Error('name look-up is switched off'));
  };
  dns.lookup = refuse as unknown as typeof real;
  try {
    return work();
  } finally {
    dns.lookup = real;
  }
}
