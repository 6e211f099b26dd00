/** Attacks on what a signature covers: clones of images, and second roots. */

import { property } from '../../../codec/fdt.ts';
import { copyWith, strings, type FdtEditor } from '../../../codec/fdt-edit.ts';
import type { Insert, Patch } from '../../../patch-set.ts';
import { editorOf, evilCopy, evilData, planOf, withData, type Target } from '../edit.ts';
import { imagesOf, type FitSignature } from '../model.ts';
import {
  mustReject,
  onTheWay,
  regionCode,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

/** A subnode that holds nothing: the range before it ends where it begins, and takes in no end tag that was not signed. */
const emptyNode = (editor: FdtEditor): Insert[] => editor.node('empty', []);

const imageClone = onTheWay(
  {
    id: 'fit-image-clone',
    kind: 'coverage',
    name: 'whose signed images are moved aside, with others in their place, and hashed-nodes rewritten',
    rationale:
      'hashed-nodes is unsigned: a loader that believes it verifies the genuine nodes and boots the others. The signed bytes are all there, in their order.',
    references: ['CVE-2026-46728', 'U-Boot test/py/tests/vboot_evil.py', regionCode],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, ({ configuration, kernel }) => {
      const images = imagesOf(configuration);
      const { imagesNode } = input.image;
      const first = imagesNode?.children[0];
      if (imagesNode === undefined || first === undefined) return { doesNotApply: 'there are no images' };
      const editor = editorOf(input);
      const data = evilData(input, kernel.data);
      const others = images.map((image) =>
        image.name === kernel.name
          ? {
              at: image.node.start,
              remove: image.node.end - image.node.start,
              insert: evilCopy(editor, image, image.name, data),
            }
          : undefined,
      );
      const inside = imagesNode.children.flatMap((node) => editor.copy(node));
      const aside = editor.node('aside', [], [...inside, ...emptyNode(editor)]);
      editor.apply(...others.filter((patch) => patch !== undefined));
      editor.apply(editor.before(first, ...emptyNode(editor), ...aside, ...emptyNode(editor)));
      for (const signature of configuration.signatures) {
        const patch = reparented(editor, signature);
        if (patch === undefined) return { doesNotApply: 'its signature has no hashed-nodes' };
        editor.apply(patch);
      }
      return planOf(input, editor, { refusedFor: 'coverage', facts: { image: kernel.name } });
    }),
  { attackerModel: 'storage' },
);

function reparented(editor: FdtEditor, { node, hashedNodes }: FitSignature): Patch | undefined {
  const prop = property(node, 'hashed-nodes');
  if (hashedNodes === undefined || prop === undefined) return undefined;
  const paths = hashedNodes.map((path) => path.replace(/^\/images\//, '/images/aside/'));
  return editor.withValue(prop, strings(...paths));
}

/** A copy of the whole root with another kernel in it. */
function evilRoot(editor: FdtEditor, input: FitInput, target: Target, name: string): Insert[] | undefined {
  const { root } = input.image;
  if (root === undefined) return undefined;
  const patches = withData(editor, target.kernel, evilData(input, target.kernel.data));
  return copyWith(root.start, root.end, [editor.renamed(root, name), ...patches]);
}

function secondRoot(id: string, name: string, place: 'before' | 'behind', rootName: string): FitMutation {
  return onTheWay(
    {
      id,
      kind: 'coverage',
      name,
      rationale: 'The loader boots from one root while the ranges of the signature are found in another.',
      references: ['CVE-2021-27097', 'U-Boot test/py/tests/vboot_evil.py', regionCode],
    },
    mustReject,
    (input) =>
      whereConfigurationSigned(input, (target) => {
        const editor = editorOf(input);
        const copy = evilRoot(editor, input, target, rootName);
        const { root } = input.image;
        if (copy === undefined || root === undefined) return { doesNotApply: 'there is no root' };
        const at = place === 'before' ? root.start : root.end;
        editor.apply({ at, remove: 0, insert: copy });
        return planOf(input, editor, { refusedFor: 'structure' });
      }),
    { attackerModel: 'storage' },
  );
}

const unitAddress = onTheWay(
  {
    id: 'fit-kernel-unit-address',
    kind: 'coverage',
    name: 'with another kernel under the same name and a unit address',
    rationale:
      'A search by name that ignores unit addresses finds kernel@evil for kernel; what was verified is the other node.',
    references: ['CVE-2021-27138', 'U-Boot test/py/tests/vboot_evil.py', 'libfdt fdt_nodename_eq_()'],
  },
  mustReject,
  (input) =>
    whereConfigurationSigned(input, ({ kernel }) => {
      if (kernel.name.includes('@')) return { doesNotApply: 'the kernel has a unit address already' };
      const editor = editorOf(input);
      const copy = evilCopy(editor, kernel, `${kernel.name}@evil`, evilData(input, kernel.data));
      editor.apply(editor.before(kernel.node, ...copy));
      return planOf(input, editor, { refusedFor: 'unit-address' });
    }),
  { attackerModel: 'storage' },
);

const duplicateImage = onTheWay(
  {
    id: 'fit-kernel-duplicated',
    kind: 'coverage',
    name: 'with another kernel of the very same name before the signed one',
    rationale: 'Of two nodes with one name, the one that is verified must be the one that boots.',
    references: [`${signatureDoc}, Signed configurations`, 'libfdt fdt_subnode_offset()'],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, ({ kernel }) => {
      const editor = editorOf(input);
      const copy = evilCopy(editor, kernel, kernel.name, evilData(input, kernel.data));
      editor.apply(editor.before(kernel.node, ...copy));
      return planOf(input, editor, { refusedFor: 'signature' });
    }),
);

export const coverageMutations: readonly FitMutation[] = [
  imageClone,
  secondRoot(
    'fit-fake-root',
    'with a root of another name and another kernel before the signed one',
    'before',
    'f@keroot',
  ),
  secondRoot(
    'fit-fake-root-unnamed',
    'with a second root and another kernel before the signed one',
    'before',
    '',
  ),
  secondRoot('fit-second-root', 'with a second root and another kernel behind the signed one', 'behind', ''),
  unitAddress,
  duplicateImage,
];
