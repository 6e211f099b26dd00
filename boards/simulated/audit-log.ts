/** The audit log: one JSON line per event, appended, kept over power cycles. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { type Defects } from './defects.ts';

export type AuditEventName =
  | 'update-refused'
  | 'update-staged'
  | 'update-confirmed'
  | 'image-reverted'
  | 'override-refused'
  | 'transfer-ended'
  | 'update-locked'
  | 'boot-refused'
  | 'counter-raised'
  | 'command-refused'
  | 'integrity-alarm'
  | 'factory-reset'
  | 'channel-closed';

export interface AuditRecord {
  seq: number;
  /** ISO 8601, UTC, milliseconds. */
  utc: string;
  event: string;
  object: string;
  result: string;
  text: string;
}

export class AuditLog {
  readonly #path: string;
  readonly #silent: boolean;
  readonly #records: AuditRecord[];

  constructor(path: string, defects: Defects) {
    this.#path = path;
    this.#silent = defects.has('logs-nothing');
    this.#records = existsSync(path) ? readRecords(path) : [];
  }

  /** Sequence of the last record; 0 for an empty log. */
  get latest(): number {
    return this.#records.at(-1)?.seq ?? 0;
  }

  append(event: string, object: string, result: string, text: string): void {
    if (this.#silent) return;
    const utc = new Date().toISOString();
    const record = { seq: this.latest + 1, utc, event, object, result, text: oneLine(text) };
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
    this.#records.push(record);
  }

  since(seq: number): AuditRecord[] {
    return this.#records.filter((record) => record.seq > seq);
  }
}

/** Control characters would let a text pretend to be a record of its own. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, 200);
}

/** A line torn by a power cut is left out, and closed so that the next record starts on a line of its own. */
function readRecords(path: string): AuditRecord[] {
  const text = readFileSync(path, 'utf8');
  if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as AuditRecord];
    } catch {
      return [];
    }
  });
}
