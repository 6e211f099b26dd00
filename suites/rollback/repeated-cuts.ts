/** RB-18: one update is cut five times, again and again while the boot loader resumes it, at moments drawn by lot. */

import {
  controlUpdate,
  monotonicMs,
  nextControlImage,
  pause,
  primaryIngress,
  readState,
  waitUntilReady,
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
const roundsAtDepth = { smoke: 1, standard: 4, full: 10 } as const;

/** What the moments of later cuts are drawn from. */
interface Times {
  /** From activation to readiness. */
  install: UpdatePhase;
  /** From power to readiness of a device that has nothing to install. */
  bootMs: number;
}

/** Several updates, each cut five times, then left to come to its end: the old or the new image, and an update after. */
export async function mustSurviveRepeatedCuts(t: CaseContext): Promise<void> {
  cutsAtDepth(t); // none at all is no sweep
  await controlUpdate(t, 'before', primaryIngress(t));
  const times = await t.step('time an undisturbed update and start', () => timeAll(t));
  const random = seededRandom(t.run.seed, t.id);
  const rounds = roundsAtDepth[t.run.depth];
  const cuts: SweptCut[] = [];
  const round = new Round(t, times, random, cuts);
  try {
    for (let index = 1; index <= rounds && t.findings.length === 0; index += 1) {
      const name = `update ${index} of ${rounds}`;
      await t.step(`${name}, cut ${cutsPerUpdate} times`, () => round.run(name));
    }
  } finally {
    keepSweep(t, 'one update, again and again', [times.install], cuts);
  }
  mustHaveHit(t, cuts, times.install.name);
  await controlUpdate(t, 'after', primaryIngress(t));
}

async function timeAll(t: CaseContext): Promise<Times> {
  const phases = await timeUpdate(t);
  const install = t.need(
    phases.find(({ name }) => name === 'install'),
    'time between activation and readiness',
  );
  const power = t.need(t.device.power, 'switched supply');
  await power.off();
  const { atMs } = await power.on();
  await waitUntilReady(t);
  const bootMs = monotonicMs() - atMs;
  t.measure({ name: 'start with nothing to install', value: bootMs, unit: 'ms' });
  return { install, bootMs };
}

/** Part of the later cuts that is aimed at a resumed swap; the others fall anywhere in the time of an installation. */
const aimed = 0.75;

/**
 * When a resumed installation is cut, after power came back: so long as the boot loader takes to begin, and then a
 * small part of the work, so that five cuts are over before it is done.
 */
export function resumedCutMs(random: Random, installMs: number, bootMs: number): number {
  if (random() >= aimed) return random() * installMs;
  const workMs = Math.max(installMs - bootMs, installMs / 4);
  return bootMs * (0.5 + 0.5 * random()) + (random() * 2 * workMs) / (cutsPerUpdate + 1);
}

/** One update with its cuts. */
class Round {
  readonly #t: CaseContext;
  readonly #times: Times;
  readonly #random: Random;
  readonly #cuts: SweptCut[];
  #leadMs = Infinity;

  constructor(t: CaseContext, times: Times, random: Random, cuts: SweptCut[]) {
    this.#t = t;
    this.#times = times;
    this.#random = random;
    this.#cuts = cuts;
  }

  async run(name: string): Promise<void> {
    const t = this.#t;
    const before = await readState(t, `before ${name}`);
    const image = nextControlImage(t, before);
    const rationale = 'an update that is cut again while it is resumed must not destroy the device';
    t.stimulus({ name: `${name}, cut ${cutsPerUpdate} times`, rationale, image, ingress: primaryIngress(t) });
    const landed = [await this.#firstCut(name, before, image)];
    while (landed.length < cutsPerUpdate) landed.push(await this.#cutAgain());
    const said = `cuts of ${name} at ${landed.map((ms) => ms.toFixed(0)).join(', ')} ms after activation or power`;
    const { ending, bootMs } = await aftermathOf(t, { name: said, before, image });
    const last = this.#cuts.pop();
    if (last !== undefined) this.#cuts.push({ ...last, outcome: ending, bootMs });
  }

  async #firstCut(name: string, before: FirmwareState, image: FirmwareImage): Promise<number> {
    const t = this.#t;
    const { install } = this.#times;
    const afterMs = this.#random() * install.lengthMs;
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

  async #cutAgain(): Promise<number> {
    const power = this.#t.need(this.#t.device.power, 'switched supply');
    const { install, bootMs } = this.#times;
    const afterMs = resumedCutMs(this.#random, install.lengthMs, bootMs);
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
    const { name: phase } = this.#times.install;
    const outcome = 'cut again';
    this.#cuts.push({ phase, plannedMs, afterMs: landedMs, inTime, outcome, bootMs: NaN, chosen: 'random' });
    return landedMs;
  }
}
