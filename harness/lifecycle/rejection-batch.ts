/**
 * Rejections in a batch: one control before, attacks that the device should refuse, one shared power cycle, one
 * control after. Until that closing control every pass is provisional.
 *
 * POST-R, the oracle of every rejection: refusal in time; version, digest and counter unchanged, now and after a
 * power cycle; the process value alive throughout; a correlated audit event; the control accepted before and after.
 */

import { after } from 'mocha';
import type { Answer, FirmwareImage, FirmwareState } from '../capabilities.ts';
import { Deadline } from '../clock.ts';
import { Inconclusive } from '../errors.ts';
import { auditMarker, mustBeAudited } from './audit.ts';
import { CaseContext } from './case-context.ts';
import {
  changes,
  controlUpdate,
  differsFromImage,
  firmwareOf,
  mustSeeSomething,
  powerCycle,
  primaryIngress,
  readState,
  recover,
  say,
  waitUntilReady,
} from './firmware.ts';
import { judge, provenDead, publish, settle, type Outcome } from './judge.ts';
import { mustBeAlive, watchProcess } from './process-watch.ts';
import { currentRun } from './run.ts';
import { registeredCases, type CaseBody } from './test-case.ts';

/** An image that a conforming device must not run, and why. */
export interface ForbiddenImage {
  image: FirmwareImage;
  /** The one stated difference from an image that is accepted. */
  alteration: string;
  rationale: string;
  /** Accepting it is benign as long as what then runs is exactly this image. */
  benignAs?: FirmwareImage;
}

/** Makes the forbidden images of a case, once per case. */
export type ForbiddenImages = (
  t: CaseContext,
) => readonly ForbiddenImage[] | Promise<readonly ForbiddenImage[]>;

interface Member {
  id: string;
  body: CaseBody;
  tookMs: number;
  notes: readonly string[];
  /** True when at least one of its attacks awaits the shared power cycle. */
  awaitsPowerCycle: boolean;
}

export class RejectionBatch {
  readonly #ingress: string | undefined;
  #baseline: FirmwareState | undefined;
  #openingFailure: unknown;
  #members: Member[] = [];
  #alone = false;

  /** @param ingress the way in; without it, the device's primary one */
  constructor(ingress?: string) {
    this.#ingress = ingress;
  }

  /** The body of a case: each of these images is offered, and none may come to run. */
  rejects(images: ForbiddenImages): CaseBody {
    const body: CaseBody = async (t) => {
      await this.#open(t);
      const member: Member = { id: t.id, body, tookMs: 0, notes: t.notes, awaitsPowerCycle: false };
      if (!this.#alone) this.#members.push(member);
      const clock = new Deadline(0);
      for (const forbidden of await images(t)) {
        await t.step(`attack: ${forbidden.alteration}`, () => this.#attack(t, forbidden, member));
      }
      member.tookMs = clock.elapsedMs;
      t.run.record.checkpoint();
    };
    body.provisional = true;
    return body;
  }

  async #open(t: CaseContext): Promise<void> {
    if (this.#openingFailure instanceof Error) throw this.#openingFailure;
    if (this.#baseline === undefined) {
      try {
        const state = await controlUpdate(t, 'before', this.#wayIn(t));
        mustSeeSomething(t, state);
        this.#baseline = state;
      } catch (error) {
        this.#openingFailure = error; // every later case of the batch ends with the same words
        throw error;
      }
    }
    t.controlAccepted = true;
  }

  #wayIn(t: CaseContext): string {
    return this.#ingress ?? primaryIngress(t);
  }

  #baselineState(): FirmwareState {
    if (this.#baseline === undefined) throw new Error('a batch was used before it was opened');
    return this.#baseline;
  }

  async #attack(t: CaseContext, forbidden: ForbiddenImage, member: Member): Promise<void> {
    const ingress = this.#wayIn(t);
    const firmware = firmwareOf(t);
    t.stimulus({
      name: forbidden.alteration,
      rationale: forbidden.rationale,
      ingress,
      image: forbidden.image,
    });
    const marker = await auditMarker(t);
    const watch = watchProcess(t);
    let answer: Answer;
    try {
      answer = t.answered(forbidden.alteration, await firmware.offer(forbidden.image, ingress));
    } finally {
      await watch.stop();
    }
    this.#mustHaveArrived(t, answer, forbidden);
    if (answer.kind === 'accepted') {
      await this.#decideByBooting(t, forbidden, ingress);
      return;
    }
    if (answer.kind === 'silent' || answer.kind === 'crashed') await this.#mustLive(t, answer, forbidden);
    await this.#mustBeUnchanged(t, `after ${forbidden.alteration}`, forbidden);
    await mustBeAlive(t);
    await mustBeAudited(t, 'updateRefused', marker);
    if (answer.kind === 'silent') {
      t.note(`conceptual: the device never answered ${forbidden.alteration}, but stayed alive and unchanged`);
    }
    if (this.#alone || t.device.power === undefined) await this.#confirmByPowerCycle(t, forbidden);
    else member.awaitsPowerCycle = true;
  }

  /** A refusal before the first byte was acknowledged tells nothing about the image. */
  #mustHaveArrived(t: CaseContext, answer: Answer, forbidden: ForbiddenImage): void {
    const arrived = answer.delivery?.acknowledgedBytes ?? 0;
    t.stimulusDelivered = arrived > 0;
    if (arrived === 0 && answer.kind !== 'refused') {
      throw new Inconclusive(
        'not-delivered',
        `no byte of ${forbidden.alteration} was acknowledged by the device (${say(answer)})`,
      );
    }
  }

  async #mustLive(t: CaseContext, answer: Answer, forbidden: ForbiddenImage): Promise<void> {
    const death = await provenDead(t);
    if (death !== undefined) {
      const finding = {
        code: 'dead-after-stimulus',
        expected: 'a refusal, and a device that goes on working',
        observed: `${death} (${forbidden.alteration})`,
      };
      t.found(finding);
      this.#baseline = await recover(t, this.#baselineState(), finding.observed);
      t.violates(finding);
    }
    if (answer.kind === 'crashed') {
      t.found({
        code: 'restarted-by-stimulus',
        expected: 'a refusal without interruption',
        observed: `the device restarted on ${forbidden.alteration}`,
      });
    }
  }

  /** The device said yes: whether it meant it is decided by what runs after activation and after a power cycle. */
  async #decideByBooting(t: CaseContext, forbidden: ForbiddenImage, ingress: string): Promise<void> {
    const firmware = firmwareOf(t);
    t.answered('activate', await firmware.activate(ingress));
    await waitUntilReady(t);
    if (await this.#ranAsSigned(t, forbidden)) return;
    await this.#mustBeUnchanged(t, 'after activation', forbidden);
    await this.#confirmByPowerCycle(t, forbidden);
    const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
    if (declared.includes('install') || declared.includes('boot')) {
      t.note(`accepted at transfer, refused at ${declared.join(' or ')}, as declared`);
      return;
    }
    t.violates({
      code: 'misreport',
      expected: `${forbidden.alteration} refused at ${declared.join(' or ') || 'transfer'}`,
      observed: 'the device said that it accepted the image, and did not install it',
    });
  }

  /** Some alterations are benign: accepted, and yet exactly the signed bytes run. */
  async #ranAsSigned(t: CaseContext, forbidden: ForbiddenImage): Promise<boolean> {
    const { benignAs } = forbidden;
    if (benignAs === undefined) return false;
    const state = await readState(t, 'after activation');
    if (!state.digest.observable || differsFromImage(state, benignAs) !== undefined) return false;
    t.note(`${forbidden.alteration} was accepted, and what runs is exactly what was signed`);
    this.#baseline = await recover(t, this.#baselineState(), `${forbidden.alteration} was installed`);
    return true;
  }

  async #confirmByPowerCycle(t: CaseContext, forbidden: ForbiddenImage): Promise<void> {
    if (t.device.power === undefined) {
      t.note('state after a power cycle not observable: the board has no switched supply');
      return;
    }
    await powerCycle(t);
    await this.#mustBeUnchanged(t, 'after a power cycle', forbidden);
  }

  async #mustBeUnchanged(t: CaseContext, when: string, forbidden: ForbiddenImage): Promise<void> {
    const changed = changes(this.#baselineState(), await readState(t, when));
    if (changed.length === 0) return;
    const finding = {
      code: 'forbidden-image-took-effect',
      expected: `${forbidden.alteration} to change nothing: ${forbidden.rationale}`,
      observed: `${when}, ${changed.join('; ')}`,
    };
    t.found(finding); // kept, whatever recovery brings
    this.#baseline = await recover(t, this.#baselineState(), finding.observed);
    t.findings.pop(); // said once, by the exception
    t.violates(finding);
  }

  /**
   * The whole batch inside one case: control, attacks, power cycle, control.
   *
   * @throws Nonconformity, or Inconclusive when a control does not hold
   */
  async runWithin(t: CaseContext, forbidden: readonly ForbiddenImage[]): Promise<void> {
    await this.#open(t);
    const member: Member = {
      id: t.id,
      body: async () => {},
      tookMs: 0,
      notes: t.notes,
      awaitsPowerCycle: false,
    };
    const attackAll = async (): Promise<void> => {
      for (const each of forbidden)
        await t.step(`attack: ${each.alteration}`, () => this.#attack(t, each, member));
    };
    await attackAll();
    if (member.awaitsPowerCycle) {
      const changed = await this.#changedOverPowerCycle(t);
      if (changed.length > 0) {
        this.#baseline = await recover(t, this.#baselineState(), changed.join('; '));
        this.#alone = true;
        await attackAll();
        t.found({
          code: 'forbidden-image-took-effect',
          expected: 'refused images to change nothing over a power cycle',
          observed: `${changed.join('; ')}, though not again when each was tried alone`,
        });
      }
    }
    await controlUpdate(t, 'after', this.#wayIn(t));
  }

  /**
   * The shared power cycle, the closing control, and the final verdicts. Called by mocha's `after`.
   *
   * @returns the cases whose provisional pass did not hold
   */
  async close(): Promise<readonly string[]> {
    const run = currentRun();
    const members = this.#members.filter((member) => run.verdicts.get(member.id) === 'conforms');
    if (members.length === 0 || this.#baseline === undefined) return [];
    const fallen: string[] = [];
    const last = members[members.length - 1];
    if (last === undefined) return [];
    const t = new CaseContext(run, last.id);
    t.controlAccepted = true;
    t.stimulusDelivered = true;
    const closing = await settle(t, async () => {
      if (run.interrupted)
        throw new Inconclusive('interrupted', 'the run was ended before the closing control');
      await this.#sharedPowerCycle(t, members, fallen);
      await Promise.race([controlUpdate(t, 'after', this.#wayIn(t)), run.interruption]);
    });
    for (const member of members.filter(({ id }) => run.verdicts.get(id) === 'conforms')) {
      const outcome = finalOutcome(closing, member.notes);
      if (outcome.verdict !== 'conforms') fallen.push(member.id);
      const title = registeredCases().get(member.id)?.title ?? member.id;
      publish(new CaseContext(run, member.id), title, outcome, false, member.tookMs);
    }
    return fallen;
  }

  #changedOverPowerCycle(t: CaseContext): Promise<string[]> {
    return t.step('shared power cycle', async () => {
      await powerCycle(t);
      return changes(this.#baselineState(), await readState(t, 'after the shared power cycle'));
    });
  }

  async #sharedPowerCycle(t: CaseContext, members: readonly Member[], fallen: string[]): Promise<void> {
    const waiting = members.filter((member) => member.awaitsPowerCycle);
    if (waiting.length === 0) return;
    const changed = await this.#changedOverPowerCycle(t);
    if (changed.length === 0) return;
    t.note(`state changed over the shared power cycle (${changed.join('; ')}): each case is run again alone`);
    this.#baseline = await recover(t, this.#baselineState(), changed.join('; '));
    this.#alone = true;
    for (const member of waiting) {
      const registered = registeredCases().get(member.id);
      if (registered === undefined) continue;
      const outcome = await judge(t.run, registered, member.body, 2);
      if (outcome.verdict !== 'conforms') fallen.push(member.id);
    }
  }
}

/** What the closing control makes of a provisional pass. */
function finalOutcome(closing: Outcome, notes: readonly string[]): Outcome {
  if (closing.verdict === 'conforms') {
    return {
      verdict: 'conforms',
      reason: notes.length === 0 ? 'as required' : notes.join('; '),
      findings: [],
    };
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

/** Offers forbidden images through one way in, with its own controls and its own power cycle. */
export function offerForbidden(
  t: CaseContext,
  ingress: string,
  forbidden: readonly ForbiddenImage[],
): Promise<void> {
  return new RejectionBatch(ingress).runWithin(t, forbidden);
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
