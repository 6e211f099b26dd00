/** RB-18: one update is cut five times, again and again while the boot loader resumes it, at moments drawn by lot. */

import {
  controlUpdate,
  monotonicMs,
  nextControlImage,
  pause,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import { aftermathOf, updateAgain } from './cut-aftermath.ts';
import { cutsAtDepth, keepSweep, type SweptCut } from './cut-sweep.ts';
import { mustHaveHit } from './power-cut-sweep.ts';
import { seededRandom, type Random } from './seeded-random.ts';
import { timeUpdate, updateWithCut, type Hit, type UpdatePhase } from './update-with-cut.ts';

const cutsPerUpdate = 5;
const roundsAtDepth = { smoke: 2, standard: 10, full: 20 } as const;

/** Several updates, each cut five times, then left to come to its end: the old or the new image, and an update after. */
export async function mustSurviveRepeatedCuts(t: CaseContext): Promise<void> {
  cutsAtDepth(t); // none at all is no sweep
  await controlUpdate(t, 'before', primaryIngress(t));
  const install = await t.step('time an undisturbed update', () => timeInstall(t));
  const random = seededRandom(t.run.seed, t.id);
  const rounds = roundsAtDepth[t.run.depth];
  const cuts: SweptCut[] = [];
  const round = new Round(t, install, random, cuts);
  try {
    for (let index = 0; index < rounds && t.findings.length === 0; index += 1) {
      const name = `update ${index + 1} of ${rounds}`;
      await t.step(`${name}, cut ${cutsPerUpdate} times`, () => round.run(name, { index, rounds }));
    }
  } finally {
    keepSweep(t, 'one update, again and again', [install], cuts);
  }
  mustHaveHit(t, cuts, install.name);
  await controlUpdate(t, 'after', primaryIngress(t));
}

async function timeInstall(t: CaseContext): Promise<UpdatePhase> {
  const phases = await timeUpdate(t);
  return t.need(
    phases.find(({ name }) => name === 'install'),
    'time between activation and readiness',
  );
}

/** Which of how many rounds. */
export interface Turn {
  index: number;
  rounds: number;
}

/** Part of a round's stretch over which its cuts are drawn: so little that no two rounds leave a gap between them. */
const jitter = 0.25;

/**
 * When an installation is cut, in milliseconds after activation or after power came back. When the boot loader begins
 * its work cannot be seen from outside, so each round has a stretch of its own of the whole time, and all five cuts fall
 * into it: where the stretch lies early in that work, each of them finds the work of the one before half done.
 */
export function cutMs(random: Random, installMs: number, { index, rounds }: Turn): number {
  return ((index + 0.5 + jitter * (random() - 0.5)) / rounds) * installMs;
}

/** One update with its cuts. */
class Round {
  readonly #t: CaseContext;
  readonly #install: UpdatePhase;
  readonly #random: Random;
  readonly #cuts: SweptCut[];
  #leadMs = Infinity;

  constructor(t: CaseContext, install: UpdatePhase, random: Random, cuts: SweptCut[]) {
    this.#t = t;
    this.#install = install;
    this.#random = random;
    this.#cuts = cuts;
  }

  async run(name: string, turn: Turn): Promise<void> {
    const t = this.#t;
    const before = await readState(t, `before ${name}`);
    const image = nextControlImage(t, before);
    const rationale = 'an update that is cut again while it is resumed must not destroy the device';
    t.stimulus({ name: `${name}, cut ${cutsPerUpdate} times`, rationale, image, ingress: primaryIngress(t) });
    const landed = [await this.#firstCut(name, { before, image, turn })];
    while (landed.length < cutsPerUpdate) landed.push(await this.#cutAgain(turn));
    const said = `cuts of ${name} at ${landed.map((ms) => ms.toFixed(0)).join(', ')} ms after activation or power`;
    const { ending, bootMs } = await aftermathOf(t, { name: said, before, image });
    const last = this.#cuts.pop();
    if (last !== undefined) this.#cuts.push({ ...last, outcome: ending, bootMs });
  }

  async #firstCut(
    name: string,
    { before, image, turn }: { before: FirmwareState; image: FirmwareImage; turn: Turn },
  ): Promise<number> {
    const t = this.#t;
    const install = this.#install;
    const afterMs = cutMs(this.#random, install.lengthMs, turn);
    const hit = await updateWithCut(
      t,
      { image, before, phase: install, afterMs, leadMs: this.#lead },
      async () => {
        const done = await t.need(t.device.power, 'switched supply').off();
        t.stimulusDelivered = true;
        return done;
      },
    );
    if ('refused' in hit) return updateAgain(t, `cuts before ${name}`, image, hit.refused);
    return this.#keep(afterMs, hit);
  }

  async #cutAgain(turn: Turn): Promise<number> {
    const power = this.#t.need(this.#t.device.power, 'switched supply');
    const install = this.#install;
    const afterMs = cutMs(this.#random, install.lengthMs, turn);
    const { atMs: onAtMs } = await power.on();
    await pause(Math.max(0, afterMs - this.#lead));
    const orderedMs = monotonicMs();
    const { atMs } = await power.off();
    const landedMs = atMs - onAtMs;
    return this.#keep(afterMs, {
      inTime: landedMs <= install.lengthMs,
      landedMs,
      tookMs: atMs - orderedMs,
    });
  }

  get #lead(): number {
    return this.#leadMs === Infinity ? 0 : this.#leadMs;
  }

  #keep(plannedMs: number, { inTime, landedMs, tookMs }: Hit): number {
    this.#leadMs = Math.min(this.#leadMs, tookMs);
    const { name: phase } = this.#install;
    const outcome = 'cut again';
    this.#cuts.push({ phase, plannedMs, afterMs: landedMs, inTime, outcome, bootMs: NaN, chosen: 'random' });
    return landedMs;
  }
}
