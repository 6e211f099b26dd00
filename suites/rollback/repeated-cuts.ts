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
/** Even, so that both suppositions about the boot loader get their rounds. */
const roundsAtDepth = { smoke: 2, standard: 6, full: 12 } as const;

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
      const begins = supposedBegin(random, index - 1);
      await t.step(`${name}, cut ${cutsPerUpdate} times`, () => round.run(name, begins));
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

/** Part of the cuts that is aimed at the swap; the others fall anywhere in the time of an installation. */
const aimed = 0.8;

/** What is known of a device's times, and what is supposed in this round. */
export interface Supposed {
  installMs: number;
  bootMs: number;
  /** When the boot loader begins its work, as a part of a plain start. */
  begins: number;
}

/**
 * When the boot loader begins its work cannot be seen from outside, so rounds suppose it by turns: late in the start
 * (before the firmware, which is ready at once), or anywhere before that (firmware that is long in starting).
 */
export function supposedBegin(random: Random, index: number): number {
  return index % 2 === 0 ? 0.75 + 0.3 * random() : 0.75 * random();
}

/** When an installation is cut for the first time, in milliseconds after activation: most often early in its work. */
export function firstCutMs(random: Random, times: Supposed): number {
  if (random() >= aimed) return random() * times.installMs;
  return Math.min(times.bootMs * times.begins + 0.5 * random() * workMs(times), 0.98 * times.installMs);
}

/**
 * When a resumed installation is cut, in milliseconds after power came back: so long as the boot loader takes to
 * begin, and then a small part of its work, so that five cuts are over before it is done.
 */
export function resumedCutMs(random: Random, times: Supposed): number {
  if (random() >= aimed) return random() * times.installMs;
  return times.bootMs * times.begins + (random() * workMs(times)) / (cutsPerUpdate + 1);
}

const workMs = ({ installMs, bootMs }: Supposed): number => Math.max(installMs - bootMs, installMs / 4);

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

  async run(name: string, begins: number): Promise<void> {
    const t = this.#t;
    const before = await readState(t, `before ${name}`);
    const image = nextControlImage(t, before);
    const rationale = 'an update that is cut again while it is resumed must not destroy the device';
    t.stimulus({ name: `${name}, cut ${cutsPerUpdate} times`, rationale, image, ingress: primaryIngress(t) });
    const landed = [await this.#firstCut(name, { before, image, begins })];
    while (landed.length < cutsPerUpdate) landed.push(await this.#cutAgain(begins));
    const said = `cuts of ${name} at ${landed.map((ms) => ms.toFixed(0)).join(', ')} ms after activation or power`;
    const { ending, bootMs } = await aftermathOf(t, { name: said, before, image });
    const last = this.#cuts.pop();
    if (last !== undefined) this.#cuts.push({ ...last, outcome: ending, bootMs });
  }

  async #firstCut(
    name: string,
    { before, image, begins }: { before: FirmwareState; image: FirmwareImage; begins: number },
  ): Promise<number> {
    const t = this.#t;
    const { install, bootMs } = this.#times;
    const afterMs = firstCutMs(this.#random, { installMs: install.lengthMs, bootMs, begins });
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

  async #cutAgain(begins: number): Promise<number> {
    const power = this.#t.need(this.#t.device.power, 'switched supply');
    const { install, bootMs } = this.#times;
    const afterMs = resumedCutMs(this.#random, { installMs: install.lengthMs, bootMs, begins });
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
