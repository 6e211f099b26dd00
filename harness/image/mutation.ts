/** What an attack on an image is, in any format. */

import type { Stage } from '../capabilities.ts';
import type { ByteSource } from './byte-source.ts';
import type { ParsedImage } from './image.ts';
import type { Patch } from './patch-set.ts';
import type { Policy } from './policy.ts';
import type { TestKey } from './trust.ts';

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

/** What is attacked. Suites choose attacks by kind, whatever the format. */
export const attackKinds = [
  /** The signature is missing or empty. */
  'unsigned',
  /** Bytes that are executed or installed differ. */
  'payload',
  /** Signed metadata differs: version, size, address, compatibility. */
  'metadata',
  /** The signature itself is damaged. */
  'signature',
  /** A valid signature, made for something else. */
  'transplant',
  /** Signed by somebody whom the device does not trust. */
  'foreign-key',
  /** Signed with a key whose private half is published: a sample or development key of a boot loader. */
  'sample-key',
  /** Signed by the trusted name, by a certificate that is not good for it. */
  'certificate',
  /** Fewer different signers than are needed. */
  'threshold',
  /** Data behind the image. */
  'appended',
  /** Less than the whole image. */
  'truncated',
  /** Lengths, offsets and counts that lie. */
  'structure',
  /** What is signed, or the list of what is signed, made smaller. */
  'coverage',
  /** Unsigned parts added, cloned or moved where signed ones belong. */
  'injection',
  /** A weaker algorithm, or none. */
  'downgrade',
  /** Degenerate values of a signature scheme: ECDSA with r = s = 0. */
  'edge-value',
  /** The same signature in another encoding. */
  'encoding',
  /** A genuine image of lower version or counter. */
  'rollback',
  /** Security counter at an edge, or absent. */
  'counter',
  /** For other hardware, vendor or class. */
  'compatibility',
  /** A part of one genuine image in another. */
  'substitution',
  /** Exhausts the device: bombs, oversize, endless lists. */
  'resource',
  /** State that the loader keeps beside the image: trailers, flags. */
  'loader-state',
] as const;
export type AttackKind = (typeof attackKinds)[number];

/** What a conforming device does with the image. */
export type Expectation =
  | { class: 'must-accept' }
  /** Refused, at the latest at this stage. */
  | { class: 'must-reject'; latestStage: Stage }
  /** May be accepted or refused; what is executed is unchanged either way. */
  | { class: 'benign-accept' }
  /** Depends on the declared policy named here, which is not declared. */
  | { class: 'policy'; dependsOn: string }
  /** Anything but a crash. */
  | { class: 'no-crash-only' };

/** What holds for the altered image whatever the base; proven for every image that is made. */
export type Invariant =
  /** As long as its base. */
  | 'same-length'
  /** No byte of a signature differs. */
  | 'signature-kept'
  /** No signed byte differs, and none is added between them. */
  | 'signed-kept'
  /** Its base is its beginning. */
  | 'base-is-prefix'
  /** It is a beginning of its base. */
  | 'is-prefix-of-base';

/** What a mutation may want beside the base. */
export type Need =
  /** Another genuine image of the device, of another release; best an older one. */
  | 'second-image'
  /** A test key that the device trusts: the image is signed anew, and only what the attack changed is wrong with it. */
  | 'test-key';

/** What a plan may draw on. */
export interface PlanInput<Image extends ParsedImage> {
  base: ByteSource;
  image: Image;
  /** Another genuine image, where the mutation needs one. */
  second?: { source: ByteSource; image: Image };
  /** A key that the device trusts, where the mutation needs one. */
  testKey?: TestKey;
  policy: Policy;
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
  /** Where this very image leaves open what is right: what the mutation expects of others does not hold for it. */
  expectation?: Expectation;
  /** For what the reference verifier must refuse it: an isolating pair isolates only if each half is refused for its own. */
  refusedFor?: string;
  /** Why it is no attack where the reference verifier takes it all the same: what is wrong with it may be trusted. */
  mootWhereTaken?: string;
}

/** A mutation that makes no sense for this image; reported, never dropped. */
export interface DoesNotApply {
  doesNotApply: string;
}

export interface Mutation<Image extends ParsedImage = ParsedImage> {
  /** Stable, kebab-case, begins with the format's name: `mcuboot-strip-signature`. */
  id: string;
  kind: AttackKind;
  /** Completes "an image …": *without its signature*. */
  name: string;
  rationale: string;
  /** Catalogue entries, CVEs, documents with section. */
  references: readonly string[];
  attackerModel: AttackerModel;
  needs: readonly Need[];
  /** `standard`: what every run tries; `full`, the default: what a run in depth adds. */
  depth?: 'standard' | 'full';
  /** Larger than 2 GiB: made only when that is asked for. */
  huge?: true;
  /** Where it depends on what the device declares: a function of the policy. */
  expectation: Expectation | ((policy: Policy) => Expectation);
  /** Default: none. */
  invariants?: readonly Invariant[];
  /** Pure: the same image and seed give the same plan, but for what is signed anew with a scheme that is not deterministic. */
  plan(input: PlanInput<Image>): Plan | DoesNotApply;
}

/** The expectation under a policy. */
export function expectationOf(mutation: Mutation, policy: Policy): Expectation {
  return typeof mutation.expectation === 'function' ? mutation.expectation(policy) : mutation.expectation;
}

/**
 * A mutation that, on some images, does not decide anything: there a conforming device may do either.
 *
 * @param unless why, in words; undefined where the mutation's own expectation holds
 */
export function openWhere<Image extends ParsedImage>(
  mutation: Mutation<Image>,
  unless: (input: PlanInput<Image>) => string | undefined,
): Mutation<Image> {
  return {
    ...mutation,
    plan(input) {
      const plan = mutation.plan(input);
      const why = 'doesNotApply' in plan ? undefined : unless(input);
      if (why === undefined || 'doesNotApply' in plan) return plan;
      const { class: expected } = plan.expectation ?? expectationOf(mutation, input.policy);
      if (expected !== 'must-reject') return plan;
      return { ...plan, expectation: { class: 'policy', dependsOn: why } };
    },
  };
}

/** An expectation that one part of the policy decides, and nothing else. */
export function byPolicy<Key extends keyof Policy>(
  key: Key,
  decide: (value: NonNullable<Policy[Key]>) => Expectation,
): (policy: Policy) => Expectation {
  return (policy) => {
    const value = policy[key];
    return value === undefined ? { class: 'policy', dependsOn: key } : decide(value);
  };
}
