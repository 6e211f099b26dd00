/**
 * Attacks with genuine images of another release. A FIT carries neither version nor counter: which of two is older lies
 * outside of it.
 */

import { materialise } from '../../../byte-source.ts';
import { ofSecond } from '../../../patch-set.ts';
import { property, valueOf } from '../../../codec/fdt.ts';
import { byPolicy, type DoesNotApply } from '../../../mutation.ts';
import { editorOf, planOf, targetOf, touchesOf } from '../edit.ts';
import { dataOf, signatureMode, type Refusal } from '../verify.ts';
import {
  mustReject,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
} from './common.ts';

const rollback: FitMutation = {
  id: 'fit-rollback-second-image',
  kind: 'rollback',
  name: 'replaced by another genuine release',
  rationale:
    'A FIT carries neither version nor counter: whether a device goes back depends on what it keeps beside the image, and the image does not say which of two is older.',
  references: ['RBK-01', signatureDoc],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'accept' ? { class: 'must-accept' } : mustReject,
  ),
  plan: ({ base, image, second }) => {
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    const patches = [{ at: 0, remove: base.size, insert: [ofSecond(second.source)] }];
    return { patches, touches: touchesOf(image, patches) };
  },
};

function mixAndMatch(of: 'configuration' | 'image'): FitMutation {
  const configured = of === 'configuration';
  return {
    id: configured ? 'fit-mix-and-match' : 'fit-mix-and-match-signed-images',
    kind: 'substitution',
    name: `with the kernel of another release, its hashes${configured ? '' : ' and its own signature'} and all`,
    rationale: configured
      ? 'Each image is genuine, and the mix was never released: the signature of the configuration tells.'
      : 'Each image is genuine and signed by itself, and the mix was never released: nothing in a FIT tells.',
    references: [`${signatureDoc}, Signed configurations`],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    expectation: configured ? signedByConfiguration : { class: 'policy', dependsOn: 'requiredSignature' },
    plan: (input) => {
      if (signatureMode(input.image) !== of) return { doesNotApply: `it is not signed by ${of}` };
      return withSecondKernel(input, configured ? 'signature' : undefined);
    },
  };
}

/** A kernel that is put into the tree is held in memory. */
const mostBytes = 64 * 1024 * 1024;

function withSecondKernel(input: FitInput, refusedFor: Refusal | undefined): RefusedPlan | DoesNotApply {
  const { image, second } = input;
  const target = targetOf(image);
  if ('doesNotApply' in target) return target;
  const donor = second && targetOf(second.image);
  if (second === undefined || donor === undefined || 'doesNotApply' in donor) {
    return { doesNotApply: 'the second image boots no kernel' };
  }
  const { kernel } = target;
  const data = dataOf(second.source, donor.kernel);
  if (data.size > mostBytes) return { doesNotApply: `the second kernel has ${data.size} bytes` };
  const editor = editorOf(input);
  for (const name of ['data-position', 'data-offset', 'data-size']) {
    const prop = property(kernel.node, name);
    if (prop !== undefined) editor.apply(editor.withoutProp(prop));
  }
  editor.apply(editor.withSet(kernel.node, 'data', materialise(data)));
  const pairs = [
    ...kernel.hashes.map((own, index) => [own, donor.kernel.hashes[index]] as const),
    ...kernel.signatures.map((own, index) => [own, donor.kernel.signatures[index]] as const),
  ];
  let changed = 0;
  for (const [own, theirs] of pairs) {
    if (theirs === undefined) return { doesNotApply: 'the kernel of the second image has other hashes' };
    const value = valueOf(second.source, theirs.value);
    if (!value.equals(valueOf(input.base, own.value))) changed += 1;
    editor.apply(editor.withSet(own.node, 'value', value));
  }
  if (changed === 0) return { doesNotApply: 'the second image has the same kernel' };
  return planOf(input, editor, refusedFor === undefined ? {} : { refusedFor });
}

export const secondImageMutations: readonly FitMutation[] = [
  rollback,
  mixAndMatch('configuration'),
  mixAndMatch('image'),
];
