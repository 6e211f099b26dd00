/** The address space of one server, for adapters and makers' profiles. */

import type { BrowseResult } from 'node-opcua-client';
import type { Delivery, NodeSpace } from '../../harness/capabilities.ts';
import { readWholeFile, writeWholeFile } from './file-transfer.ts';
import { deviceSays } from './faults.ts';
import type { SessionLink } from './link.ts';
import {
  subscribeEvents,
  subscribeValues,
  type EventSeen,
  type ValueChange,
  type WatchedSubscription,
} from './subscription.ts';
import { plainValue, toVariant, type TypedValue } from './values.ts';

/** Runs work on the live session, connecting first if need be; the driver provides it. */
export type UseLink = <T>(
  what: string,
  work: (link: SessionLink) => Promise<T>,
  options?: { withinMs?: number },
) => Promise<T>;

export interface CallOptions {
  /** Deadline of this call; default: the wire's replyWithinMs. */
  withinMs?: number;
}

/** One child of a node, as Browse tells it. */
export interface NodeChild {
  nodeId: string;
  /** Name without the namespace index. */
  browseName: string;
  nodeClass: string;
}

/**
 * Every request connects at its first use, ends within its deadline, and throws DeviceException (`data.status`) when
 * the server answers with a bad status, TimeoutError without an answer, PortError when the link is gone.
 */
export class OpcUaNodeSpace implements NodeSpace {
  readonly #name: string;
  readonly #use: UseLink;

  constructor(name: string, use: UseLink) {
    this.#name = name;
    this.#use = use;
  }

  /**
   * Connects if need be, and understands the node id: what fails here is the bench's trouble, not an answer.
   */
  async reach(nodeId: string): Promise<void> {
    await this.#use(`resolving ${nodeId}`, (link) => link.nodeId(nodeId));
  }

  read(nodeId: string): Promise<unknown> {
    return this.#use(`reading ${nodeId}`, async (link) => {
      const { AttributeIds } = link.library.ua;
      const value = await link.session.read({
        nodeId: await link.nodeId(nodeId),
        attributeId: AttributeIds.Value,
      });
      if (value.statusCode.isBad())
        throw deviceSays(`${this.#name}: reading ${nodeId}`, value.statusCode.name);
      return plainValue(link.library, value.value);
    });
  }

  write(nodeId: string, value: TypedValue): Promise<void> {
    return this.#use(`writing ${nodeId}`, async (link) => {
      const { AttributeIds } = link.library.ua;
      const status = await link.session.write({
        nodeId: await link.nodeId(nodeId),
        attributeId: AttributeIds.Value,
        value: { value: toVariant(link.library, value) },
      });
      if (status.isBad()) throw deviceSays(`${this.#name}: writing ${nodeId}`, status.name);
    });
  }

  call(
    objectId: string,
    methodId: string,
    inputs: readonly TypedValue[],
    options: CallOptions = {},
  ): Promise<unknown[]> {
    const what = `calling ${methodId}`;
    return this.#use(
      what,
      async (link) => {
        const result = await link.session.call({
          objectId: await link.nodeId(objectId),
          methodId: await link.nodeId(methodId),
          inputArguments: inputs.map((input) => toVariant(link.library, input)),
        });
        if (result.statusCode.isBad()) {
          const badInputs = (result.inputArgumentResults ?? []).map((status) => status.name);
          throw deviceSays(`${this.#name}: ${what}`, result.statusCode.name, { data: { inputs: badInputs } });
        }
        return (result.outputArguments ?? []).map((output) => plainValue(link.library, output));
      },
      options,
    );
  }

  browse(nodeId: string): Promise<NodeChild[]> {
    return this.#use(`browsing ${nodeId}`, async (link) => {
      const { BrowseDirection, NodeClass, ReferenceTypeIds } = link.library.ua;
      const result = await link.session.browse({
        nodeId: await link.nodeId(nodeId),
        browseDirection: BrowseDirection.Forward,
        referenceTypeId: `i=${ReferenceTypeIds.HierarchicalReferences}`,
        includeSubtypes: true,
        nodeClassMask: 0,
        resultMask: 0x3f,
      });
      if (result.statusCode.isBad())
        throw deviceSays(`${this.#name}: browsing ${nodeId}`, result.statusCode.name);
      const references = result.references ?? [];
      let point: Buffer | undefined = result.continuationPoint;
      while (point !== undefined && point !== null && point.length > 0) {
        const more: BrowseResult = await link.session.browseNext(point, false);
        references.push(...(more.references ?? []));
        point = more.continuationPoint;
      }
      return references.map((reference) => ({
        nodeId: reference.nodeId.toString(),
        browseName: reference.browseName.name ?? '',
        nodeClass: NodeClass[reference.nodeClass] ?? String(reference.nodeClass),
      }));
    });
  }

  subscribeValues(
    nodeIds: readonly string[],
    options: { samplingMs: number; publishingMs: number },
    listener: (change: ValueChange) => void,
  ): Promise<WatchedSubscription> {
    return this.#use('subscribing to values', (link) =>
      subscribeValues(link, this.#name, nodeIds, options, listener),
    );
  }

  subscribeEvents(
    nodeId: string,
    fields: readonly string[],
    options: { publishingMs: number },
    listener: (event: EventSeen) => void,
  ): Promise<WatchedSubscription> {
    return this.#use(`subscribing to the events of ${nodeId}`, (link) =>
      subscribeEvents(link, this.#name, nodeId, fields, options, listener),
    );
  }

  writeFile(fileNodeId: string, bytes: Uint8Array, options: { chunkBytes?: number } = {}): Promise<Delivery> {
    return writeWholeFile(this, fileNodeId, bytes, options);
  }

  readFile(fileNodeId: string): Promise<Uint8Array> {
    return readWholeFile(this, fileNodeId);
  }
}
