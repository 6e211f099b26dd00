/** One live session with a server: secure channel, session, and the certainty of being told once when it ends. */

import type { ClientSession, EndpointDescription, NodeId, OPCUAClient } from 'node-opcua-client';
import { monotonicMs, pause, within } from '../../harness/clock.ts';
import { DriverError, type BenchError } from '../../harness/errors.ts';
import { endOf, toBenchError } from './faults.ts';
import type { OpcUaLibrary } from './library.ts';
import type { Wire } from './recording-transport.ts';

/** How long a polite goodbye may take before the socket is destroyed. */
const goodbyeWithinMs = 1000;
/** node-opcua leaves a timer of 100 ms behind when the server closes the socket before it does. */
const farewellTimerMs = 110;
/** A session that was idle for this part of its time-out is made anew rather than trusted to be there still. */
const idleShare = 0.75;
const watchEveryMs = 250;

/** Something that lives on the link and must know when it ends: a subscription. */
interface Resident {
  /** The server sends something at least this often. */
  keepAliveMs: number;
  ended: (cause: BenchError) => void;
}

export interface LinkParts {
  library: OpcUaLibrary;
  name: string;
  client: OPCUAClient;
  session: ClientSession;
  endpoint: EndpointDescription | undefined;
  wire: Wire;
  replyWithinMs: number;
  /** Called once, when the link ended without `close` or `drop`; `expected` after `expectEnd`. */
  onDeath: (cause: BenchError, expected: boolean) => void;
}

export class SessionLink {
  readonly library: OpcUaLibrary;
  readonly session: ClientSession;
  readonly #parts: LinkParts;
  readonly #waiting = new Set<(cause: BenchError) => void>();
  readonly #residents = new Set<Resident>();
  #watch: NodeJS.Timeout | undefined;
  #end: BenchError | undefined;
  #endExpected = false;
  #lastUseAtMs = monotonicMs();
  #namespaces: Promise<readonly string[]> | undefined;

  constructor(parts: LinkParts) {
    this.library = parts.library;
    this.session = parts.session;
    this.#parts = parts;
  }

  get alive(): boolean {
    return this.#end === undefined && !this.#parts.wire.ended;
  }

  /** True when the server may have forgotten the session because nobody used it. */
  get stale(): boolean {
    return this.#residents.size === 0 && monotonicMs() - this.#lastUseAtMs > this.session.timeout * idleShare;
  }

  get lastReceivedAtMs(): number {
    return this.#parts.wire.lastReceivedAtMs;
  }

  get residents(): number {
    return this.#residents.size;
  }

  /** From now on the device may end the link without that being a loss: an attack provokes it. */
  expectEnd(): void {
    this.#endExpected = true;
  }

  /** The socket has closed: tells everybody who waits, once. */
  wireEnded(): void {
    if (this.#end !== undefined) return;
    const cause = endOf(this.library, this.#parts.name, this.#parts.wire);
    this.#finish(cause);
    this.#parts.onDeath(cause, this.#endExpected);
  }

  /**
   * Runs one request; it ends with its answer, its deadline, or the link.
   *
   * @throws BenchError of the kind that fits
   */
  async request<T>(what: string, withinMs: number, work: () => Promise<T>): Promise<T> {
    if (this.#end !== undefined) throw this.#end;
    this.#lastUseAtMs = monotonicMs();
    let tell: (cause: BenchError) => void = () => {};
    const death = new Promise<never>((_resolve, reject) => {
      tell = reject;
      this.#waiting.add(reject);
    });
    try {
      return await within(
        Promise.race([work(), death]),
        withinMs,
        what,
        'Is the device alive? Is replyWithinMs long enough?',
      );
    } catch (error) {
      throw await this.#explain(what, error);
    } finally {
      this.#waiting.delete(tell);
      this.#lastUseAtMs = monotonicMs();
    }
  }

  /**
   * node-opcua rejects requests a moment before the socket's end is known: the end tells more. And a channel that it
   * has given up is of no more use, whatever the socket says.
   */
  async #explain(what: string, error: unknown): Promise<BenchError> {
    const first = toBenchError(this.library, what, error);
    if (first.code !== 'link-lost') return this.#end ?? first;
    this.#parts.wire.destroy();
    await settle(this.#parts.wire.closed, goodbyeWithinMs);
    return this.#end ?? first;
  }

  /** Registers a subscription; the returned function takes it off again. */
  settle(resident: Resident): () => void {
    this.#residents.add(resident);
    this.#watch ??= setInterval(() => this.#checkPulse(), watchEveryMs);
    return () => {
      this.#residents.delete(resident);
      if (this.#residents.size === 0) this.#stopWatching();
    };
  }

  /** A cable pulled out, or a supply cut, sends no reset: the missing keep-alive messages must tell. */
  #checkPulse(): void {
    if (!this.#pulseMissing()) return;
    // Our own process may have been late; what waits in the socket is read before this runs.
    setImmediate(() => {
      if (this.#end !== undefined || !this.#pulseMissing()) return;
      const { wire, name } = this.#parts;
      const silentMs = Math.round(monotonicMs() - wire.lastReceivedAtMs);
      wire.cause ??= new Error(`${name}: no keep-alive message for ${silentMs} ms`);
      wire.destroy();
    });
  }

  #pulseMissing(): boolean {
    const slowest = Math.max(0, ...[...this.#residents].map((resident) => resident.keepAliveMs));
    return monotonicMs() - this.#parts.wire.lastReceivedAtMs > 3 * slowest + this.#parts.replyWithinMs;
  }

  #stopWatching(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #finish(cause: BenchError, tellResidents = true): void {
    this.#end = cause;
    this.#stopWatching();
    for (const reject of this.#waiting) reject(cause);
    this.#waiting.clear();
    if (tellResidents) for (const resident of this.#residents) resident.ended(cause);
    this.#residents.clear();
  }

  /** The node id that a board file's text means; nsu= is looked up in the server's NamespaceArray. */
  async nodeId(text: string): Promise<NodeId> {
    const byUri = /^nsu=([^;]+);(.+)$/s.exec(text);
    if (byUri === null) return this.#coerce(text);
    const [, uri = '', identifier = ''] = byUri;
    const namespaces = await (this.#namespaces ??= this.#readNamespaces());
    const index = namespaces.indexOf(uri.replaceAll('%3B', ';').replaceAll('%25', '%')); // OPC 10000-6 5.1.12
    if (index >= 0) return this.#coerce(`ns=${index};${identifier}`);
    throw new DriverError('unknown-namespace', `${this.#parts.name}: the server has no namespace ${uri}`, {
      data: { namespaces },
      hint: `It has ${namespaces.join(', ')}.`,
    });
  }

  #coerce(text: string): NodeId {
    try {
      return this.library.ua.coerceNodeId(text);
    } catch (error) {
      throw new DriverError('bad-node-id', `${text} is no node id`, {
        cause: error,
        hint: 'Write ns=2;s=Name, nsu=urn:maker:device;s=Name or i=2253.',
      });
    }
  }

  async #readNamespaces(): Promise<readonly string[]> {
    const { VariableIds, AttributeIds } = this.library.ua;
    const nodeId = this.#coerce(`i=${VariableIds.Server_NamespaceArray}`);
    const value = await this.session.read({ nodeId, attributeId: AttributeIds.Value });
    return Array.from((value.value.value as Iterable<string> | null) ?? []);
  }

  /** Says goodbye and closes; never throws, never takes more than about two seconds. */
  async close(): Promise<void> {
    const { client, wire, name } = this.#parts;
    if (this.#end === undefined) {
      this.#finish(new DriverError('closed', `${name} was closed`), false);
      await settle(this.session.close(true), goodbyeWithinMs);
    }
    await settle(disconnect(client, wire), goodbyeWithinMs);
    wire.destroy();
  }

  /**
   * Ends the link at once and without a word to the device, on purpose.
   *
   * @param cause what requests in flight and subscriptions are told
   */
  drop(cause: BenchError): void {
    if (this.#end !== undefined) return;
    this.#finish(cause);
    this.#parts.wire.destroy();
    void settle(this.#parts.client.disconnect(), goodbyeWithinMs);
  }
}

async function disconnect(client: OPCUAClient, wire: Wire): Promise<void> {
  // With requests pending on a silent server, node-opcua's disconnect would wait 5 s for each.
  if (wire.ended) return client.disconnect();
  await settle(client.disconnect(), goodbyeWithinMs / 2);
  wire.destroy();
  await pause(farewellTimerMs); // from here, for that timer begins somewhere in between; none survives our close
}

/** Waits, but not for long, and takes no notice of how it ended: for farewells only. */
export async function settle(work: Promise<unknown>, withinMs: number): Promise<void> {
  await within(work, withinMs, 'farewell').catch(() => {});
}
