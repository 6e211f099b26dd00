/** RB-16: the supply is cut at many moments of an update; after each the device runs the old or the new image. */

import {
  controlUpdate,
  nextControlImage,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
} from '../../harness/index.ts';
import { aftermathOf, mustStillUpdate, updateAgain, type Ending } from './cut-aftermath.ts';
import {
  cutsAtDepth,
  sweepCuts,
  type Behaviour,
  type MadeCut,
  type Order,
  type SweptCut,
} from './cut-sweep.ts';
import { timeUpdate, updateWithCut, type UpdatePhase } from './update-with-cut.ts';

/** At the latest after so many cuts in a row that no update has followed, one is made. */
const updateAfterCuts = 10;

/** Times one undisturbed update, then cuts at points of its phases, and updates now and then in between. */
export async function mustSurvivePowerCuts(t: CaseContext): Promise<void> {
  const count = cutsAtDepth(t);
  t.need(t.device.power, 'switched supply');
  await controlUpdate(t, 'before', primaryIngress(t));
  const phases = await t.step('time an undisturbed update', () => timeUpdate(t));
  const cutter = new UpdateCutter(t, phases);
  const cuts = await sweepCuts(t, { of: 'update', phases, count }, (order) => cutter.cut(order));
  t.note(cutter.proofs);
  mustHaveHit(t, cuts, 'install');
  await controlUpdate(t, 'after', primaryIngress(t));
}

/** Cuts beside the update prove nothing: the phase in which flash is rearranged must have been hit. */
export function mustHaveHit(t: CaseContext, cuts: readonly SweptCut[], wanted: string): void {
  const hits = cuts.filter(({ phase, inTime }) => phase === wanted && inTime).length;
  if (hits > 0 || t.findings.length > 0) return;
  t.inconclusive('cuts-missed', `no cut landed in the phase "${wanted}" (${cuts.length} cuts)`);
}

/** Makes the cuts of one sweep, and sees to it that the device can still be updated. */
class UpdateCutter {
  readonly #t: CaseContext;
  readonly #phases: readonly UpdatePhase[];
  readonly #seen = new Set<Ending>();
  readonly #updatedAfter: number[] = [];
  #cuts = 0;
  #sinceUpdate = 0;
  #lastCut = '';
  /** Of a stock of images, one that did not come to run is offered again. */
  #unused: FirmwareImage | undefined;

  constructor(t: CaseContext, phases: readonly UpdatePhase[]) {
    this.#t = t;
    this.#phases = phases;
  }

  /** After which cuts a whole update was made; the others were followed by the update of a later cut. */
  get proofs(): string {
    const after = this.#updatedAfter.join(', ') || 'none';
    return `whole updates were made after cuts ${after}, and in the end; other cuts were followed by updates that were cut later`;
  }

  async cut({ point, name, leadMs }: Order): Promise<MadeCut> {
    const t = this.#t;
    const phase = t.need(
      this.#phases.find((one) => one.name === point.phase),
      `phase ${point.phase}`,
    );
    const before = await readState(t, 'before the cut');
    const image = this.#nextImage(before);
    t.stimulus({
      name,
      rationale: 'an update must not be able to destroy the device',
      image,
      ingress: primaryIngress(t),
    });
    const power = t.need(t.device.power, 'switched supply');
    const hit = await updateWithCut(t, { image, before, phase, afterMs: point.afterMs, leadMs }, async () => {
      const done = await power.off();
      t.stimulusDelivered = true;
      return done;
    });
    if ('refused' in hit) return updateAgain(t, this.#lastCut || 'control', image, hit.refused);
    this.#lastCut = name;
    this.#cuts += 1;
    return { hit, look: () => this.#look(name, before, image) };
  }

  #nextImage(state: FirmwareState): FirmwareImage {
    const image = this.#unused ?? nextControlImage(this.#t, state);
    this.#unused = undefined;
    return image;
  }

  async #look(name: string, before: FirmwareState, image: FirmwareImage): Promise<Behaviour> {
    const t = this.#t;
    const { ending, bootMs } = await aftermathOf(t, { name, before, image });
    if (ending === 'old' && t.declaration.controls?.way === 'series') this.#unused = image;
    // A new image that runs shows that the device could be updated after the cut before this one.
    this.#sinceUpdate = ending === 'old' ? this.#sinceUpdate + 1 : 1;
    const isNews = !this.#seen.has(ending);
    this.#seen.add(ending);
    if (ending !== 'neither' && (isNews || this.#sinceUpdate >= updateAfterCuts)) {
      await mustStillUpdate(t, name);
      this.#updatedAfter.push(this.#cuts);
      this.#sinceUpdate = 0;
    }
    return { outcome: ending, bootMs };
  }
}
