/** Attacks on what a signature covers: clones, second roots, lists that leave something out. */

import { property, valueOf } from '../../../codec/fdt.ts';
import { cells, copyWith, strings, type FdtEditor } from '../../../codec/fdt-edit.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import type { Insert, Patch } from '../../../patch-set.ts';
import { editorOf, evilCopy, evilData, planOf, withData, type Target } from '../edit.ts';
import { imagesOf, type FitSignature } from '../model.ts';
import {
  benign,
  binarly,
  mustReject,
  onTheWay,
  regionCode,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
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

/** A copy of the signed configuration that names a copy of the kernel with other data. */
function unsignedConfiguration(editor: FdtEditor, input: FitInput, target: Target, kernelName: string): void {
  const { configuration, kernel } = target;
  const role = configuration.references.find(({ name }) => name === kernel.name)?.role ?? 'kernel';
  const copy = editor.copy(configuration.node, [
    editor.renamed(configuration.node, 'conf-evil'),
    editor.withSet(configuration.node, role, strings(kernelName)),
  ]);
  const { configurationsNode, imagesNode } = input.image;
  if (configurationsNode === undefined || imagesNode === undefined) return;
  editor.apply(editor.atEndOf(configurationsNode, ...copy));
  editor.apply(
    editor.atEndOf(imagesNode, ...evilCopy(editor, kernel, kernelName, evilData(input, kernel.data))),
  );
}

const evilDefault = onTheWay(
  {
    id: 'fit-default-switched-to-unsigned-copy',
    kind: 'injection',
    name: 'whose default is a copy of the signed configuration, with its signature and another kernel',
    rationale:
      'The default is unsigned, and the signature in the copy is good for the nodes that it lists: of another configuration.',
    references: ['CVE-2020-10648', 'U-Boot test/py/tests/vboot_forge.py'],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, (target) => {
      const prop = property(input.image.configurationsNode, 'default');
      if (prop === undefined) return { doesNotApply: 'there is no default configuration' };
      const editor = editorOf(input);
      unsignedConfiguration(editor, input, target, 'kernel-evil');
      editor.apply(editor.withValue(prop, strings('conf-evil')));
      return planOf(input, editor, { refusedFor: 'coverage' });
    }),
  { attackerModel: 'storage' },
);

const unsignedBeside = onTheWay(
  {
    id: 'fit-unsigned-copy-beside',
    kind: 'injection',
    name: 'with an unsigned configuration and kernel beside the signed ones',
    rationale:
      'Neither list of images nor of configurations is signed as a whole. Nothing asks for the addition, so what boots is unchanged.',
    references: ['CVE-2020-10648', regionCode],
  },
  benign,
  (input) =>
    whereConfigurationSigned(input, (target) => {
      if (input.image.defaultName === undefined) return { doesNotApply: 'there is no default configuration' };
      const editor = editorOf(input);
      unsignedConfiguration(editor, input, target, 'kernel-evil');
      return planOf(input, editor);
    }),
);

const defaultSwitched = onTheWay(
  {
    id: 'fit-default-switched-to-signed',
    kind: 'substitution',
    name: 'whose default is another of its signed configurations',
    rationale:
      'The default is unsigned. The other configuration is genuine, for another board or purpose; a loader that picks by compatible does not look at the default.',
    references: ['CVE-2020-10648', `${signatureDoc}, Signed configurations`],
  },
  { class: 'policy', dependsOn: 'which configuration the loader selects' },
  (input) =>
    whereConfigurationSigned(input, ({ configuration }) => {
      const prop = property(input.image.configurationsNode, 'default');
      const another = input.image.configurations.find(
        ({ name, signatures }) => name !== configuration.name && signatures.length > 0,
      );
      if (prop === undefined || another === undefined)
        return { doesNotApply: 'no other configuration is signed' };
      const editor = editorOf(input);
      editor.apply(editor.withValue(prop, strings(another.name)));
      return planOf(input, editor, { facts: { from: configuration.name, to: another.name } });
    }),
  { attackerModel: 'storage' },
);

const defaultMissing = onTheWay(
  {
    id: 'fit-default-not-there',
    kind: 'structure',
    name: 'whose default configuration does not exist',
    rationale:
      'The name is unsigned. A loader that was told which configuration to boot need not look at it.',
    references: ['U-Boot boot/image-fit.c, fit_conf_get_node()'],
  },
  { class: 'no-crash-only' },
  (input) => {
    const prop = property(input.image.configurationsNode, 'default');
    if (prop === undefined) return { doesNotApply: 'there is no default configuration' };
    const editor = editorOf(input);
    editor.apply(editor.withValue(prop, strings('conf-of-nobody')));
    return planOf(input, editor);
  },
);

type SignatureEdit = (editor: FdtEditor, signature: FitSignature, input: FitInput) => Patch | DoesNotApply;

/** The same edit of every signature node of what boots. */
function editSignatures(
  input: FitInput,
  edit: SignatureEdit,
  refused?: 'signature' | 'algorithm',
): RefusedPlan | DoesNotApply {
  return whereConfigurationSigned(input, ({ configuration }) => {
    const editor = editorOf(input);
    for (const signature of configuration.signatures) {
      const patch = edit(editor, signature, input);
      if ('doesNotApply' in patch) return patch;
      editor.apply(patch);
    }
    return planOf(input, editor, refused === undefined ? {} : { refusedFor: refused });
  });
}

function hashedStrings(
  id: string,
  name: string,
  rationale: string,
  to: Uint8Array | undefined,
  reference: string,
): FitMutation {
  return onTheWay(
    {
      id: `fit-hashed-strings-${id}`,
      kind: 'coverage',
      name,
      rationale,
      references: [reference, 'U-Boot boot/image-fit-sig.c, fit_config_check_sig()'],
    },
    signedByConfiguration,
    (input) =>
      editSignatures(
        input,
        (editor, { node }) => {
          const prop = property(node, 'hashed-strings');
          if (prop === undefined) return { doesNotApply: 'its signature covers no strings' };
          return to === undefined ? editor.withoutProp(prop) : editor.withValue(prop, to);
        },
        'signature',
      ),
    { invariants: ['signature-kept'] },
  );
}

const hashedNodesGone = onTheWay(
  {
    id: 'fit-hashed-nodes-removed',
    kind: 'coverage',
    name: 'without hashed-nodes',
    rationale: 'A loader makes the list itself, or refuses to go on without; the signed bytes are the same.',
    references: ['CVE-2026-46728', `${signatureDoc}, hashed-nodes`],
  },
  benign,
  (input) =>
    editSignatures(input, (editor, { node }) => {
      const prop = property(node, 'hashed-nodes');
      return prop === undefined
        ? { doesNotApply: 'its signature has no hashed-nodes' }
        : editor.withoutProp(prop);
    }),
);

function unsignedText(id: string, prop: string, name: string, rationale: string): FitMutation {
  return onTheWay(
    {
      id,
      kind: 'metadata',
      name,
      rationale,
      references: [`${signatureDoc}, Signed configurations`, regionCode],
    },
    benign,
    (input) =>
      editSignatures(input, (editor, { node }) => {
        const old = property(node, prop);
        if (old === undefined) return { doesNotApply: `its signature has no ${prop}` };
        const bytes = Buffer.from(valueOf(input.base, old));
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        return editor.withValue(old, bytes);
      }),
    { invariants: ['signed-kept', 'signature-kept', 'same-length'] },
  );
}

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
  evilDefault,
  unsignedBeside,
  defaultSwitched,
  defaultMissing,
  hashedStrings(
    'beyond',
    'whose hashed-strings reach far beyond the file',
    'The size is unsigned, and read before anything is verified.',
    cells(0, 0xffff_ffff),
    binarly('039'),
  ),
  hashedStrings(
    'short',
    'whose hashed-strings are one cell',
    'The second cell lies behind the property.',
    cells(0),
    binarly('039'),
  ),
  hashedStrings(
    'none',
    'whose hashed-strings cover nothing',
    'Names that are not covered can be exchanged: load for entry.',
    cells(0, 0),
    signatureDoc,
  ),
  hashedStrings(
    'removed',
    'without hashed-strings',
    'Names that are not covered can be exchanged: load for entry.',
    undefined,
    signatureDoc,
  ),
  hashedNodesGone,
  unsignedText(
    'fit-signer-name',
    'signer-name',
    'with another signer-name',
    'The signature node itself is unsigned: who claims to have signed is no evidence.',
  ),
  unsignedText(
    'fit-signature-timestamp',
    'timestamp',
    'with another time of its signature',
    'The signature node itself is unsigned: when it claims to be made is no evidence.',
  ),
  unsignedText(
    'fit-key-name-hint',
    'key-name-hint',
    'with another key-name-hint',
    'The hint is unsigned: a loader may try all its keys, or refuse.',
  ),
];
