/**
 * An OPC UA wire: lazy about the network and about loading node-opcua, honest about losing either.
 *
 * `open()` checks settings, keys and files. The session is made at the first use, kept, and made again at the next
 * use after a loss or a power cycle; never by itself.
 */

import type { LinkAttack } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import type { Driver, DriverContext, DriverState } from '../../harness/driver.ts';
import { DriverError, PortError, TimeoutError, type BenchError } from '../../harness/errors.ts';
import { Connector } from './connect.ts';
import { meansSessionOver } from './faults.ts';
import { ownKeys, readKeyPair } from './key-pair.ts';
import { loadOpcUa, mendEnvironment, opcUaIsLoaded } from './library.ts';
import type { SessionLink } from './link.ts';
import { OpcUaNodeSpace, type UseLink } from './node-space.ts';
import { forgetServerCertificate, preparePki, readPin, type PkiPaths } from './pki.ts';
import { repeatedSequenceNumber } from './sequence-attack.ts';
import type { OpcUaSettings } from './settings.ts';

interface Opened {
  pki: PkiPaths;
  pin: Uint8Array | string | undefined;
  endpointUrl: string;
  dial: { host: string; port: number };
}

export class OpcUaDriver implements Driver {
  readonly kind = 'opcua';
  readonly name: string;
  readonly settings: OpcUaSettings;
  readonly nodes: OpcUaNodeSpace;
  readonly attacks: readonly LinkAttack[];
  readonly #context: DriverContext;
  #state: DriverState = 'closed';
  #opened: Opened | undefined;
  #link: SessionLink | undefined;
  #connecting: { connector: Connector; link: Promise<SessionLink> } | undefined;

  constructor(settings: OpcUaSettings, context: DriverContext) {
    this.name = context.name;
    this.settings = settings;
    this.#context = context;
    this.nodes = new OpcUaNodeSpace(context.name, this.use);
    this.attacks = settings.tap === undefined ? [] : [this.#sequenceAttack(settings.tap)];
  }

  get state(): DriverState {
    return this.#state;
  }

  get provides(): Readonly<Record<string, string | number>> {
    const opened = this.#opened;
    return opened === undefined
      ? {}
      : { host: opened.dial.host, port: opened.dial.port, url: opened.endpointUrl };
  }

  /**
   * Checks all that can be checked without the device. No connection, no node-opcua.
   *
   * @throws DriverError for settings that do not fit together, PortError when keys cannot be kept
   */
  async open(): Promise<void> {
    if (this.#state === 'open') throw new DriverError('already-open', `${this.name} is open already`);
    const { settings } = this;
    const { boardDir, stateDir } = this.#context;
    const dial = this.#dialAddress();
    const port = settings.port ?? dial.port;
    const pki = await ownKeys(await preparePki(stateDir), settings, boardDir);
    if (settings.trust === 'this-run') await forgetServerCertificate(pki);
    const pin = await readPin(settings, boardDir);
    if (settings.user.kind === 'certificate') await readKeyPair(settings.user, boardDir);
    this.#checkPolicy();
    const host = settings.port === undefined ? dial.host : settings.host;
    this.#opened = { pki, pin, dial, endpointUrl: endpointUrl(host, port, settings.path) };
    this.#state = 'open';
  }

  #checkPolicy(): void {
    const { securityMode, securityPolicy } = this.settings;
    if (securityPolicy === undefined || (securityMode === 'None') === (securityPolicy === 'None')) return;
    throw new DriverError(
      'policy-mode',
      `${this.name}: securityMode ${securityMode} does not go with securityPolicy ${securityPolicy}`,
      { hint: 'None goes with None; Sign and SignAndEncrypt need one of the other policies.' },
    );
  }

  #dialAddress(): { host: string; port: number } {
    const { tap, host, port } = this.settings;
    if (tap === undefined) {
      if (port !== undefined) return { host, port };
      throw new DriverError('no-port', `${this.name}: the settings name no port`, {
        hint: 'Set port (4840 is usual), or take it from another wire with !from.',
      });
    }
    const provides = this.#context.dependency(tap).provides ?? {};
    const { host: tapHost = '127.0.0.1', port: tapPort } = provides;
    if (typeof tapPort === 'number') return { host: String(tapHost), port: tapPort };
    throw new DriverError('no-tap-port', `${this.name}: the tap ${tap} provides no port`, {
      data: { provides },
      hint: 'The tap must be open before this wire, and listen on a TCP port.',
    });
  }

  #sequenceAttack(tapName: string): LinkAttack {
    const tap = () => {
      const found = this.#context.dependency(tapName).tap;
      if (found !== undefined) return found;
      throw new DriverError('no-tap', `${this.name}: the wire ${tapName} is no tap`);
    };
    return repeatedSequenceNumber({ name: this.name, tap, use: this.use, renew: (why) => this.renew(why) });
  }

  /** The live session, made now if there is none. */
  async connected(): Promise<SessionLink> {
    const opened = this.#opened;
    if (this.#state === 'closed' || opened === undefined) {
      throw new DriverError('not-open', `${this.name} is not open`, { hint: 'Open the wire first.' });
    }
    if (this.#link?.alive === true && !this.#link.stale) return this.#link;
    this.#connecting ??= this.#connect(opened);
    return this.#connecting.link;
  }

  #connect(opened: Opened): { connector: Connector; link: Promise<SessionLink> } {
    const old = this.#link;
    this.#link = undefined;
    let link: SessionLink | undefined;
    const connector = new Connector({
      ...opened,
      library: loadOpcUa(),
      name: this.name,
      settings: this.settings,
      boardDir: this.#context.boardDir,
      log: this.#context.wire,
      onDeath: (cause, expected) => this.#died(link, cause, expected),
    });
    const connecting = async (): Promise<SessionLink> => {
      await old?.close();
      link = await connector.connect();
      this.#link = link;
      this.#state = 'open';
      return link;
    };
    const attempt = connecting().finally(() => (this.#connecting = undefined));
    return { connector, link: attempt };
  }

  #died(link: SessionLink | undefined, cause: BenchError, expected: boolean): void {
    if (link === undefined || link !== this.#link) return;
    this.#link = undefined;
    void link.close();
    if (expected) return;
    this.#state = 'lost';
    this.#context.lost(cause);
  }

  /** Runs work on the live session: connects first if need be, and drops a session that is of no more use. */
  readonly use: UseLink = async (what, work, options = {}) => {
    const link = await this.connected();
    const withinMs = options.withinMs ?? this.settings.replyWithinMs;
    const sentence = `${this.name}: ${what}`;
    const startedAtMs = monotonicMs();
    try {
      return await link.request(sentence, withinMs, () => work(link));
    } catch (error) {
      const unheard = error instanceof TimeoutError && link.lastReceivedAtMs < startedAtMs;
      if (unheard || meansSessionOver(error)) this.#discard(link, error as BenchError);
      if (!meansSessionOver(error)) throw error;
      throw new PortError('link-lost', `${sentence}: the server has ended the session`, { cause: error });
    }
  };

  /** A link on which nothing came, or whose session is over: the next use makes a fresh one. */
  #discard(link: SessionLink, cause: BenchError): void {
    if (this.#link === link) this.#link = undefined;
    this.#context.wire.event(`connection given up: ${cause.message}`);
    link.drop(cause);
  }

  /**
   * Ends the session, if any, so that the next use starts from a fresh connection.
   *
   * @throws DriverError while subscriptions depend on it
   */
  async renew(why: string): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    if (link.residents > 0) {
      throw new DriverError(
        'subscriptions-live',
        `${this.name}: ${why} would end ${link.residents} subscription(s)`,
        {
          hint: 'Close the listeners on this wire first, or give it a wire of its own.',
        },
      );
    }
    this.#link = undefined;
    await link.close();
  }

  /** Without power, connections may go: quietly, and the next use connects again. */
  devicePowerChanged(on: boolean): void {
    if (on) return;
    const cause = new PortError('link-lost', `${this.name}: the device was switched off`);
    const link = this.#link;
    this.#link = undefined;
    this.#connecting?.connector.abort(cause);
    link?.drop(cause);
    if (this.#state === 'lost') this.#state = 'open'; // the loss is explained; the next use tries again
  }

  /** Are our keys in order? Asks nothing of the device. */
  async selfTest(): Promise<void> {
    if (this.#state === 'closed') throw new DriverError('not-open', `${this.name} is not open`);
    await preparePki(this.#context.stateDir);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#opened = undefined;
    const attempt = this.#connecting;
    attempt?.connector.abort(new DriverError('closed', `${this.name} was closed while connecting`));
    await attempt?.link.catch(() => {});
    this.#state = 'closed';
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
    if (opcUaIsLoaded()) mendEnvironment();
  }
}

/** `opc.tcp://host:port/path`, IPv6 addresses in brackets. */
export function endpointUrl(host: string, port: number, path = ''): string {
  return `opc.tcp://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
}
