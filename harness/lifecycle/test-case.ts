/**
 * `testCase()` around mocha's `it()`, so that a suite file reads like the requirement. The title is the
 * catalogue's: "SIG-02 rejects an image whose payload was altered after signing".
 */

import { it } from 'mocha';
import type { CaseContext } from './case-context.ts';
import { judge } from './judge.ts';
import type { Need } from './needs.ts';
import { currentRun, type Depth } from './run.ts';

/** What a case needs, costs and risks; `fieldproof plan` reads it without touching hardware. */
export interface CasePlan {
  needs: readonly Need[];
  /** Complete firmware updates that the case makes beside its batch's controls. */
  updates?: number;
  powerCycles?: number;
  /** Seconds beside updates and power cycles: waiting for alarms, soaking. A function of nothing but the declaration. */
  seconds?: number;
  /** The shallowest depth at which the case runs; absent: it always does. */
  depth?: Depth;
  /** A stimulus that can harm the device: runs only when the board file's `allow` names it. */
  mayHarm?: string;
}

/** A case as the suites register it. */
export interface RegisteredCase {
  id: string;
  title: string;
  plan: CasePlan;
  /** The batch whose controls the case shares, if any. */
  batch?: object;
}

/** The body of a case. `provisional` bodies belong to a batch, whose closing control makes the verdict final. */
export interface CaseBody {
  (t: CaseContext): Promise<void>;
  provisional?: boolean;
  /** That batch; what it is, only `plan` asks. */
  batch?: object;
}

const registry = new Map<string, RegisteredCase>();

/** All cases that the loaded suites registered, by id. */
export function registeredCases(): ReadonlyMap<string, RegisteredCase> {
  return registry;
}

/**
 * Registers one case.
 *
 * @param title id, a space, and the catalogue's title, which finishes the sentence "the device …"
 */
export function testCase(title: string, plan: CasePlan, body: CaseBody): void {
  const [id = ''] = title.split(' ');
  const batch = body.batch === undefined ? {} : { batch: body.batch };
  registry.set(id, { id, title: title.slice(id.length + 1), plan, ...batch });
  it(title, async function () {
    this.timeout(0); // deadlines are ours
    const outcome = await judge(currentRun(), { id, title: title.slice(id.length + 1), plan }, body);
    if (outcome.verdict === 'not-applicable' || outcome.verdict === 'not-executed') this.skip();
    if (outcome.verdict !== 'conforms') throw new Error(`${outcome.verdict}: ${outcome.reason}`);
  });
}
