/** Images that are signed anew with a test key, so that only the one thing is wrong with them. */

import { property, valueOf } from '../../../codec/fdt.ts';
import { cells, strings, type FdtEditor } from '../../../codec/fdt-edit.ts';
import { byPolicy, type DoesNotApply, type Expectation } from '../../../mutation.ts';
import { patched, PatchSet, type Patch } from '../../../patch-set.ts';
import { algorithmFor, hashValue } from '../algorithms.ts';
import { editorOf, planOf, turned, type Target } from '../edit.ts';
import { coveredNodes, signedBytes, signedRanges } from '../coverage.ts';
import { imagesOf, type FitSignature } from '../model.ts';
import { parseFit } from '../parse.ts';
import { signatureBytes, signerWith } from '../sign.ts';
import { dataOf, type Refusal } from '../verify.ts';
import {
  formatDoc,
  mustReject,
  signatureDoc,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
  type Words,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

interface Resigned extends Words {
  expectation: FitMutation['expectation'];
  refusedFor?: (input: FitInput) => Refusal | undefined;
  /** What is other than in the genuine image. */
  edit: (editor: FdtEditor, target: Target, input: FitInput) => Patch[] | DoesNotApply;
  /** Nodes that the signature covers; what it must by default. */
  covers?: ((nodes: Set<string>, target: Target) => Set<string>) | undefined;
}

function resigned({ edit, covers, refusedFor, ...words }: Resigned): FitMutation {
  return {
    ...words,
    attackerModel: 'insider',
    needs: ['test-key'],
    plan: (input) =>
      whereConfigurationSigned(input, (target) => {
        const [signature] = target.configuration.signatures;
        const reason = refusedFor?.(input);
        if (signature === undefined) return { doesNotApply: 'its configuration is not signed' };
        return signedAnew(input, target, signature, { edit, covers, reason });
      }),
  };
}

/** Edits, then signs what the edited image has where the signature covers it. */
function signedAnew(
  input: FitInput,
  target: Target,
  signature: FitSignature,
  { edit, covers, reason }: Pick<Resigned, 'edit' | 'covers'> & { reason: Refusal | undefined },
): RefusedPlan | DoesNotApply {
  const { testKey, base } = input;
  if (testKey?.kind !== 'classic')
    return { doesNotApply: 'the test key is of a kind that a FIT does not know' };
  const editWith = (value: Uint8Array): FdtEditor | DoesNotApply => {
    const editor = editorOf(input);
    const patches = edit(editor, target, input);
    if ('doesNotApply' in patches) return patches;
    editor.apply(...patches, editor.withSet(signature.node, 'value', value));
    const nodes = covers?.(new Set(signature.hashedNodes), target);
    if (nodes !== undefined) editor.apply(editor.withSet(signature.node, 'hashed-nodes', strings(...nodes)));
    return editor;
  };
  const draft = editWith(Buffer.alloc(signatureBytes(testKey.key)));
  if ('doesNotApply' in draft) return draft;
  const plan = planOf(input, draft);
  if ('doesNotApply' in plan) return plan;
  const altered = patched(base, new PatchSet(base.size, plan.patches));
  const image = parseFit(altered);
  const configuration = image.configurations.find(({ name }) => name === target.configuration.name);
  const same = configuration?.signatures.find(({ node }) => node.name === signature.node.name);
  if (configuration === undefined || same === undefined) return { doesNotApply: 'its signature is gone' };
  const own = coveredNodes(configuration);
  const found = signedRanges(image.tree, covers?.(own, target) ?? own, same.hashedStrings);
  const value =
    'ranges' in found ? signerWith(testKey.key)(same, signedBytes(altered, found.ranges)) : undefined;
  if (value === undefined) return { doesNotApply: `the test key does not sign ${same.algorithm}` };
  const final = editWith(value);
  if ('doesNotApply' in final) return final;
  return planOf(input, final, reason === undefined ? {} : { refusedFor: reason });
}

const accepted: Expectation = { class: 'must-accept' };

const control = resigned({
  id: 'fit-resigned',
  kind: 'metadata',
  name: 'with another description, signed anew with the test key',
  rationale: 'The control of all others: what is signed by a trusted key is taken.',
  references: [signatureDoc],
  expectation: accepted,
  edit: (editor, _, { image, base }) => {
    const prop = property(image.root, 'description');
    return prop === undefined ? [] : [editor.withValue(prop, turned(valueOf(base, prop)))];
  },
});

const hardware = byPolicy('hardwareCompatibility', (value) => (value === 'checked' ? mustReject : accepted));
const ifChecked = ({ policy }: FitInput): Refusal | undefined =>
  policy.hardwareCompatibility === 'checked' ? 'hardware' : undefined;

const otherBoard = resigned({
  id: 'fit-resigned-other-board',
  kind: 'compatibility',
  name: 'for another board, signed anew with the test key',
  rationale: 'The same key signs for several boards: nothing but compatible tells them apart.',
  references: ['U-Boot boot/image-fit.c, fit_conf_find_compat()', formatDoc],
  expectation: hardware,
  refusedFor: ifChecked,
  edit: (editor, { configuration }) => {
    const prop = property(configuration.node, 'compatible');
    if (prop === undefined) return { doesNotApply: 'its configuration says nothing of a board' };
    return [editor.withValue(prop, strings('fieldproof,another-board'))];
  },
});

const otherArchitecture = resigned({
  id: 'fit-resigned-other-architecture',
  kind: 'compatibility',
  name: 'for another architecture, signed anew with the test key',
  rationale: 'A genuine image that the processor cannot run must not replace one that it can.',
  references: ['U-Boot boot/image-fit.c, fit_image_check_arch()', formatDoc],
  // U-Boot itself boots what is signed: whether it runs is another question than whether it is taken.
  expectation: byPolicy('hardwareCompatibility', (value) =>
    value === 'checked'
      ? mustReject
      : { class: 'policy', dependsOn: 'whether the loader looks at the architecture' },
  ),
  refusedFor: ifChecked,
  edit: (editor, { kernel }, { base }) => {
    const prop = property(kernel.node, 'arch');
    if (prop === undefined) return { doesNotApply: 'its kernel names no architecture' };
    const old = valueOf(base, prop).toString('latin1');
    return [editor.withValue(prop, strings(old.startsWith('sh') ? 'nios2' : 'sh'))];
  },
});

const noHash = resigned({
  id: 'fit-resigned-without-hash',
  kind: 'coverage',
  name: 'whose kernel has no hash, signed anew with the test key',
  rationale: 'Signed and yet not bound: the signature covers no byte of the kernel.',
  references: ['U-Boot boot/image-fit-sig.c, fit_config_get_hash_list()'],
  expectation: mustReject,
  refusedFor: () => 'hash',
  edit: (editor, { kernel }) => kernel.hashes.map(({ node }) => editor.withoutNode(node)),
});

function weakHash(algorithm: 'crc32' | 'sha1'): FitMutation {
  return resigned({
    id: `fit-resigned-${algorithm}`,
    kind: 'downgrade',
    name: `whose kernel has hashes by ${algorithm} alone, signed anew with the test key`,
    rationale: `U-Boot takes it; a device that means to refuse ${algorithm} must look at the algorithm.`,
    references: ['U-Boot common/hash.c', formatDoc],
    expectation: { class: 'policy', dependsOn: 'whether weak hashes are taken' },
    edit: (editor, { kernel }, { base }) => {
      const data = dataOf(base, kernel);
      const value = hashValue(data, algorithm, { start: 0, end: data.size });
      if (value === undefined || kernel.hashes.every((hash) => hash.algorithm === algorithm)) {
        return { doesNotApply: `it has no other hash than ${algorithm}` };
      }
      return kernel.hashes.flatMap(({ node }) => [
        editor.withSet(node, 'algo', strings(algorithm)),
        editor.withSet(node, 'value', value),
      ]);
    },
  });
}

const partial = resigned({
  id: 'fit-resigned-leaving-image-out',
  kind: 'coverage',
  name: 'whose signature leaves one of its images out, signed anew with the test key',
  rationale:
    'sign-images let a maker leave images out, and old loaders believed hashed-nodes: whatever was left out can be exchanged by anybody.',
  references: ['CVE-2026-46728', `${signatureDoc}, sign-images`],
  expectation: mustReject,
  refusedFor: () => 'coverage',
  edit: (_, { configuration }) =>
    imagesOf(configuration).length < 2 ? { doesNotApply: 'it has one image only' } : [],
  covers: (nodes, { configuration, kernel }) => {
    const left = imagesOf(configuration).find(({ name }) => name !== kernel.name)?.node.path ?? '';
    return new Set([...nodes].filter((path) => path !== left && !path.startsWith(`${left}/`)));
  },
});

const sha1Signature = resigned({
  id: 'fit-resigned-sha1-signature',
  kind: 'downgrade',
  name: 'signed anew with the test key over SHA-1',
  rationale:
    'U-Boot keeps the algorithm beside the key and refuses another; a loader that asks the image alone takes it.',
  references: ['U-Boot lib/rsa/rsa-verify.c, rsa_verify_with_keynode()', 'NIST SP 800-131A Rev. 2, 3'],
  expectation: { class: 'policy', dependsOn: 'whether SHA-1 signatures are taken' },
  edit: (editor, { configuration }, { testKey }) => {
    const [signature] = configuration.signatures;
    const algorithm = testKey?.kind === 'classic' ? algorithmFor(testKey.key, 'sha1') : undefined;
    if (signature === undefined || algorithm === undefined || signature.algorithm === algorithm) {
      return { doesNotApply: 'it is signed so already' };
    }
    return [editor.withSet(signature.node, 'algo', strings(algorithm))];
  },
});

const loadAtZero = resigned({
  id: 'fit-resigned-load-address-zero',
  kind: 'metadata',
  name: 'whose kernel loads to address 0, signed anew with the test key',
  rationale:
    'Signed, and yet it would overwrite the loader while it runs: memory of the loader must be reserved.',
  references: ['CVE-2018-18439', 'CVE-2018-18440'],
  expectation: { class: 'no-crash-only' },
  edit: (editor, { kernel }) => [editor.withSet(kernel.node, 'load', cells(0))],
});

export const insiderMutations: readonly FitMutation[] = [
  control,
  otherBoard,
  otherArchitecture,
  noHash,
  weakHash('crc32'),
  weakHash('sha1'),
  partial,
  sha1Signature,
  loadAtZero,
];
