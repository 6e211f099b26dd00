/** What attacks are made of and measured by: forbidden images, and the ground on which they are offered. */

import type { FirmwareImage, FirmwareState } from '../capabilities.ts';
import type { Inconclusive } from '../errors.ts';

/** An image that a conforming device must not run, and why. */
export interface ForbiddenImage {
  image: FirmwareImage;
  /** The one stated difference from an image that is accepted. */
  alteration: string;
  rationale: string;
  /** Accepting it is benign as long as what then runs is exactly this image. */
  benignAs?: FirmwareImage;
  /** A device that measures the file as it was stored, this image's own digest, runs the same signed bytes too. */
  measuredWhole?: boolean;
  /** Something about the device that has to be so while it is offered: its clock is not set. */
  under?: Circumstance;
  /** A conforming device may do with it what it likes, as long as it goes on living. */
  mayBeTaken?: boolean;
}

/** A state of the device's surroundings, brought about for one attack and undone behind it. */
export interface Circumstance {
  name: string;
  set(): Promise<void>;
  undo(): Promise<void>;
}

/** What attacks share: the state that they must leave alone. */
export interface Ground {
  /** Moves when a recovery had to install something. */
  baseline: FirmwareState;
  /** Per way in, what shows that its control was installed; undefined when only the device's word says so. */
  readonly controlTraces: Map<string, string | undefined>;
  /** True when each attack gets a power cycle of its own. */
  alone: boolean;
  /** Due where the first batch of a run looks once whether a refused image comes to run a while later. */
  lateLook?: 'due' | 'done';
  /** Refusals so far, for a declared limit on them. */
  refusals?: number;
  /** Set once the state was seen to change over an innocent power cycle: no attack can be blamed from then on. */
  unstable?: Inconclusive;
}
