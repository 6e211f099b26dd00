/** From settings to a live session: discovery, trust, secure channel, login. */

import { X509Certificate } from 'node:crypto';
import type { ClientSession, OPCUAClient, OPCUAClientOptions, UserIdentityInfo } from 'node-opcua-client';
import { Deadline, within } from '../../harness/clock.ts';
import type { WireLog } from '../../harness/driver.ts';
import { BenchError, DriverError, TimeoutError } from '../../harness/errors.ts';
import { trustDecided } from './certificate-store.ts';
import { endOf, statusNameOf, deviceSays, toBenchError } from './faults.ts';
import { askWithoutSecurity, notOffered, policyOf } from './endpoints.ts';
import { readKeyPair } from './key-pair.ts';
import { SessionLink, settle } from './link.ts';
import { mendEnvironment, type OpcUaLibrary } from './library.ts';
import {
  checkServerCertificate,
  ensureClientCertificate,
  rememberServerCertificate,
  thumbprints,
  type PkiPaths,
} from './pki.ts';
import { recordingTransports, type Wire } from './recording-transport.ts';
import type { OpcUaSettings } from './settings.ts';

export interface ConnectOptions {
  library: OpcUaLibrary;
  name: string;
  settings: OpcUaSettings;
  boardDir: string;
  pki: PkiPaths;
  pin: Uint8Array | string | undefined;
  /** The device's own URL, which HEL and CreateSession name. */
  endpointUrl: string;
  /** Where the TCP connection goes: the device, or a tap in front of it. */
  dial: { host: string; port: number };
  log: WireLog;
  onDeath: (cause: BenchError, expected: boolean) => void;
}

/** One attempt to connect, which can be given up. */
export class Connector {
  readonly #options: ConnectOptions;
  readonly #wires = new Set<Wire>();
  readonly #clients = new Set<OPCUAClient>();
  #wire: Wire | undefined;
  #link: SessionLink | undefined;
  #aborted: BenchError | undefined;
  /** What to try next, should the server refuse what is asked of it at this moment. */
  #hint: string | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /**
   * Connects within the settings' deadline.
   *
   * @throws PortError, TimeoutError or FrameError when there is no server to talk to; DeviceException with the
   * status name when it refuses; DriverError when its certificate or its offers do not fit the settings
   */
  async connect(): Promise<SessionLink> {
    const { settings, name, library, pki, endpointUrl } = this.#options;
    if (settings.clientCertificate === undefined)
      await ensureClientCertificate(library, pki, settings.applicationUri);
    const what = `${name}: connecting to ${endpointUrl}`;
    const deadline = new Deadline(settings.connectWithinMs);
    try {
      const hint = 'Is it an OPC UA server, and has it finished starting? See connectWithinMs.';
      return await within(this.#open(what), deadline.withinMs, what, hint);
    } catch (error) {
      const cause = this.#aborted ?? this.#explain(what, error);
      await this.#cleanUp();
      throw cause;
    } finally {
      mendEnvironment();
    }
  }

  /** Gives the attempt up: `connect` rejects with the cause. */
  abort(cause: BenchError): void {
    this.#aborted ??= cause;
    for (const wire of this.#wires) wire.destroy();
  }

  async #open(what: string): Promise<SessionLink> {
    const { library } = this.#options;
    const client = await this.#openChannel(what);
    const wire = this.#wire;
    if (wire === undefined) throw new DriverError('no-wire', `${what}: node-opcua opened no connection`);
    const identity = await this.#identity();
    this.#warnOfPlainPassword(client);
    const session = await client.createSession(identity);
    return this.#adopt(client, session, wire, library);
  }

  async #openChannel(what: string): Promise<OPCUAClient> {
    const { settings, endpointUrl, pki, pin, log, library } = this.#options;
    if (settings.securityMode === 'None') {
      const client = this.#client(undefined);
      await client.connect(endpointUrl);
      this.#hint = await askWithoutSecurity(library, client, endpointUrl);
      return client;
    }
    const der = pin instanceof Uint8Array ? pin : await this.#discover(what);
    const how = await checkServerCertificate(der, pin, pki);
    const client = this.#client(Buffer.from(der));
    try {
      await client.connect(endpointUrl); // the server proves here that it holds the certificate's key
    } catch (error) {
      await this.#compareWithPin(what);
      throw error;
    }
    if (how === 'first-use') {
      await rememberServerCertificate(der, pki);
      log.event(`server certificate ${thumbprints(der).sha1} accepted at first use, and remembered`);
    }
    return client;
  }

  /**
   * A server that was spoken to with another's certificate says anything but that.
   *
   * @throws DriverError when the certificate that it names is not the pinned one
   */
  async #compareWithPin(what: string): Promise<void> {
    const { pin, pki } = this.#options;
    if (!(pin instanceof Uint8Array)) return;
    const refusal = this.#wire; // the reason lies there, should there be no other
    const named = await this.#discover(what).catch(() => undefined);
    this.#wire = refusal;
    this.#hint = undefined;
    if (named !== undefined) await checkServerCertificate(named, pin, pki);
  }

  #adopt(client: OPCUAClient, session: ClientSession, wire: Wire, library: OpcUaLibrary): SessionLink {
    if (this.#aborted !== undefined) throw this.#aborted;
    const { name, settings, onDeath } = this.#options;
    const endpoint = client.findEndpointForSecurity(client.securityMode, client.securityPolicy);
    const { replyWithinMs } = settings;
    const link = new SessionLink({ library, name, client, session, endpoint, wire, replyWithinMs, onDeath });
    if (wire.ended) throw endOf(library, name, wire);
    this.#link = link;
    return link;
  }

  #client(serverCertificate: Buffer | undefined, mode?: 'None'): OPCUAClient {
    const { settings, library, pki, dial, log } = this.#options;
    const { ua } = library;
    const securityMode = mode ?? settings.securityMode;
    const options: OPCUAClientOptions = {
      applicationName: 'Fieldproof',
      applicationUri: settings.applicationUri,
      clientName: 'fieldproof',
      securityMode: ua.MessageSecurityMode[securityMode],
      securityPolicy: ua.SecurityPolicy[policyOf(securityMode, settings)],
      certificateFile: pki.certificateFile,
      privateKeyFile: pki.privateKeyFile,
      clientCertificateManager: trustDecided(library),
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
      endpointMustExist: false, // servers name themselves by host names that a bench cannot resolve
      connectionStrategy: { maxRetry: 0 }, // above 0 it would also reconnect behind our back, for ever
      keepSessionAlive: false,
      transportTimeout: settings.connectWithinMs,
      defaultTransactionTimeout: settings.replyWithinMs,
      transportFactory: recordingTransports(library, {
        host: dial.host,
        port: dial.port,
        log,
        onWire: (wire) => this.#addWire(wire),
        onEnd: (wire) => this.#wireEnded(wire),
      }),
    };
    const client = ua.OPCUAClient.create(options);
    this.#clients.add(client);
    return client;
  }

  #addWire(wire: Wire): void {
    this.#wires.add(wire);
    this.#wire = wire;
    if (this.#aborted !== undefined) wire.destroy();
  }

  #wireEnded(wire: Wire): void {
    this.#wires.delete(wire);
    if (wire === this.#wire) this.#link?.wireEnded();
  }

  /** The server's certificate, from a connection without security, as nearly every server allows for GetEndpoints. */
  async #discover(what: string): Promise<Uint8Array> {
    const { settings, library, endpointUrl } = this.#options;
    const client = this.#client(undefined, 'None');
    this.#hint =
      'It tells nobody its endpoints without security: set trust: pinned, and serverCertificate to a file with its certificate.';
    await client.connect(endpointUrl);
    const offers = await client.getEndpoints({ endpointUrl });
    this.#hint = undefined;
    await settle(client.disconnect(), settings.connectWithinMs);
    this.#clients.delete(client);
    const { ua } = library;
    const policy = ua.SecurityPolicy[policyOf(settings.securityMode, settings)];
    const mode = ua.MessageSecurityMode[settings.securityMode];
    const fit = offers.find(
      (offer) => offer.securityMode === mode && offer.securityPolicyUri === String(policy),
    );
    if (fit === undefined) throw notOffered(library, what, settings, offers);
    const certificate = firstOf(fit.serverCertificate);
    if (certificate.length === 0)
      throw new DriverError('no-certificate', `${what}: the server names no certificate`);
    return certificate;
  }

  async #identity(): Promise<UserIdentityInfo> {
    const { settings, library, boardDir } = this.#options;
    const { UserTokenType } = library.ua;
    const { user } = settings;
    if (user.kind === 'anonymous') return { type: UserTokenType.Anonymous };
    if (user.kind === 'name')
      return { type: UserTokenType.UserName, userName: user.name, password: user.password };
    const { certificate, privateKey } = await readKeyPair(user, boardDir);
    return { type: UserTokenType.Certificate, certificateData: certificate, privateKey };
  }

  /** The bytes of the record will then hold the password. The event says so; nothing else ever names it. */
  #warnOfPlainPassword(client: OPCUAClient): void {
    const { settings, library, log } = this.#options;
    const { ua } = library;
    if (settings.user.kind !== 'name' || settings.securityMode === 'SignAndEncrypt') return;
    const endpoint = client.findEndpointForSecurity(client.securityMode, client.securityPolicy);
    const policies = (endpoint?.userIdentityTokens ?? []).filter(
      (token) => token.tokenType === ua.UserTokenType.UserName,
    );
    const none = String(ua.SecurityPolicy.None);
    const plain = (uri: string | null): boolean => (uri || endpoint?.securityPolicyUri || none) === none;
    if (policies.length > 0 && policies.every((token) => plain(token.securityPolicyUri))) {
      log.event('the password of this session crosses the wire unencrypted');
    }
  }

  #explain(what: string, error: unknown): BenchError {
    const { library } = this.#options;
    if (error instanceof BenchError && !(error instanceof TimeoutError)) return error;
    const wire = this.#wire;
    if (wire?.scanner.garbage === true) return endOf(library, what, wire);
    if (error instanceof TimeoutError) return error;
    const status = statusNameOf(library, error);
    const hint = this.#hint === undefined ? {} : { hint: this.#hint };
    if (status !== undefined) return deviceSays(what, status, { cause: error, ...hint });
    if (wire?.scanner.errorMessage !== undefined) {
      const end = endOf(library, what, wire);
      return deviceSays(what, String(end.data['status']), {
        cause: end,
        data: { reason: end.data['reason'] },
        ...hint,
      });
    }
    if (wire !== undefined && (wire.ended || wire.peerEnded || wire.cause !== undefined)) {
      return endOf(library, what, wire);
    }
    return toBenchError(library, what, error);
  }

  async #cleanUp(): Promise<void> {
    this.#aborted ??= new DriverError(
      'given-up',
      `${this.#options.name}: this attempt to connect was given up`,
    );
    for (const wire of this.#wires) wire.destroy();
    for (const client of this.#clients) await settle(client.disconnect(), 500);
  }
}

/** A server may send its certificate followed by those of its authorities: the first is its own. */
function firstOf(chain: Uint8Array | null): Uint8Array {
  return chain === null || chain.length === 0 ? new Uint8Array() : new X509Certificate(chain).raw;
}
