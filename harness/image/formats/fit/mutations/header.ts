/** Attacks on the header of the device tree, which is unsigned and read before anything else. */

import type { FdtHeaderField } from '../../../codec/fdt.ts';
import type { Expectation } from '../../../mutation.ts';
import { editorOf, planOf } from '../edit.ts';
import type { FitImage } from '../model.ts';
import type { Refusal } from '../verify.ts';
import { benign, binarly, mustReject, noCrash, onTheWay, specification, type FitMutation } from './common.ts';

type Header = Readonly<Record<FdtHeaderField, number>>;

interface FieldLie {
  id: string;
  name: string;
  rationale: string;
  fields: (header: Header, image: FitImage) => Partial<Record<FdtHeaderField, number>> | undefined;
  expectation: Expectation;
  refusedFor?: Refusal;
  references?: readonly string[];
}

function fieldLie({
  id,
  name,
  rationale,
  fields,
  expectation,
  refusedFor,
  references = [],
}: FieldLie): FitMutation {
  return onTheWay(
    { id, kind: 'structure', name, rationale, references: [...references, `${specification}.2`] },
    expectation,
    (input) => {
      const { header } = input.image.tree;
      const edits = header && fields(header, input.image);
      if (edits === undefined) return { doesNotApply: 'the header leaves no room for that' };
      const editor = editorOf(input);
      for (const [field, value] of Object.entries(edits)) editor.setField(field as FdtHeaderField, value);
      return planOf(input, editor, { ...(refusedFor === undefined ? {} : { refusedFor }), facts: edits });
    },
    { invariants: ['signed-kept', 'signature-kept', 'same-length'] },
  );
}

const isOffsetExternal = ({ images }: FitImage): boolean =>
  images.some(({ data }) => data?.place?.name === 'data-offset');

/**
 * Where the genuine content is still there to be read, a loader that does not look at the field boots what is genuine:
 * only a crash is wrong.
 */
const fieldLies: readonly FieldLie[] = [
  {
    id: 'fit-totalsize-moves-data',
    name: 'whose total size is 4 KiB more, so that its data are looked for elsewhere',
    rationale: 'External data are counted from the end of the tree, which is unsigned.',
    fields: ({ totalsize }, image) =>
      isOffsetExternal(image) ? { totalsize: Math.min(totalsize + 4096, 0x7fff_f000) } : undefined,
    expectation: mustReject,
  },
  {
    id: 'fit-totalsize-beyond-file',
    name: 'whose total size is more than the file',
    rationale: 'A loader that believes it reads what was in memory before.',
    fields: (_, { size }) =>
      size < 0x7000_0000 ? { totalsize: Math.ceil(size / 4096) * 4096 + 65_536 } : undefined,
    expectation: noCrash,
  },
  {
    id: 'fit-totalsize-negative',
    name: 'whose total size is 4 GiB less one byte',
    rationale: 'A size that turns negative passes checks against an upper bound.',
    fields: () => ({ totalsize: 0xffff_ffff }),
    expectation: noCrash,
  },
  {
    id: 'fit-totalsize-zero',
    name: 'whose total size is 0',
    rationale: 'Every block lies outside of such a tree.',
    fields: () => ({ totalsize: 0 }),
    expectation: noCrash,
  },
  {
    id: 'fit-strings-offset-moved',
    name: 'whose names are looked for four bytes later',
    rationale: 'Signed properties get other names.',
    fields: ({ off_dt_strings }) => ({ off_dt_strings: off_dt_strings + 4 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-strings-offset-far',
    name: 'whose names lie 4 GiB away',
    rationale: 'An offset that is added without a check wraps around.',
    fields: () => ({ off_dt_strings: 0xffff_fff0 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-strings-size-zero',
    name: 'whose names have no bytes',
    rationale: 'Names are read and hashed up to sizes that come from elsewhere.',
    fields: () => ({ size_dt_strings: 0 }),
    expectation: noCrash,
    references: [binarly('039')],
  },
  {
    id: 'fit-strings-size-huge',
    name: 'whose names have 4 GiB',
    rationale: 'Offset and size overflow where their sum is taken in 32 bits.',
    fields: () => ({ size_dt_strings: 0xffff_ffff }),
    expectation: noCrash,
  },
  {
    id: 'fit-structure-offset-moved',
    name: 'whose structure is looked for four bytes later',
    rationale: 'The first node loses its tag, and nothing is what it was.',
    fields: ({ off_dt_struct }) => ({ off_dt_struct: off_dt_struct + 4 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-structure-offset-far',
    name: 'whose structure lies 4 GiB away',
    rationale: 'An offset that is added without a check wraps around.',
    fields: () => ({ off_dt_struct: 0xffff_fff0 }),
    expectation: mustReject,
    refusedFor: 'structure',
  },
  {
    id: 'fit-structure-size-short',
    name: 'whose structure is said to be four bytes shorter',
    rationale: 'The structure ends where its end tag is, or where the header says; both must agree.',
    fields: ({ size_dt_struct }) => ({ size_dt_struct: size_dt_struct - 4 }),
    expectation: noCrash,
    references: ['CVE-2021-27097'],
  },
  {
    id: 'fit-structure-size-huge',
    name: 'whose structure is said to have 4 GiB',
    rationale: 'Offset and size overflow where their sum is taken in 32 bits.',
    fields: () => ({ size_dt_struct: 0xffff_fffc }),
    expectation: noCrash,
  },
  {
    id: 'fit-reservations-far',
    name: 'whose memory reservations lie 4 GiB away',
    rationale: 'A list that is read before anything is verified, up to an empty entry.',
    fields: () => ({ off_mem_rsvmap: 0xffff_fff0 }),
    expectation: noCrash,
  },
  {
    id: 'fit-version-old',
    name: 'that says it is a device tree of version 3',
    rationale:
      'Old versions pad values and name nodes otherwise: code for them is rarely run, and fails without a check.',
    fields: () => ({ version: 3, last_comp_version: 3 }),
    expectation: noCrash,
    references: [binarly('037'), binarly('038'), binarly('040')],
  },
  {
    id: 'fit-version-new',
    name: 'that says it is a device tree of a version to come',
    rationale: 'What is not understood must not be guessed.',
    fields: () => ({ version: 99, last_comp_version: 99 }),
    expectation: noCrash,
  },
  {
    id: 'fit-boot-cpu',
    name: 'that names another boot processor',
    rationale: 'The header is unsigned; a FIT boots on the processor that runs the loader.',
    fields: ({ boot_cpuid_phys }) => ({ boot_cpuid_phys: boot_cpuid_phys ^ 1 }),
    expectation: benign,
  },
];

export const headerMutations: readonly FitMutation[] = fieldLies.map(fieldLie);
