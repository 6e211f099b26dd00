/**
 * Rejections in a batch: one control before, attacks that the device should refuse, one control after. Until that
 * closing control every pass is provisional. What a device took in whole is booted at once, for the next offer could
 * wipe out what it left behind; only transfers that broke off share one power cycle at the end.
 */

import { after } from 'mocha';
import type { FirmwareState } from '../capabilities.ts';
import { Deadline } from '../clock.ts';
import { Inconclusive, NotExecuted } from '../errors.ts';
import { CaseContext } from './case-context.ts';
import { controlInstallation, controlUpdate } from './controls.ts';
import type { ForbiddenImage, Ground } from './ground.ts';
import { backToStable } from './took-effect.ts';
import { attack } from './forbidden-image.ts';
import { everyOne } from './every-one.ts';
import { canRestart, firmwareOf, primaryIngress, readState, restart, type Installation } from './firmware.ts';
import { judge, publish, settle, type Outcome } from './judge.ts';
import { currentRun, type Run } from './run.ts';
import { changes, fitOf, looksLike, mustSeeSomething } from './state.ts';
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
  t: CaseContext;
  /** True when at least one of its attacks awaits the shared power cycle. */
  awaitsPowerCycle: boolean;
}

/** Runs in which a batch has looked for late effects already: it is one updater, and the look takes the time of a boot. */
const lookedLate = new WeakSet<Run>();

export class RejectionBatch {
  readonly #ingress: string | undefined;
  #ground: Ground | undefined;
  #openingFailure: Error | undefined;
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
        t,
        awaitsPowerCycle: false,
      };
      this.#members.set(t.id, member);
      const clock = new Deadline(0);
      const awaits = (): void => {
        member.awaitsPowerCycle = true;
      };
      await everyOne(t, this.#ingresses(t), async (ingress) => {
        await this.#enter(t, ground, ingress);
        await attackAll(t, await images(t), ground, ingress, awaits);
      }).finally(() => {
        member.tookMs = clock.elapsedMs;
      });
      t.run.record.checkpoint();
    };
    body.provisional = true;
    body.batch = this;
    return body;
  }

  /** The way in of this batch; with `--ingress all`, every one. */
  #ingresses(t: CaseContext): readonly string[] {
    if (this.#ingress !== undefined) return [this.#ingress];
    return t.run.everyIngress ? firmwareOf(t).ingresses : [primaryIngress(t)];
  }

  /** Through a further way in nothing is attacked before a control went through it. */
  async #enter(t: CaseContext, ground: Ground, ingress: string): Promise<void> {
    if (ground.controlTraces.has(ingress)) return;
    const { state, trace } = await controlInstallation(t, 'before', ingress);
    ground.controlTraces.set(ingress, trace);
    ground.baseline = state;
  }

  async #open(t: CaseContext): Promise<Ground> {
    if (this.#openingFailure !== undefined) throw this.#openingFailure;
    try {
      if (this.#ground === undefined) {
        this.#ground = await openGround(t, this.#ingress ?? primaryIngress(t));
        if (t.run.depth !== 'smoke' && !lookedLate.has(t.run)) this.#ground.lateLook = 'due';
        lookedLate.add(t.run);
      }
    } catch (error) {
      this.#openingFailure = error instanceof Error ? error : new Error(String(error)); // every later case of the batch ends with the same words
      throw error;
    }
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
    const waiting = [...this.#members.values()].filter((member) => member.awaitsPowerCycle);
    const last = before.at(-1) ?? waiting.at(-1);
    if (last === undefined || ground === undefined) return [];
    const t = new CaseContext(run, last.id, last.attempt);
    t.controlAccepted = true;
    t.stimulusDelivered = true;
    const closing = await settle(t, async () => {
      mustBeFit(run);
      await this.#sharedPowerCycle(t, waiting, ground);
      mustBeFit(run);
      for (const ingress of ground.controlTraces.keys())
        await Promise.race([controlUpdate(t, 'after', ingress), run.interruption]);
    });
    t.end();
    for (const member of passed()) {
      const outcome = finalOutcome(closing, [...member.t.notes, ...t.notes]);
      publish(new CaseContext(run, member.id, member.attempt), outcome, false, member.tookMs);
    }
    return before.map(({ id }) => id).filter((id) => run.verdicts.get(id) !== 'conforms');
  }

  /** Whatever the waiting cases came to so far: what they offered may take effect only now. */
  async #sharedPowerCycle(t: CaseContext, waiting: readonly Member[], ground: Ground): Promise<void> {
    if (waiting.length === 0) return;
    const changed = await changedOverPowerCycle(t, ground);
    if (changed.length === 0) return;
    const cause = changed.join('; ');
    t.note(`state changed over the shared power cycle (${cause}): each case was run again alone`);
    await backToStable(t, ground, cause);
    ground.alone = true;
    const alone: Verdict[] = [];
    for (const { id, body, attempt, t: first } of waiting) {
      // What ended undecided stays so: trying again until it passes would prove nothing.
      const sofar = t.run.verdicts.get(id);
      if (sofar !== 'conforms' && sofar !== 'violates') continue;
      const registered = registeredCases().get(id) ?? { id, title: id, plan: { needs: [] } };
      const outcome = await judge(t.run, registered, body, attempt + 1);
      alone.push(outcome.verdict);
      if (first.findings.length > 0 && outcome.verdict !== 'violates')
        standsAllTheSame(t.run, first, attempt + 2);
    }
    if (alone.includes('violates')) return;
    if (alone.every((verdict) => verdict === 'conforms')) t.violates(effectOfAllTogether(cause));
    throw new Inconclusive(
      'change-not-explained',
      `the state changed over the shared power cycle (${cause}), and which attack did it could not be told`,
    );
  }
}

/** A violation that was seen once stands, whatever a later attempt came to. */
function standsAllTheSame(run: Run, first: CaseContext, attempt: number): void {
  const said = first.findings.map(({ expected, observed }) => `expected ${expected}; observed ${observed}`);
  const outcome: Outcome = {
    verdict: 'violates',
    reason: `${said.join(' | ')} (in attempt ${first.attempt})`,
    findings: first.findings,
  };
  publish(new CaseContext(run, first.id, attempt), outcome, false, 0);
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

async function openGround(t: CaseContext, ingress: string): Promise<Ground> {
  const { state, trace, image } = await firstControl(t, ingress);
  mustSeeSomething(t, state);
  const ground: Ground = { baseline: state, controlTraces: new Map([[ingress, trace]]), alone: false };
  // Attacks are made from the golden image: over another one, an altered golden image shows.
  const golden = t.image('golden');
  const isGolden = fitOf(state, golden).kind === 'fits' || (image === golden && looksLike(state, golden));
  if (t.declaration.controls?.way === 'pair' && isGolden)
    ground.baseline = (await controlInstallation(t, 'before', ingress, t.image('pair'))).state;
  return ground;
}

/**
 * The opening control. What an earlier case left behind (an image offered and not started, a trial) is gone after a
 * power cycle: then the control has one more try. It is set-up, no security assertion, and both tries are on record.
 */
async function firstControl(t: CaseContext, ingress: string): Promise<Installation> {
  try {
    return await controlInstallation(t, 'before', ingress);
  } catch (error) {
    if (!(error instanceof Inconclusive) || !canRestart(t)) throw error;
    await restart(t);
    const done = await controlInstallation(t, 'before', ingress);
    t.note(`the opening control held only after a power cycle; before it, ${error.message}`);
    return done;
  }
}

/** @param awaits called when a power cycle is still to be done, however the attacks end */
async function attackAll(
  t: CaseContext,
  forbidden: readonly ForbiddenImage[],
  ground: Ground,
  ingress: string,
  awaits: () => void,
): Promise<void> {
  if (forbidden.length === 0) {
    throw new NotExecuted('nothing-offered', 'there is no forbidden image to offer: nothing would be tested');
  }
  await everyOne(t, forbidden, (each) =>
    t.step(`attack: ${each.alteration}`, async () => {
      if (await attack(t, each, ground, ingress)) awaits();
    }),
  );
}

function changedOverPowerCycle(t: CaseContext, ground: Ground): Promise<string[]> {
  return t.step('shared power cycle', async () => {
    await restart(t);
    return changes(ground.baseline, await readState(t, 'after the shared power cycle'));
  });
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
    ...(closing.interrupted === true ? { interrupted: true } : {}),
  };
}

export interface OfferOptions {
  /** The state after a control of the case's own; with it, no control comes between that and the attacks. */
  baseline?: FirmwareState;
  /** What else must hold, before the closing control. */
  thereafter?: () => Promise<void>;
  /** In place of the closing control. */
  closing?: () => Promise<unknown>;
}

/**
 * Offers forbidden images through one way in, the whole batch inside one case: control, attacks, power cycle, control.
 *
 * @throws Nonconformity, or Inconclusive when a control does not hold
 */
export async function offerForbidden(
  t: CaseContext,
  ingress: string,
  forbidden: readonly ForbiddenImage[],
  { baseline, thereafter, closing = () => controlUpdate(t, 'after', ingress) }: OfferOptions = {},
): Promise<void> {
  const ground: Ground =
    baseline === undefined
      ? await openGround(t, ingress)
      : { baseline, controlTraces: new Map([[ingress, 'a control of the case']]), alone: false };
  let waiting = false;
  const attacks = (): Promise<void> =>
    attackAll(t, forbidden, ground, ingress, () => {
      waiting = true;
    });
  // A doubt about one attack must not keep the effect of another from being seen.
  const doubt = await attacks().then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof Inconclusive) || !waiting || t.run.poisoned !== undefined) throw error;
      return error;
    },
  );
  const changed = waiting ? await changedOverPowerCycle(t, ground) : [];
  if (changed.length > 0) {
    await backToStable(t, ground, changed.join('; '));
    ground.alone = true;
    await attacks();
    t.found(effectOfAllTogether(changed.join('; ')));
  }
  if (doubt !== undefined) throw doubt;
  await thereafter?.();
  await closing();
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
