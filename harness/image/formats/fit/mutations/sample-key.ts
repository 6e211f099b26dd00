/** FIT images signed with published sample keys, under the name that a sample has where its maker gives it one. */

import { strings } from '../../../codec/fdt-edit.ts';
import { valueOf } from '../../../codec/fdt.ts';
import { verifyDigest } from '../../../crypto/verify-digest.ts';
import { digestOf } from '../../../digest.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import {
  sampleKeys,
  sampleKeyTrusted,
  sampleKeyWords,
  trustsSampleKey,
  type SampleKey,
} from '../../../sample-keys.ts';
import { schemeOf } from '../algorithms.ts';
import { editorOf, planOf, type InForce } from '../edit.ts';
import { signerWith } from '../sign.ts';
import { mustReject, onTheWay, type FitInput, type FitMutation, type RefusedPlan } from './common.ts';
import { withSignatures } from './signature.ts';

function sampleKey(sample: SampleKey): FitMutation {
  const { id, kind, name, rationale, references, ...rest } = sampleKeyWords(sample);
  return onTheWay(
    { id: `fit-${id}`, kind, name, rationale, references },
    mustReject,
    (input) => withSignatures(input, (all) => signed(sample, input, all)),
    { ...rest, invariants: ['signed-kept'] },
  );
}

/** Every signature in force made by the key. */
function signed(sample: SampleKey, input: FitInput, all: readonly InForce[]): RefusedPlan | DoesNotApply {
  const editor = editorOf(input);
  for (const inForce of all) {
    if (isBy(sample, input, inForce)) return trustsSampleKey;
    const { signature, path } = inForce;
    const bytes = inForce.signed(input.base, input.image);
    const value = bytes && signerWith(sample.privateKey)(signature, bytes);
    if (value === undefined || signature.value === undefined) {
      return { doesNotApply: `${signature.algorithm} at ${path} is not for a key of kind ${sample.kind}` };
    }
    editor.apply(editor.withValue(signature.value, value));
    if (sample.hint !== undefined) {
      editor.apply(editor.withSet(signature.node, 'key-name-hint', strings(sample.hint)));
    }
  }
  const plan = planOf(input, editor, { refusedFor: 'signature' });
  return 'doesNotApply' in plan ? plan : { ...plan, mootWhereTaken: sampleKeyTrusted };
}

function isBy({ publicKey }: SampleKey, { base, image }: FitInput, { signature, signed }: InForce): boolean {
  const scheme = schemeOf(signature);
  const bytes = signed(base, image);
  if (scheme === undefined || bytes === undefined || signature.value === undefined) return false;
  if (!scheme.fits(publicKey)) return false;
  return verifyDigest(publicKey, scheme.scheme, digestOf(bytes, scheme.hash), valueOf(base, signature.value))
    .good;
}

/** Of the kinds that U-Boot is mostly built for. */
export const sampleKeyMutations: readonly FitMutation[] = sampleKeys
  .filter(({ id, kind }) => (kind === 'rsa2048' || kind === 'p256') && id !== 'rauc-release-1')
  .map(sampleKey);
