/**
 * Errors that say whose fault it is.
 *
 * Everything under {@link BenchError} is the bench's or the user's trouble and never fails a device.
 * Only {@link Nonconformity} does. The two meet in `case.ts`, and nowhere else.
 */

import { inspect } from 'node:util';

/** What an error carries beside its sentence. */
export interface ErrorDetails {
  /** Numbers and names for machines: bytes received, deadline in ms, port path. */
  data?: Readonly<Record<string, unknown>>;
  /** The next step, in the imperative: "Check that unit id 17 is right." */
  hint?: string;
  /** What caused it; the whole chain is printed. */
  cause?: unknown;
}

/** Base of every error that Fieldproof raises on purpose. */
export class FieldproofError extends Error {
  /** Stable machine-readable code, kebab-case: `port-gone`, `unknown-key`. */
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.data = details.data ?? {};
    this.hint = details.hint;
  }
}

/** Trouble on our side of the wire. Never a verdict on the device. */
export class BenchError extends FieldproofError {}

/** The command line was used wrongly (exit code 64). */
export class UsageError extends FieldproofError {}

/** A board file, declaration or lab file cannot be used as it stands. */
export class BoardFileError extends BenchError {}

/** A driver was used outside its contract: wrong state, missing capability, impossible setting. */
export class DriverError extends BenchError {}

/** A port or socket failed: missing, no permission, unplugged, refused, reset. */
export class PortError extends BenchError {}

/** Nothing, or too little, came within the deadline. Never to be read as a refusal. */
export class TimeoutError extends BenchError {}

/** Bytes came that are not a well-formed frame of the protocol. */
export class FrameError extends BenchError {}

/** The device answered with its protocol's own error: a Modbus exception, a bad OPC UA status code. */
export class DeviceException extends BenchError {}

/** The record, a segment or a report cannot be written, read or trusted. */
export class EvidenceError extends BenchError {}

/** The device did what its requirement forbids, or failed to do what it demands. The only error that fails a device. */
export class Nonconformity extends FieldproofError {
  readonly expected: string;
  readonly observed: string;

  constructor(finding: {
    code: string;
    expected: string;
    observed: string;
    data?: Readonly<Record<string, unknown>>;
  }) {
    super(finding.code, `expected ${finding.expected}; observed ${finding.observed}`, {
      data: finding.data ?? {},
    });
    this.expected = finding.expected;
    this.observed = finding.observed;
  }
}

/** The case ran, and what was seen does not decide it: a control failed, an effect cannot be observed. */
export class Inconclusive extends FieldproofError {
  constructor(code: string, reason: string, details: ErrorDetails = {}) {
    super(code, reason, details);
  }
}

/** Something that the case needs is missing on this board; the device has not been judged. */
export class NotExecuted extends FieldproofError {
  constructor(code: string, reason: string, details: ErrorDetails = {}) {
    super(code, reason, details);
  }
}

/** The declaration says, with a reason, that a conditional requirement does not apply to this device. */
export class NotApplicable extends FieldproofError {
  constructor(code: string, reason: string, details: ErrorDetails = {}) {
    super(code, reason, details);
  }
}

/**
 * One line per link of the cause chain, outermost first, each with its hint: what a person is shown.
 *
 * @param error anything that was thrown
 */
export function explain(error: unknown): string {
  const lines: string[] = [];
  for (let link: unknown = error, depth = 0; link !== undefined && depth < 8; depth += 1) {
    const text = link instanceof Error ? link.message : inspect(link);
    lines.push(depth === 0 ? text : `  because: ${text}`);
    if (link instanceof FieldproofError && link.hint !== undefined) lines.push(`  next: ${link.hint}`);
    link = link instanceof Error ? link.cause : undefined;
  }
  return lines.join('\n');
}
