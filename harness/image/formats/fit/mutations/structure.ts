/** Attacks on the blocks and tags of the device tree, all of it read before anything is verified. */

import { property } from '../../../codec/fdt.ts';
import { cells } from '../../../codec/fdt-edit.ts';
import { editorOf, planOf, targetOf } from '../edit.ts';
import {
  benign,
  binarly,
  noCrash,
  onTheWay,
  regionCode,
  signedByConfiguration,
  specification,
  type FitInput,
  type FitMutation,
} from './common.ts';
import { whereConfigurationSigned } from './metadata.ts';

const reservationAdded = onTheWay(
  {
    id: 'fit-reservation-added',
    kind: 'structure',
    name: 'with a memory reservation of its own',
    rationale:
      'Reservations are unsigned; those of a FIT are not those of the system, which come from its device tree.',
    references: [`${specification}.3`, 'U-Boot boot/image-fdt.c, boot_fdt_add_mem_rsv_regions()'],
  },
  benign,
  (input) => {
    const { header } = input.image.tree;
    const editor = editorOf(input);
    if (header === undefined || !editor.usual) return { doesNotApply: 'its blocks are in an unusual order' };
    const { off_mem_rsvmap: at, off_dt_struct, size_dt_struct } = header;
    editor.apply({ at, remove: 0, insert: [{ kind: 'bytes', bytes: cells(0, 0x8000_0000, 0, 0x1000) }] });
    editor.setField('off_dt_struct', off_dt_struct + 16);
    editor.setField('size_dt_struct', size_dt_struct);
    return planOf(input, editor);
  },
);

const nop = cells(4);

const nopOutside = onTheWay(
  {
    id: 'fit-nop-between-images',
    kind: 'encoding',
    name: 'with an empty tag between its images',
    rationale: 'The node of all images is not signed itself; an empty tag in it means nothing.',
    references: [`${specification}.4.1`, regionCode],
  },
  benign,
  (input) => {
    const first = input.image.imagesNode?.children[0];
    if (first === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.before(first, { kind: 'bytes', bytes: nop }));
    return planOf(input, editor);
  },
);

function inKernel(
  id: string,
  name: string,
  rationale: string,
  edit: (editor: ReturnType<typeof editorOf>, input: FitInput) => boolean,
): FitMutation {
  return onTheWay(
    { id, kind: 'encoding', name, rationale, references: [`${specification}.4.1`, regionCode] },
    signedByConfiguration,
    (input) =>
      whereConfigurationSigned(input, () => {
        const editor = editorOf(input);
        if (!edit(editor, input)) return { doesNotApply: 'its kernel has no such property' };
        return planOf(input, editor, { refusedFor: 'signature' });
      }),
  );
}

const nopInside = inKernel(
  'fit-nop-in-kernel',
  'with an empty tag in its signed kernel node',
  'The signature is over the bytes of the tree, not over what they mean.',
  (editor, { image }) => {
    const target = targetOf(image);
    if ('doesNotApply' in target) return false;
    editor.apply({ at: target.kernel.node.contentStart, remove: 0, insert: [{ kind: 'bytes', bytes: nop }] });
    return true;
  },
);

const propertyNopped = inKernel(
  'fit-property-blanked',
  'whose kernel’s compression is overwritten with empty tags',
  'What libfdt itself does to remove a property in place: the lengths stay, and the property is gone.',
  (editor, { image }) => {
    const target = targetOf(image);
    const prop = 'doesNotApply' in target ? undefined : property(target.kernel.node, 'compression');
    if (prop === undefined) return false;
    const bytes = cells(...Array.from({ length: (prop.end - prop.start) / 4 }, () => 4));
    editor.apply({ at: prop.start, remove: prop.end - prop.start, insert: [{ kind: 'bytes', bytes }] });
    return true;
  },
);

const behindEnd = onTheWay(
  {
    id: 'fit-tags-behind-end',
    kind: 'structure',
    name: 'with tags behind the end of its structure',
    rationale: 'What lies behind the end tag must not be read as part of the tree.',
    references: ['CVE-2021-27097', `${specification}.4.1`],
  },
  noCrash,
  (input) => {
    const last = input.image.tree.tags.at(-1);
    if (last?.type !== 'end') return { doesNotApply: 'its structure has no end' };
    const editor = editorOf(input);
    editor.apply({ at: last.end, remove: 0, insert: [{ kind: 'bytes', bytes: cells(4, 9) }] });
    return planOf(input, editor);
  },
);

const imagesProperty = onTheWay(
  {
    id: 'fit-property-of-images-added',
    kind: 'injection',
    name: 'with a property in the node of all images',
    rationale: 'That node is not signed itself; nothing reads properties there.',
    references: [regionCode],
  },
  benign,
  (input) => {
    const { imagesNode } = input.image;
    if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.withProp(imagesNode, 'comment', Buffer.from('added\0')));
    return planOf(input, editor);
  },
);

function nested(levels: number): FitMutation {
  return onTheWay(
    {
      id: `fit-nested-${levels}-deep`,
      kind: 'resource',
      name: `with nodes ${levels} deep beside its images`,
      rationale: 'A walk that calls itself for each level runs out of stack before anything is verified.',
      references: [binarly('042'), regionCode],
    },
    noCrash,
    (input) => {
      const { imagesNode } = input.image;
      if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
      const begin = Buffer.concat([cells(1), Buffer.from('n\0\0\0')]);
      const bytes = Buffer.concat([
        ...Array.from({ length: levels }, () => begin),
        ...Array.from({ length: levels }, () => cells(2)),
      ]);
      const editor = editorOf(input);
      editor.apply(editor.atEndOf(imagesNode, { kind: 'bytes', bytes }));
      return planOf(input, editor);
    },
  );
}

const longName = onTheWay(
  {
    id: 'fit-node-name-long',
    kind: 'resource',
    name: 'with a node of a very long name beside its images',
    rationale: 'Paths are put together in a buffer of fixed size before anything is verified.',
    references: [binarly('037'), regionCode],
  },
  noCrash,
  (input) => {
    const { imagesNode } = input.image;
    if (imagesNode === undefined) return { doesNotApply: 'there are no images' };
    const editor = editorOf(input);
    editor.apply(editor.atEndOf(imagesNode, ...editor.node('n'.repeat(1000), [])));
    return planOf(input, editor);
  },
);

export const structureMutations: readonly FitMutation[] = [
  reservationAdded,
  nopOutside,
  nopInside,
  propertyNopped,
  behindEnd,
  imagesProperty,
  nested(40),
  nested(4000),
  longName,
];
