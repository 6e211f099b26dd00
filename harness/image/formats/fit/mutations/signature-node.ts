/** Attacks on the node of a signature: all of it but the value is unsigned, and some of it says what is signed. */

import { property, valueOf } from '../../../codec/fdt.ts';
import { cells, type FdtEditor } from '../../../codec/fdt-edit.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import { editorOf, planOf } from '../edit.ts';
import type { FitSignature } from '../model.ts';
import {
  benign,
  binarly,
  onTheWay,
  regionCode,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

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

export const signatureNodeMutations: readonly FitMutation[] = [
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
