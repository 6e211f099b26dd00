/** What an attack on an image is, in any format. */

import type { Stage } from '../capabilities.ts';
import type { ByteSource } from './byte-source.ts';
import type { ParsedImage } from './image.ts';
import type { Patch } from './patch-set.ts';

/** Who can make and deliver such an image. */
export type AttackerModel =
  /** On the way to the device: alters what passes. */
  | 'network'
  /** At the device's or the server's storage. */
  | 'storage'
  /** Has genuine images of other releases. */
  | 'stolen-old-image'
  /** Has a key of their own, not the maker's. */
  | 'foreign-key'
  /** Can use the maker's signing service. */
  | 'insider';

/** What a conforming device does with the image. */
export type Expectation =
  | { class: 'must-accept' }
  /** Refused, at the latest at this stage. */
  | { class: 'must-reject'; latestStage: Stage }
  /** May be accepted or refused; what is executed is unchanged either way. */
  | { class: 'benign-accept' }
  /** Depends on the declared policy named here. */
  | { class: 'policy'; dependsOn: string }
  /** Anything but a crash. */
  | { class: 'no-crash-only' };

/** What a plan may draw on. */
export interface PlanInput<Image extends ParsedImage> {
  base: ByteSource;
  image: Image;
  /** Another genuine image, where the mutation needs one. */
  second?: { source: ByteSource; image: Image };
  /** Deterministic bytes: HMAC-SHA256(seed, label), and its continuation beyond 32 bytes. */
  random: (label: string, bytes: number) => Buffer;
}

/** A plan: patches in base coordinates and the regions that they are meant to change. */
export interface Plan {
  patches: readonly Patch[];
  /** Names of regions that may differ; `end-of-file` for what is added behind the last byte. */
  touches: readonly string[];
  /** Facts for the record: a fresh public key, an offset, old and new value. */
  facts?: Readonly<Record<string, string | number>>;
  /** For what the reference verifier must refuse it: an isolating pair isolates only if each half is refused for its own. */
  refusedFor?: string;
}

/** A mutation that makes no sense for this image; reported, never dropped. */
export interface DoesNotApply {
  doesNotApply: string;
}

export interface Mutation<Image extends ParsedImage = ParsedImage> {
  /** Stable, kebab-case: `mcuboot-strip-signature`. */
  id: string;
  /** Completes "an image …": *without its signature*. */
  name: string;
  rationale: string;
  /** Catalogue entries, CVEs, documents with section. */
  references: readonly string[];
  attackerModel: AttackerModel;
  needs: readonly 'second-image'[];
  expectation: Expectation;
  /** Pure: the same image and seed give the same plan. */
  plan(input: PlanInput<Image>): Plan | DoesNotApply;
}
