/** Attacks that make a check weaker: hashes and signatures by other algorithms, or none. */

import { createHash } from 'node:crypto';
import { property, stringOf } from '../../../codec/fdt.ts';
import { cells, strings, type FdtEditor } from '../../../codec/fdt-edit.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import { hashValue } from '../algorithms.ts';
import { editorOf, evilData, planOf, withData, type Target } from '../edit.ts';
import { dataOf, type Refusal } from '../verify.ts';
import {
  onTheWay,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

function onKernel(
  input: FitInput,
  refusedFor: Refusal,
  edit: (editor: FdtEditor, target: Target) => Patch[] | DoesNotApply,
): RefusedPlan | DoesNotApply {
  return whereConfigurationSigned(input, (target) => {
    if (target.kernel.hashes.length === 0) return { doesNotApply: `${target.kernel.name} has no hash` };
    const editor = editorOf(input);
    const patches = edit(editor, target);
    if ('doesNotApply' in patches) return patches;
    editor.apply(...patches);
    return planOf(input, editor, { refusedFor });
  });
}

const hashRemoved = onTheWay(
  {
    id: 'fit-hash-removed',
    kind: 'downgrade',
    name: 'without the hashes of its kernel, which is another one',
    rationale: 'Data are bound to a signed configuration by their hash alone: without one, anything boots.',
    references: ['SIG-02', `${signatureDoc}, Signed configurations`],
  },
  signedByConfiguration,
  (input) =>
    onKernel(input, 'hash', (editor, { kernel }) => [
      ...withData(editor, kernel, evilData(input, kernel.data)).filter(
        ({ at }) => !kernel.hashes.some(({ node }) => at >= node.start && at < node.end),
      ),
      ...kernel.hashes.map(({ node }) => editor.withoutNode(node)),
    ]),
);

function weakened(algorithm: 'crc32' | 'sha1'): FitMutation {
  return onTheWay(
    {
      id: `fit-hash-weakened-to-${algorithm}`,
      kind: 'downgrade',
      name: `with hashes of its kernel by ${algorithm}`,
      rationale: `Data with a chosen ${algorithm} can be made; the algorithm must be covered like the value.`,
      references: ['SIG-02', `${signatureDoc}, Signed configurations`],
    },
    signedByConfiguration,
    (input) =>
      onKernel(input, 'signature', (editor, { kernel }) => {
        const stronger = kernel.hashes.filter((hash) => hash.algorithm !== algorithm);
        const data = dataOf(input.base, kernel);
        const value = hashValue(data, algorithm, { start: 0, end: data.size });
        if (stronger.length === 0 || value === undefined)
          return { doesNotApply: `it has ${algorithm} already` };
        return stronger.flatMap(({ node }) => [
          editor.withSet(node, 'algo', strings(algorithm)),
          editor.withSet(node, 'value', value),
        ]);
      }),
  );
}

const hashUnknown = onTheWay(
  {
    id: 'fit-hash-unknown',
    kind: 'downgrade',
    name: 'with a hash of its kernel by an algorithm that nobody knows',
    rationale: 'What cannot be checked must be refused, not skipped.',
    references: ['U-Boot boot/image-fit.c, fit_image_check_hash()'],
  },
  signedByConfiguration,
  (input) =>
    onKernel(input, 'hash', (editor, { kernel }) =>
      kernel.hashes.slice(0, 1).map(({ node }) => editor.withSet(node, 'algo', strings('sha999'))),
    ),
);

const hashIgnored = onTheWay(
  {
    id: 'fit-hash-ignored',
    kind: 'downgrade',
    name: 'whose kernel is another one, its hash marked to be ignored',
    rationale: 'uboot-ignore switches a check off; it must be covered like the check itself.',
    references: ['U-Boot boot/image-fit.c, fit_image_hash_get_ignore()'],
  },
  signedByConfiguration,
  (input) =>
    onKernel(input, 'hash', (editor, { kernel }) => [
      ...withData(editor, kernel, evilData(input, kernel.data)).filter(
        ({ at }) => !kernel.hashes.some(({ node }) => at >= node.start && at < node.end),
      ),
      ...kernel.hashes.map(({ node }) => editor.withProp(node, 'uboot-ignore', cells(1))),
    ]),
);

function signatureProp(
  id: string,
  name: string,
  rationale: string,
  refusedFor: Refusal,
  to: (algorithm: string, padding: string | undefined) => readonly [prop: string, value: string] | undefined,
): FitMutation {
  return onTheWay(
    {
      id,
      kind: 'downgrade',
      name,
      rationale,
      references: ['U-Boot boot/image-sig.c', `${signatureDoc}, algo and padding`],
    },
    signedByConfiguration,
    (input) =>
      whereConfigurationSigned(input, ({ configuration }) => {
        const editor = editorOf(input);
        for (const { node, algorithm = '' } of configuration.signatures) {
          const edit = to(algorithm, stringOf(input.base, property(node, 'padding')));
          if (edit === undefined) return { doesNotApply: `there is no such change of ${algorithm}` };
          editor.apply(editor.withSet(node, edit[0], strings(edit[1])));
        }
        return planOf(input, editor, { refusedFor });
      }),
    { invariants: ['signature-kept'] },
  );
}

const keyPart = (algorithm: string): string => algorithm.slice(algorithm.indexOf(',') + 1);
const isRsa = (algorithm: string): boolean => keyPart(algorithm).startsWith('rsa');

const algorithmChanges = [
  signatureProp(
    'fit-signature-sha1',
    'whose signature says that it is over SHA-1',
    'The algorithm is unsigned: the signature must be bound to its hash.',
    'signature',
    (algorithm) => (algorithm.startsWith('sha1,') ? undefined : ['algo', `sha1,${keyPart(algorithm)}`]),
  ),
  signatureProp(
    'fit-signature-crc32',
    'whose signature says that it is over CRC-32',
    'The algorithm is unsigned: what is no digest must not be taken for one.',
    'algorithm',
    (algorithm) => ['algo', `crc32,${keyPart(algorithm)}`],
  ),
  signatureProp(
    'fit-signature-no-algorithm',
    'whose signature names no algorithm',
    'The algorithm is unsigned: none must not mean no check.',
    'algorithm',
    () => ['algo', ''],
  ),
  signatureProp(
    'fit-signature-other-key-type',
    'whose signature is said to be of another kind of key',
    'The algorithm is unsigned: a key must be used for what it is.',
    'signature',
    (algorithm) => ['algo', isRsa(algorithm) ? 'sha256,ecdsa256' : 'sha256,rsa2048'],
  ),
  signatureProp(
    'fit-signature-other-key-size',
    'whose signature is said to be of a longer key',
    'The algorithm is unsigned: lengths must come from the trusted key.',
    'signature',
    (algorithm) =>
      isRsa(algorithm)
        ? ['algo', algorithm.endsWith('4096') ? 'sha256,rsa2048' : 'sha256,rsa4096']
        : undefined,
  ),
  signatureProp(
    'fit-padding-swapped',
    'whose signature is said to have the other padding',
    'The padding is unsigned: what was padded one way must not verify the other way.',
    'signature',
    (algorithm, padding) =>
      isRsa(algorithm) ? ['padding', padding === 'pss' ? 'pkcs-1.5' : 'pss'] : undefined,
  ),
  signatureProp(
    'fit-padding-unknown',
    'whose signature has a padding that nobody knows',
    'An unknown padding must be refused; a loader that finds no function for it must not call it.',
    'algorithm',
    (algorithm) => (isRsa(algorithm) ? ['padding', 'none'] : undefined),
  ),
];

/** PKCS #1 v1.5 without the key works only for exponent 3; a random value of the right size stands for the rest. */
const randomSignature = onTheWay(
  {
    id: 'fit-signature-random',
    kind: 'signature',
    name: 'with random bytes for a signature',
    rationale: 'A value of the right length that nobody made with a key.',
    references: ['SIG-04'],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, ({ configuration }) => {
      const editor = editorOf(input);
      for (const { value } of configuration.signatures) {
        if (value === undefined) return { doesNotApply: 'its signature has no value' };
        const bytes = input.random('signature', value.valueEnd - value.valueStart);
        // Below any modulus of that length.
        bytes[0] = (createHash('sha256').update(bytes).digest()[0] ?? 0) & 0x3f;
        editor.apply(editor.withValue(value, bytes));
      }
      return planOf(input, editor, { refusedFor: 'signature' });
    }),
  { invariants: ['signed-kept', 'same-length'] },
);

export const downgradeMutations: readonly FitMutation[] = [
  hashRemoved,
  weakened('crc32'),
  weakened('sha1'),
  hashUnknown,
  hashIgnored,
  ...algorithmChanges,
  randomSignature,
];
