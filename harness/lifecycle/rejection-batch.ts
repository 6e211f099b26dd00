/**
 * Rejections in a batch: one control before, attacks that the device should refuse, one shared power cycle, one
 * control after. Until that closing control every pass is provisional.
 */

import { after } from 'mocha';
import type { FirmwareState } from '../capabilities.ts';
import { Deadline } from '../clock.ts';
import { Inconclusive, NotExecuted } from '../errors.ts';
import { CaseContext } from './case-context.ts';
import { controlInstallation, controlUpdate } from './controls.ts';
import { attack, type ForbiddenImage, type Ground } from './forbidden-image.ts';
import { everyOne } from './every-one.ts';
import { powerCycle, primaryIngress, readState } from './firmware.ts';
import { judge, publish, settle, type Outcome } from './judge.ts';
import { recover } from './recovery.ts';
import { currentRun, type Run } from './run.ts';
import { changes, mustSeeSomething } from './state.ts';
import type { Verdict } from '../verdict.ts';
import { registeredCases, type CaseBody } from './test-case.ts';

/** Makes the forbidden images of a case, once per case. */
export type ForbiddenImages = (
  t: CaseContext,
) => readonly ForbiddenImage[] | Promise<readonly ForbiddenImage[]>;

interface Member {
  id: string;
  body: CaseBody;
  /** Latest attempt, and what it came to. */
  attempt: number;
  tookMs: number;
  notes: readonly string[];
  /** True when at least one of its attacks awaits the shared power cycle. */
  awaitsPowerCycle: boolean;
}

export class RejectionBatch {
  readonly #ingress: string | undefined;
  #ground: Ground | undefined;
  #openingFailure: Error | undefined;
  readonly #openingNotes: string[] = [];
  readonly #members = new Map<string, Member>();

  /** @param ingress the way in; without it, the device's primary one */
  constructor(ingress?: string) {
    this.#ingress = ingress;
  }

  /** The body of a case: each of these images is offered, and none may come to run. */
  rejects(images: ForbiddenImages): CaseBody {
    const body: CaseBody = async (t) => {
      const ground = await this.#open(t);
      const member = {
        id: t.id,
        body,
        attempt: t.attempt,
        tookMs: 0,
        notes: t.notes,
        awaitsPowerCycle: false,
      };
      this.#members.set(t.id, member);
      const clock = new Deadline(0);
      member.awaitsPowerCycle = await attackAll(t, await images(t), ground);
      member.tookMs = clock.elapsedMs;
      t.run.record.checkpoint();
    };
    body.provisional = true;
    return body;
  }

  async #open(t: CaseContext): Promise<Ground> {
    if (this.#openingFailure !== undefined) throw this.#openingFailure;
    try {
      this.#ground ??= await openGround(t, this.#ingress ?? primaryIngress(t), this.#openingNotes);
    } catch (error) {
      this.#openingFailure = error instanceof Error ? error : new Error(String(error)); // every later case of the batch ends with the same words
      throw error;
    }
    this.#openingNotes.forEach((text) => t.note(text)); // the control was that of every case of the batch
    t.controlAccepted = true;
    return this.#ground;
  }

  /**
   * The shared power cycle, the closing control, and the final verdicts. Called by mocha's `after`.
   *
   * @returns the cases whose provisional pass did not hold
   */
  async close(): Promise<readonly string[]> {
    const run = currentRun();
    const ground = this.#ground;
    const passed = (): Member[] =>
      [...this.#members.values()].filter(({ id }) => run.verdicts.get(id) === 'conforms');
    const before = passed();
    const last = before.at(-1);
    if (last === undefined || ground === undefined) return [];
    const t = new CaseContext(run, last.id, last.attempt);
    t.controlAccepted = true;
    t.stimulusDelivered = true;
    const closing = await settle(t, async () => {
      mustBeFit(run);
      await this.#sharedPowerCycle(t, before, ground);
      mustBeFit(run);
      await Promise.race([controlUpdate(t, 'after', ground.ingress), run.interruption]);
    });
    t.end();
    for (const member of passed()) {
      const outcome = finalOutcome(closing, [...member.notes, ...t.notes]);
      publish(new CaseContext(run, member.id, member.attempt), outcome, false, member.tookMs);
    }
    return before.map(({ id }) => id).filter((id) => run.verdicts.get(id) !== 'conforms');
  }

  async #sharedPowerCycle(t: CaseContext, members: readonly Member[], ground: Ground): Promise<void> {
    const waiting = members.filter((member) => member.awaitsPowerCycle);
    if (waiting.length === 0) return;
    const changed = await changedOverPowerCycle(t, ground);
    if (changed.length === 0) return;
    const cause = changed.join('; ');
    t.note(`state changed over the shared power cycle (${cause}): each case was run again alone`);
    await backToStable(t, ground, cause);
    ground.alone = true;
    const alone: Verdict[] = [];
    for (const { id, body, attempt } of waiting) {
      const registered = registeredCases().get(id) ?? { id, title: id, plan: { needs: [] } };
      const outcome = await judge(t.run, registered, body, attempt + 1);
      alone.push(outcome.verdict);
    }
    if (alone.includes('violates')) return;
    if (alone.every((verdict) => verdict === 'conforms')) t.violates(effectOfAllTogether(cause));
    throw new Inconclusive(
      'change-not-explained',
      `the state changed over the shared power cycle (${cause}), and which attack did it could not be told`,
    );
  }
}

/** A verdict of the closing control would be one on the wrong cause. */
function mustBeFit(run: Run): void {
  if (run.interrupted) {
    throw new Inconclusive('interrupted', 'the run was ended before the closing control');
  }
  if (run.poisoned !== undefined) {
    throw new Inconclusive(
      'board-poisoned',
      `the device did not return to its baseline after ${run.poisoned.byCase}: ${run.poisoned.cause}`,
    );
  }
}

async function openGround(t: CaseContext, ingress: string, notes: string[]): Promise<Ground> {
  const known = t.notes.length;
  const { state, trace } = await controlInstallation(t, 'before', ingress);
  mustSeeSomething(t, state);
  notes.push(...t.notes.slice(known));
  return { ingress, baseline: state, controlTrace: trace, alone: false };
}

/** Returns true when a power cycle is still to be done. */
async function attackAll(
  t: CaseContext,
  forbidden: readonly ForbiddenImage[],
  ground: Ground,
): Promise<boolean> {
  if (forbidden.length === 0) {
    throw new NotExecuted('nothing-offered', 'there is no forbidden image to offer: nothing would be tested');
  }
  let awaits = false;
  await everyOne(t, forbidden, (each) =>
    t.step(`attack: ${each.alteration}`, async () => {
      awaits = (await attack(t, each, ground)) || awaits;
    }),
  );
  return awaits;
}

function changedOverPowerCycle(t: CaseContext, ground: Ground): Promise<string[]> {
  return t.step('shared power cycle', async () => {
    await powerCycle(t);
    return changes(ground.baseline, await readState(t, 'after the shared power cycle'));
  });
}

/** Recovers, and shows that an innocent power cycle changes nothing; else no attack may be blamed for a change. */
async function backToStable(t: CaseContext, ground: Ground, cause: string): Promise<void> {
  ground.baseline = await recover(t, ground.baseline, cause);
  const innocent = await t.step('twin: power cycle without attacks', async () => {
    await powerCycle(t);
    return changes(ground.baseline, await readState(t, 'after the twin’s power cycle'));
  });
  const detail = innocent.join('; ') || 'same state';
  t.control('state kept over a power cycle', 'twin', innocent.length === 0, detail);
  if (innocent.length === 0) return;
  throw new Inconclusive('unstable-baseline', `the state changes over an innocent power cycle: ${detail}`);
}

const effectOfAllTogether = (cause: string) => ({
  code: 'forbidden-image-took-effect',
  expected: 'refused images to change nothing over a power cycle',
  observed: `${cause}, though not again when each case was run alone, nor over a power cycle without attacks`,
});

/** What the closing control makes of a provisional pass. */
function finalOutcome(closing: Outcome, notes: readonly string[]): Outcome {
  if (closing.verdict === 'conforms') {
    const said = [...new Set(notes)];
    return { verdict: 'conforms', reason: said.join('; ') || 'as required', findings: [] };
  }
  if (closing.verdict === 'violates') {
    return { ...closing, reason: `after the stimuli of this batch, one of which did it: ${closing.reason}` };
  }
  return {
    verdict: 'inconclusive',
    reason: `the closing control did not hold, so the refusals before it mean nothing: ${closing.reason}`,
    findings: [],
  };
}

/**
 * Offers forbidden images through one way in, the whole batch inside one case: control, attacks, power cycle, control.
 *
 * @param baseline the state after a control of the case's own; with it, no control comes between that and the attacks
 * @throws Nonconformity, or Inconclusive when a control does not hold
 */
export async function offerForbidden(
  t: CaseContext,
  ingress: string,
  forbidden: readonly ForbiddenImage[],
  baseline?: FirmwareState,
): Promise<void> {
  const ground: Ground =
    baseline === undefined
      ? await openGround(t, ingress, [])
      : { ingress, baseline, controlTrace: 'a control of the case', alone: false };
  if (await attackAll(t, forbidden, ground)) {
    const changed = await changedOverPowerCycle(t, ground);
    if (changed.length > 0) {
      await backToStable(t, ground, changed.join('; '));
      ground.alone = true;
      await attackAll(t, forbidden, ground);
      t.found(effectOfAllTogether(changed.join('; ')));
    }
  }
  await controlUpdate(t, 'after', ingress);
}

/**
 * A batch for the enclosing `describe`: opens at its first case, closes in mocha's `after`.
 *
 * @param ingress the way in; without it, the device's primary one
 */
export function rejectionBatch(ingress?: string): RejectionBatch {
  const batch = new RejectionBatch(ingress);
  after('closing control', async function () {
    this.timeout(0);
    const fallen = await batch.close();
    if (fallen.length > 0) throw new Error(`the closing control did not hold for ${fallen.join(', ')}`);
  });
  return batch;
}
