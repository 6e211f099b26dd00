/** Subscriptions that report the intervals granted, and say so when they end without being asked to. */

import type { ClientMonitoredItem, ClientSubscription, Variant } from 'node-opcua-client';
import type { NodeSubscription } from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import type { BenchError } from '../../harness/errors.ts';
import { deviceSays, toBenchError } from './faults.ts';
import { settle, type SessionLink } from './link.ts';
import { plainValue } from './values.ts';

/** Asked for: a sign of life every second at least, and an end after a minute without a client. */
const keepAliveMs = 1000;
const lifetimeMs = 60_000;
const closeWithinMs = 1000;
/** Changes kept by the server between two publishings, so that a burst loses none. */
const queueSize = 100;
/** The status of an item of node-opcua before there is an answer. */
const notYetAnswered = 'BadDataUnavailable';

/** A subscription that tells when it died: a dead monitor must never look like a quiet one. */
export interface WatchedSubscription extends NodeSubscription {
  /** Called once, when the subscription ended but was not closed; at once if it has ended already. */
  onEnd(listener: (cause: BenchError) => void): void;
}

export interface ValueChange {
  nodeId: string;
  value: unknown;
  sourceTime: string | undefined;
  atMs: number;
}
export interface EventSeen {
  fields: Readonly<Record<string, unknown>>;
  atMs: number;
}

/** One server-side subscription with its items. */
class Watched implements WatchedSubscription {
  readonly revisedPublishingMs: number;
  revisedSamplingMs: number | undefined;
  readonly #subscription: ClientSubscription;
  readonly #leave: () => void;
  readonly #listeners: ((cause: BenchError) => void)[] = [];
  #ended: BenchError | undefined;
  #closed = false;

  constructor(link: SessionLink, subscription: ClientSubscription, name: string) {
    this.#subscription = subscription;
    this.revisedPublishingMs = subscription.publishingInterval;
    this.#leave = link.settle({
      keepAliveMs: subscription.publishingInterval * subscription.maxKeepAliveCount,
      ended: (cause) => this.#end(cause),
    });
    const failed = (error: unknown): void =>
      this.#end(toBenchError(link.library, `${name}: subscription`, error));
    subscription.on('internal_error', failed);
    subscription.on('terminated', () => failed(new Error('the server ended the subscription')));
    subscription.on('status_changed', (status) => failed(new Error(`the server reports ${status.name}`)));
  }

  get closed(): boolean {
    return this.#closed || this.#ended !== undefined;
  }

  onEnd(listener: (cause: BenchError) => void): void {
    if (this.#ended !== undefined) listener(this.#ended);
    else this.#listeners.push(listener);
  }

  #end(cause: BenchError): void {
    if (this.#closed || this.#ended !== undefined) return;
    this.#ended = cause;
    this.#leave();
    for (const listener of this.#listeners) listener(cause);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const wasLive = this.#ended === undefined;
    this.#closed = true;
    this.#leave();
    if (wasLive) await settle(this.#subscription.terminate(), closeWithinMs);
  }
}

async function create(
  link: SessionLink,
  publishingMs: number,
  name: string,
): Promise<[Watched, ClientSubscription]> {
  const subscription = await link.session.createSubscription2({
    requestedPublishingInterval: publishingMs,
    requestedMaxKeepAliveCount: Math.max(3, Math.ceil(keepAliveMs / publishingMs)),
    requestedLifetimeCount: Math.max(12, Math.ceil(lifetimeMs / publishingMs)),
    maxNotificationsPerPublish: 0,
    publishingEnabled: true,
    priority: 1,
  });
  return [new Watched(link, subscription, name), subscription];
}

/** Builds a subscription; if any of its items fails, the whole is taken down again. */
async function build(
  link: SessionLink,
  publishingMs: number,
  name: string,
  fill: (subscription: ClientSubscription, watched: Watched) => Promise<void>,
): Promise<WatchedSubscription> {
  const [watched, subscription] = await create(link, publishingMs, name);
  try {
    await fill(subscription, watched);
  } catch (error) {
    await watched.close();
    throw error;
  }
  return watched;
}

/**
 * Watches the Value of several nodes.
 *
 * @throws DeviceException when the server does not monitor one of them
 */
export function subscribeValues(
  link: SessionLink,
  name: string,
  nodeIds: readonly string[],
  options: { samplingMs: number; publishingMs: number },
  listener: (change: ValueChange) => void,
): Promise<WatchedSubscription> {
  const { library } = link;
  const { AttributeIds, ClientMonitoredItem, TimestampsToReturn } = library.ua;
  return build(link, options.publishingMs, name, async (subscription, watched) => {
    for (const text of nodeIds) {
      const asked = { nodeId: await link.nodeId(text), attributeId: AttributeIds.Value };
      const how = { samplingInterval: options.samplingMs, queueSize, discardOldest: false };
      const item = await monitor(link, `${name}: monitoring ${text}`, watched, {
        create: () => ClientMonitoredItem.create(subscription, asked, how, TimestampsToReturn.Source),
        changed: (changed) => {
          const { value, sourceTimestamp } = changed as { value: Variant; sourceTimestamp?: Date | null };
          listener({
            nodeId: text,
            value: plainValue(library, value),
            sourceTime: sourceTimestamp?.toISOString(),
            atMs: monotonicMs(),
          });
        },
      });
      const revised = item.result?.revisedSamplingInterval ?? options.samplingMs;
      watched.revisedSamplingMs = Math.max(watched.revisedSamplingMs ?? 0, revised);
    }
  });
}

/**
 * Watches the events of a notifier.
 *
 * @param fields names of event fields; `EnabledState.Id` and `2:Maker` (namespace index 2) are understood
 * @throws DeviceException when the server does not offer events on this node
 */
export function subscribeEvents(
  link: SessionLink,
  name: string,
  nodeId: string,
  fields: readonly string[],
  options: { publishingMs: number },
  listener: (event: EventSeen) => void,
): Promise<WatchedSubscription> {
  const { library } = link;
  const { AttributeIds, ClientMonitoredItem, TimestampsToReturn, constructEventFilter } = library.ua;
  return build(link, options.publishingMs, name, async (subscription, watched) => {
    const asked = { nodeId: await link.nodeId(nodeId), attributeId: AttributeIds.EventNotifier };
    const filter = constructEventFilter([...fields]);
    const how = { samplingInterval: 0, queueSize, discardOldest: false, filter };
    await monitor(link, `${name}: monitoring the events of ${nodeId}`, watched, {
      create: () => ClientMonitoredItem.create(subscription, asked, how, TimestampsToReturn.Neither),
      changed: (changed) => {
        const values = changed as readonly Variant[];
        const pairs = fields.map((field, index) => [field, plainField(link, values[index])] as const);
        listener({ fields: Object.fromEntries(pairs), atMs: monotonicMs() });
      },
    });
  });
}

function plainField(link: SessionLink, variant: Variant | undefined): unknown {
  return variant === undefined ? null : plainValue(link.library, variant);
}

/**
 * Not `subscription.monitor`: its item comes in a promise, and a notification that reached us in one piece with the
 * answer, an alarm perhaps, is told before anybody can listen.
 */
async function monitor(
  { library }: SessionLink,
  what: string,
  watched: Watched,
  { create, changed }: { create: () => ClientMonitoredItem; changed: (change: unknown) => void },
): Promise<ClientMonitoredItem> {
  const item = create();
  item.on('changed', (change: unknown) => {
    if (!watched.closed) changed(change);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      item.once('initialized', resolve);
      item.once('terminated', reject); // with an error
      watched.onEnd(reject);
    });
  } catch (error) {
    // It carries its status as text; the item knows it by name, once the server has answered.
    const { name } = item.statusCode;
    throw name === notYetAnswered ? toBenchError(library, what, error) : deviceSays(what, name);
  }
  return item;
}
