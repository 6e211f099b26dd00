/** A live byte stream to the device, and how to make one. */

import { type PortError } from '../../../harness/errors.ts';

export interface LinkEvents {
  /** Bytes as the operating system gave them. */
  received(chunk: Buffer): void;
  /** The link ended without being asked to. At most once, never after `close`. */
  died(cause: PortError): void;
}

export interface Link {
  /**
   * Hands the bytes to the operating system in one write of their own: devices are met that take one request per TCP
   * segment only, so requests are never gathered.
   */
  write(bytes: Uint8Array): void;
  /** Ends the link; resolves when the operating system has let go of it. Safe twice. */
  close(): Promise<void>;
}

export interface Connector {
  /** Where it leads: `127.0.0.1:502`, `/dev/ttyUSB0`. */
  readonly where: string;
  /** True when the far end may close and open at will (TCP); false for a port of the bench's own. */
  readonly remote: boolean;
  /**
   * Makes the link.
   *
   * @throws PortError saying what failed and the next step
   */
  connect(events: LinkEvents, withinMs: number, signal: AbortSignal): Promise<Link>;
  /** Bench-side check that needs no device. @throws PortError */
  check(): Promise<void>;
}
