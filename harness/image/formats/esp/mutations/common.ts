/** What the attacks on ESP images share. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ByteSource } from '../../../byte-source.ts';
import type { DoesNotApply, Expectation, Mutation, Plan, PlanInput } from '../../../mutation.ts';
import { patched, PatchSet, type Patch } from '../../../patch-set.ts';
import { planPatches } from '../../../plan-patches.ts';
import type { Policy } from '../../../policy.ts';
import { blockKey, ecBlockKey, layoutFor, signedBlock, type BlockKey } from '../block.ts';
import { curveById } from '../keys.ts';
import { blockField, type EspBlock, type EspImage } from '../parse.ts';
import { signedDigest, type Refusal } from '../verify.ts';

export type EspInput = PlanInput<EspImage>;
export type EspMutation = Mutation<EspImage>;
export type EspPlan = Plan | DoesNotApply;

export const guide = 'ESP-IDF docs/en/security/secure-boot-v2.rst';
export const imageFormatSource = 'ESP-IDF components/bootloader_support/src/esp_image_format.c';
export const appVerifySource =
  'ESP-IDF components/bootloader_support/src/secure_boot_v2/secure_boot_signatures_app.c';

/** Boot ROM and boot loader verify at every boot; an application does so when it is handed an update. */
export const mustReject: Expectation = { class: 'must-reject', latestStage: 'boot' };
export const benign: Expectation = { class: 'benign-accept' };

type Described = Pick<EspMutation, 'id' | 'kind' | 'name' | 'rationale' | 'plan'> & Partial<EspMutation>;

/** An attack with the usual answers: from the network, needs nothing, must be rejected. */
export function attack(described: Described): EspMutation {
  return { references: [guide], attackerModel: 'network', needs: [], expectation: mustReject, ...described };
}

/** Refused where the policy says so; harmless otherwise, whichever way the device decides. */
export function harmlessUnless<Key extends keyof Policy>(
  key: Key,
  refusing: NonNullable<Policy[Key]>,
): (policy: Policy) => Expectation {
  return (policy) => (policy[key] === refusing ? mustReject : benign);
}

/** A plan from patches, with the reason for which the reference verifier must refuse its image. */
export function planOf(
  input: Pick<EspInput, 'base' | 'image'>,
  patches: readonly Patch[],
  more: { refusedFor?: Refusal; facts?: NonNullable<Plan['facts']> } = {},
): Plan {
  return { ...planPatches(input, patches), ...more };
}

export function alteredBy(base: ByteSource, patches: readonly Patch[]): ByteSource {
  return patched(base, new PatchSet(base.size, patches));
}

export const unsigned: DoesNotApply = { doesNotApply: 'the image has no signature block' };

/** The plan for an image with blocks. */
export function withBlocks(
  input: EspInput,
  plan: (first: EspBlock, blocks: readonly EspBlock[]) => EspPlan,
): EspPlan {
  const blocks = input.image.blocks.filter(({ layout }) => layout !== undefined);
  const [first] = blocks;
  return first === undefined ? unsigned : plan(first, blocks);
}

let foreignRsa: KeyObject | undefined;

/** A key that nobody trusts, of the kind of a block. RSA keys come from the system, one for the whole run. */
export function foreignKey(input: EspInput, like: EspBlock): BlockKey {
  const curve = curveById(blockField(like, 'curve')[0] ?? 0);
  if (like.layout?.name !== 'rsa' && curve !== undefined) {
    return ecBlockKey(curve, input.random('unknown key', curve.bytes + 16));
  }
  foreignRsa ??= generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  const key = blockKey(foreignRsa);
  if (key === undefined) throw new TypeError('an RSA-3072 key is a block key');
  return key;
}

/** A block of the foreign key over what the source holds. */
export function foreignBlock(input: EspInput, like: EspBlock, source: ByteSource): Buffer {
  return blockBy(foreignKey(input, like), input, source);
}

/** A block of any key over what the source holds before the signature sector. */
export function blockBy(key: BlockKey, input: EspInput, source: ByteSource): Buffer {
  const digest = signedDigest(source, input.image, layoutFor(key).hash);
  return signedBlock(key, digest, input.random('salt', 32));
}
