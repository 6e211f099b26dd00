/** Attacks on which configuration boots: the default is unsigned, and so is the list of configurations. */

import { property } from '../../../codec/fdt.ts';
import { strings, type FdtEditor } from '../../../codec/fdt-edit.ts';
import { editorOf, evilCopy, evilData, planOf, type Target } from '../edit.ts';
import {
  benign,
  onTheWay,
  regionCode,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

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
  // A loader that was told which one to boot, as by `bootm ADDRESS#conf`, rightly boots what is signed in this image.
  (policy) =>
    policy.bootsConfiguration === 'default'
      ? signedByConfiguration(policy)
      : { class: 'policy', dependsOn: 'bootsConfiguration' },
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

export const configurationMutations: readonly FitMutation[] = [
  evilDefault,
  unsignedBeside,
  defaultSwitched,
  defaultMissing,
];
