/** Tests of a case's body as a table: such a device, such a verdict. */

import assert from 'node:assert/strict';
import { afterEach, it } from 'mocha';
import type { Verdict } from '../../verdict.ts';
import { setCurrentRun } from '../run.ts';
import type { FakeGateway, Faults } from './fake-gateway.ts';
import { fakeRun, judged, type FakeRun, type FakeRunOptions } from './fake-run.ts';

export interface VerdictRow {
  /** Completes "a device …". */
  name: string;
  faults?: Faults;
  options?: FakeRunOptions;
  prepare?: (gateway: FakeGateway) => void;
  verdict: Verdict;
  says?: RegExp;
  /** What else the record must show. */
  shows?: (run: FakeRun) => void;
}

/** One test per row, inside the enclosing `describe`. */
export function verdictTable(
  rows: readonly VerdictRow[],
  id: string,
  body: Parameters<typeof judged>[1],
): void {
  afterEach(() => setCurrentRun(undefined));
  for (const { name, faults, options, prepare, verdict, says, shows } of rows) {
    it(`${verdict}: ${name}`, async () => {
      const run = fakeRun({ ...options, ...(faults === undefined ? {} : { faults }) });
      prepare?.(run.gateway);
      const outcome = await judged(run, body, { id });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      if (says !== undefined) assert.match(outcome.reason, says);
      shows?.(run);
    });
  }
}
