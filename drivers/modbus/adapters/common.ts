/** What the adapters share: the wire's registers, and the device's word made of what came back. */

import { monotonicMs, pause } from '../../../harness/clock.ts';
import { type Answer, type Registers, type Stage } from '../../../harness/capabilities.ts';
import { type Driver } from '../../../harness/driver.ts';
import {
  DeviceException,
  DriverError,
  FrameError,
  PortError,
  TimeoutError,
} from '../../../harness/errors.ts';
import { EXCEPTION } from '../functions.ts';
import { type RegisterTable } from './settings.ts';

/** @throws DriverError when the wire is not a Modbus wire */
export function registersOf(wire: Driver): Registers {
  if (wire.registers !== undefined) return wire.registers;
  throw new DriverError('wrong-wire', `wire ${wire.name} (${wire.kind}) has no registers`, {
    hint: 'Name a wire of kind modbus.',
  });
}

export function readTable(
  registers: Registers,
  table: RegisterTable,
  address: number,
  count: number,
): Promise<number[]> {
  return table === 'input' ? registers.readInput(address, count) : registers.readHolding(address, count);
}

export async function readOne(registers: Registers, table: RegisterTable, address: number): Promise<number> {
  const [value] = await readTable(registers, table, address, 1);
  return value!;
}

/** The exception's code, if the error is one. */
export function exceptionCode(error: unknown): number | undefined {
  return error instanceof DeviceException ? (error.data['exception'] as number) : undefined;
}

export function isBusy(error: unknown): boolean {
  return exceptionCode(error) === EXCEPTION.busy;
}

/** Port errors that are the device's doing, not the bench's: it ended the connection while it was being asked. */
const closedByPeer = new Set(['peer-closed', 'peer-reset']);

/**
 * The device's word, where a failed request can be one: an exception, silence, the end of the connection, bytes that
 * mean nothing.
 *
 * @throws the error itself when it is the bench's trouble
 */
export function answerOfError(error: unknown, elapsedMs: number, stage?: Stage): Answer {
  if (error instanceof DeviceException) {
    const reason = error.data['name'] as string;
    return { kind: 'refused', reason, elapsedMs, ...(stage === undefined ? {} : { stage }) };
  }
  if (error instanceof TimeoutError) return { kind: 'silent', reason: error.message, elapsedMs };
  if (error instanceof FrameError) return { kind: 'garbage', reason: error.message, elapsedMs };
  if (error instanceof PortError && closedByPeer.has(error.code)) {
    return { kind: 'closed', reason: error.message, elapsedMs };
  }
  throw error;
}

export interface Outcome {
  statusRegister: number;
  statusTable: RegisterTable;
  acceptedWhen: readonly number[];
  refusedWhen: readonly number[];
  reasonRegister: number | undefined;
  reasons: Readonly<Record<string, string>> | undefined;
  withinMs: number;
  everyMs: number;
  stage: Stage | undefined;
}

/** Words for a value of a reason or result register. */
export function reasonText(reasons: Readonly<Record<string, string>> | undefined, value: number): string {
  return reasons?.[String(value)] ?? `code ${value}`;
}

/** Why the device said no, from its own reason register. */
export async function readReason(registers: Registers, from: Outcome): Promise<string | undefined> {
  if (from.reasonRegister === undefined) return undefined;
  return reasonText(from.reasons, await readOne(registers, from.statusTable, from.reasonRegister));
}

/**
 * Reads the status until it says yes or no. A look that gets no answer, or "busy", is repeated until the deadline:
 * a device that verifies may be slow, and silence is not a no.
 *
 * @param sinceMs monotonic ms of the stimulus' end
 * @throws BenchError for the bench's trouble
 */
export async function awaitOutcome(registers: Registers, wanted: Outcome, sinceMs: number): Promise<Answer> {
  let last = 'the status was never read';
  for (;;) {
    try {
      const status = await readOne(registers, wanted.statusTable, wanted.statusRegister);
      const decided = await decision(registers, wanted, status, sinceMs);
      if (decided !== undefined) return decided;
      last = `the status stayed ${status}`;
    } catch (error) {
      if (!isBusy(error) && !(error instanceof TimeoutError)) return statusFailed(error, sinceMs);
      last = error instanceof Error ? error.message : String(error);
    }
    const elapsedMs = monotonicMs() - sinceMs;
    if (elapsedMs >= wanted.withinMs) {
      return { kind: 'silent', reason: `${last} for ${wanted.withinMs} ms`, elapsedMs };
    }
    await pause(Math.min(wanted.everyMs, wanted.withinMs - elapsedMs));
  }
}

async function decision(
  registers: Registers,
  wanted: Outcome,
  status: number,
  sinceMs: number,
): Promise<Answer | undefined> {
  if (wanted.acceptedWhen.includes(status)) return { kind: 'accepted', elapsedMs: monotonicMs() - sinceMs };
  if (!wanted.refusedWhen.includes(status)) return undefined;
  const elapsedMs = monotonicMs() - sinceMs;
  const reason = (await readReason(registers, wanted)) ?? `status ${status}`;
  return {
    kind: 'refused',
    reason,
    elapsedMs,
    ...(wanted.stage === undefined ? {} : { stage: wanted.stage }),
  };
}

/** An exception to a look at the status is no answer to the stimulus: the board file names a wrong register. */
export function statusFailed(error: unknown, sinceMs: number): Answer {
  if (error instanceof DeviceException) {
    throw new DriverError('status-unreadable', 'the status register cannot be read', {
      hint: 'Check statusRegister, reasonRegister and their table in the board file.',
      cause: error,
    });
  }
  return answerOfError(error, monotonicMs() - sinceMs);
}
