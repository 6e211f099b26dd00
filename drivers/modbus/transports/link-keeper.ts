/** Holds at most one link, makes a new one when asked, and lets every old one end properly. */

import { type WireLog } from '../../../harness/driver.ts';
import { PortError } from '../../../harness/errors.ts';
import { type Connector, type Link, type LinkEvents } from './link.ts';

export class LinkKeeper {
  readonly connector: Connector;
  readonly #withinMs: number;
  readonly #wire: WireLog;
  readonly #events: LinkEvents;
  #link: Link | undefined;
  #attempt: AbortController | undefined;
  /** Links and attempts on their way out; `close` waits for them. */
  readonly #ending = new Set<Promise<unknown>>();

  constructor(connector: Connector, connectWithinMs: number, wire: WireLog, events: LinkEvents) {
    this.connector = connector;
    this.#withinMs = connectWithinMs;
    this.#wire = wire;
    this.#events = events;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get connecting(): boolean {
    return this.#attempt !== undefined;
  }

  /**
   * Connects; resolves to false when the attempt was given up by `close` meanwhile.
   *
   * @throws PortError
   */
  async connect(): Promise<boolean> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    try {
      const link: Link = await this.#tracked(
        this.connector.connect(
          {
            received: (chunk) => {
              if (this.#link === link) this.#events.received(chunk);
            },
            died: (cause) => this.#died(link, cause),
          },
          this.#withinMs,
          attempt.signal,
        ),
      );
      if (attempt.signal.aborted) {
        await this.#tracked(link.close());
        return false;
      }
      this.#link = link;
      this.#wire.event(`connected to ${this.connector.where}`);
      return true;
    } catch (error) {
      if (attempt.signal.aborted) return false;
      if (error instanceof PortError) this.#wire.event(error.message);
      throw error;
    } finally {
      if (this.#attempt === attempt) this.#attempt = undefined;
    }
  }

  /** Ends the link on our own account, if there is one. */
  drop(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    this.#wire.event(`closed the link to ${this.connector.where}`);
    this.#tracked(link.close()).catch((error: unknown) => this.#wire.event(String(error)));
  }

  async close(): Promise<void> {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.drop();
    await Promise.allSettled(this.#ending);
  }

  #died(link: Link, cause: PortError): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#wire.event(cause.message);
    this.#events.died(cause);
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#ending.add(work);
    const done = (): void => void this.#ending.delete(work);
    work.then(done, done);
    return work;
  }
}
