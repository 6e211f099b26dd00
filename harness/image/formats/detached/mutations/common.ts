/** What the attacks on detached and appended signatures share. */

import { slice, type ByteSource } from '../../../byte-source.ts';
import type { SignatureScheme } from '../../../crypto/signature.ts';
import { signMessage } from '../../../crypto/sign.ts';
import {
  byPolicy,
  type AttackerModel,
  type AttackKind,
  type DoesNotApply,
  type Expectation,
  type Mutation,
  type Need,
  type Plan,
  type PlanInput,
} from '../../../mutation.ts';
import type { TestKey } from '../../../trust.ts';
import { replaceSignatures } from '../edit.ts';
import { isResizable, schemeOf, signatureNames, type DetachedLayout } from '../layout.ts';
import type { DetachedImage } from '../parse.ts';
import { signatureOf, type Refusal } from '../verify.ts';

export type DetachedInput = PlanInput<DetachedImage>;
export type DetachedMutation = Mutation<DetachedImage>;
export type RefusedPlan = Plan & { refusedFor?: Refusal };
export type ExpectationRule = DetachedMutation['expectation'];

/** A device may verify as late as at boot; one that does so earlier is no worse. */
export const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;
export const benign = { class: 'benign-accept' } as const;
export const mustAccept = { class: 'must-accept' } as const;

/** Another encoding of a good signature, which our verifier takes where the policy does. */
export const malleable = byPolicy('malleableSignatures', (value): Expectation =>
  value === 'refuse' ? mustReject : benign,
);

/** Bytes behind a good signature: whoever takes them leaves them unread. */
export const surplus = byPolicy('malleableSignatures', (value): Expectation =>
  value === 'refuse' ? mustReject : { class: 'no-crash-only' },
);

/** What an attack on one signature has at hand. */
export interface SignatureContext {
  input: DetachedInput;
  layout: DetachedLayout;
  index: number;
  scheme: SignatureScheme;
  /** As the base has it. */
  signature: Buffer;
  /** What is signed. */
  message: ByteSource;
  random: (label: string, bytes: number) => Buffer;
}

/** An attack on one signature: everything but its value stays right. */
export interface SignatureAttack {
  /** Without the format's name: `ecdsa-r-zero-s-zero`. */
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  attackerModel?: AttackerModel;
  needs?: readonly Need[];
  depth?: 'standard';
  expectation?: ExpectationRule;
  /** True when the forged value has another length than the genuine one: left out where the layout fixes it. */
  resizes?: boolean;
  /** See {@link Plan}. */
  mootWhereTaken?: string;
  forge(context: SignatureContext): Uint8Array | Forged | DoesNotApply;
}

export interface Forged {
  value: Uint8Array;
  facts: Record<string, string | number>;
}

/** The attacks on one signature of a layout, as mutations. */
export function onSignature(
  layout: DetachedLayout,
  index: number,
  attacks: readonly SignatureAttack[],
): DetachedMutation[] {
  const several = layout.signatures.length > 1;
  const name = signatureNames(layout)[index] ?? '';
  return attacks
    .filter(({ resizes }) => resizes !== true || isResizable(layout, index))
    .map((attack) => ({
      id: several ? `detached-${attack.id}-of-${name}` : `detached-${attack.id}`,
      kind: attack.kind,
      name: several ? `${attack.name} (signature ${name})` : attack.name,
      rationale: attack.rationale,
      references: attack.references,
      attackerModel: attack.attackerModel ?? 'network',
      needs: attack.needs ?? [],
      ...(attack.depth === undefined ? {} : { depth: attack.depth }),
      expectation: attack.expectation ?? mustReject,
      invariants: ['signed-kept'],
      plan: (input) => planOf(attack, input, layout, index),
    }));
}

function planOf(
  attack: SignatureAttack,
  input: DetachedInput,
  layout: DetachedLayout,
  index: number,
): Plan | DoesNotApply {
  const signature = signatureOf(input.base, input.image, index);
  if (signature.length === 0) return { doesNotApply: 'the image is unsigned' };
  const forged = attack.forge(contextOf(input, layout, index));
  if ('doesNotApply' in forged) return forged;
  const { value, facts } = 'facts' in forged ? forged : { value: forged, facts: undefined };
  const values = new Map([[index, value], ...(layout.rule === 'any' ? spoiled(input, layout, index) : [])]);
  const replaced = replaceSignatures(input.base, input.image, layout, values);
  if ('doesNotApply' in replaced) return replaced;
  const refused = attack.expectation === undefined;
  return {
    ...replaced,
    ...(facts === undefined ? {} : { facts }),
    ...(refused && value.length > 0 ? { refusedFor: 'signature' } : {}),
    ...(attack.mootWhereTaken === undefined ? {} : { mootWhereTaken: attack.mootWhereTaken }),
  };
}

export function contextOf(input: DetachedInput, layout: DetachedLayout, index: number): SignatureContext {
  const { base, image, random } = input;
  return {
    input,
    layout,
    index,
    scheme: schemeOf(layout, index),
    signature: signatureOf(base, image, index),
    message: slice(base, image.covered.start, image.covered.end),
    random,
  };
}

/** Where one good signature is enough, the others are damaged, so that the attacked one decides. */
export function spoiled(input: DetachedInput, layout: DetachedLayout, spared: number): [number, Buffer][] {
  return [...layout.signatures.keys()]
    .filter((index) => index !== spared)
    .map((index) => [index, flipLastBit(signatureOf(input.base, input.image, index))]);
}

export function flipLastBit(bytes: Buffer): Buffer {
  return withByte(bytes, bytes.length - 1, (byte) => byte ^ 1);
}

export function withByte(bytes: Uint8Array, at: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  if (at >= 0 && at < copy.length) copy[at] = change(copy[at] ?? 0) & 0xff;
  return copy;
}

export function withBytes(bytes: Uint8Array, at: number, value: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  Buffer.from(value).copy(copy, at);
  return copy;
}

/** The test key that a re-signing attack needs, fitting the scheme; signed by it under another scheme when given. */
export function resigned(
  { input, scheme, message, random }: SignatureContext,
  other: SignatureScheme = scheme,
): Buffer | DoesNotApply {
  const key = testKeyOf(input);
  if (key === undefined) return { doesNotApply: 'there is no test key' };
  const signature = signMessage(key, other, message, (bytes) => random('salt', bytes));
  return signature ?? { doesNotApply: 'the test key is for another scheme, or cannot sign by it' };
}

export function testKeyOf({ testKey }: DetachedInput): TestKey | undefined {
  return testKey;
}
