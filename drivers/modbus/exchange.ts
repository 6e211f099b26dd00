/** One request on its way through the session, and what becomes of it. */

import { type BenchError } from '../../harness/errors.ts';

/**
 * The session settles each exchange exactly once. The bookkeeping fields belong to the session alone; they live here
 * so that a request costs one object.
 */
export abstract class Exchange {
  readonly unit: number;
  /** Function code and data; not to be changed until settled. */
  readonly pdu: Uint8Array;
  /** Transaction id on the wire (TCP). */
  id = 0;
  /** Monotonic ms by which the whole answer must have come. */
  dueAtMs = 0;
  /** Whole frames that came meanwhile and were not the answer, and the last one's description. */
  strays = 0;
  lastStray = '';
  /** A fitting answer that may be an earlier request's: it counts if no other comes. */
  held: Buffer | undefined;

  constructor(unit: number, pdu: Uint8Array) {
    this.unit = unit;
    this.pdu = pdu;
  }

  /** A fitting answer, exceptions included: unit address and PDU. A view, valid during the call only. */
  abstract answered(unitAndPdu: Buffer): void;
  abstract failed(error: BenchError): void;
}
