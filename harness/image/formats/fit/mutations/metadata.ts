/** Attacks on what the signature of a configuration covers besides the hashes: addresses, types, compatibility. */

import { property, stringOf, valueOf, type FdtNode } from '../../../codec/fdt.ts';
import { cells, strings, type FdtValue } from '../../../codec/fdt-edit.ts';
import type { AttackKind, DoesNotApply } from '../../../mutation.ts';
import { editorOf, planOf, targetOf, turned, type Target } from '../edit.ts';
import { imagesOf } from '../model.ts';
import {
  formatDoc,
  onTheWay,
  signatureDoc,
  signedByConfiguration,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
  type Words,
} from './common.ts';

/** Plans that make sense only where the configuration is signed. */
export function whereConfigurationSigned(
  input: FitInput,
  plan: (target: Target) => RefusedPlan | DoesNotApply,
): RefusedPlan | DoesNotApply {
  const target = targetOf(input.image);
  if ('doesNotApply' in target) return target;
  if (target.configuration.signatures.length === 0)
    return { doesNotApply: 'its configuration is not signed' };
  return plan(target);
}

interface Edited {
  id: string;
  kind?: AttackKind;
  /** Completes "an image with …". */
  name: string;
  rationale: string;
  references?: readonly string[];
  node: (target: Target, input: FitInput) => FdtNode | undefined;
  prop: string;
  to: (old: Buffer) => FdtValue;
  standard?: true;
}

function edited({
  id,
  kind = 'metadata',
  name,
  rationale,
  references = [],
  node,
  prop,
  to,
  standard,
}: Edited): FitMutation {
  const words: Words = {
    id,
    kind,
    name: `with ${name}`,
    rationale,
    references: ['SIG-03', ...references, `${signatureDoc}, Signed configurations`],
  };
  return onTheWay(
    words,
    signedByConfiguration,
    (input) =>
      whereConfigurationSigned(input, (target) => {
        const where = node(target, input);
        const known = property(where, prop);
        if (where === undefined || known === undefined)
          return { doesNotApply: `there is no ${prop} to edit` };
        const old = valueOf(input.base, known);
        const value = to(old);
        const editor = editorOf(input);
        editor.apply(editor.withValue(known, value));
        return {
          ...planOf(input, editor, { refusedFor: 'signature' }),
          facts: { node: where.path, property: prop, from: old.toString('hex') },
        };
      }),
    { invariants: ['signature-kept'], ...(standard === undefined ? {} : { depth: 'standard' }) },
  );
}

const kernelNode = ({ kernel }: Target): FdtNode => kernel.node;
const configurationNode = ({ configuration }: Target): FdtNode => configuration.node;
const rootNode = (_: Target, { image }: FitInput): FdtNode | undefined => image.root;

/** Another of two words. */
const other =
  (one: string, another: string) =>
  (old: Buffer): FdtValue =>
    strings(old.toString('latin1').startsWith(one) ? another : one);

/** An address of 4 or 8 bytes, 4 KiB further. */
function moved(old: Buffer): FdtValue {
  const bytes = Buffer.from(old);
  if (bytes.length >= 2) bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 0x10;
  return bytes;
}

const edits: readonly Edited[] = [
  {
    id: 'fit-load-address',
    name: 'another load address of its kernel',
    rationale: 'Code at another address is other code.',
    node: kernelNode,
    prop: 'load',
    to: moved,
    standard: true,
  },
  {
    id: 'fit-load-address-zero',
    name: 'a kernel that loads to address 0',
    rationale: 'What is copied before it is verified overwrites vectors, loader or heap of the device.',
    references: ['CVE-2018-18439', 'CVE-2018-18440'],
    node: kernelNode,
    prop: 'load',
    to: (old) => (old.some((byte) => byte !== 0) ? Buffer.alloc(old.length) : moved(old)),
  },
  {
    id: 'fit-load-address-top',
    name: 'a kernel that loads to the end of the address space',
    rationale: 'Address and size overflow where their sum is taken in 32 bits.',
    references: ['CVE-2018-18440'],
    node: kernelNode,
    prop: 'load',
    to: (old) => Buffer.concat([Buffer.alloc(Math.max(0, old.length - 1), 0xff), Buffer.of(0xf0)]),
  },
  {
    id: 'fit-entry-point',
    name: 'another entry point of its kernel',
    rationale: 'Genuine code that is entered elsewhere does something else.',
    node: kernelNode,
    prop: 'entry',
    to: moved,
    standard: true,
  },
  {
    id: 'fit-type',
    name: 'another type of its kernel',
    rationale: 'The type decides how the data are used.',
    node: kernelNode,
    prop: 'type',
    to: other('kernel', 'standalone'),
  },
  {
    id: 'fit-os',
    name: 'another operating system for its kernel',
    rationale: 'The operating system decides how the kernel is entered, and with what privileges.',
    node: kernelNode,
    prop: 'os',
    to: other('linux', 'u-boot'),
  },
  {
    id: 'fit-arch',
    name: 'another architecture',
    rationale: 'The architecture decides in which state the processor enters the kernel.',
    node: kernelNode,
    prop: 'arch',
    to: other('arm', 'x86'),
  },
  {
    id: 'fit-compression',
    name: 'another compression of its kernel',
    rationale: 'A decompressor that is given unverified parameters is an attack surface of its own.',
    node: kernelNode,
    prop: 'compression',
    to: other('none', 'gzip'),
  },
  {
    id: 'fit-image-description',
    name: 'another description of its kernel',
    rationale: 'Text that people and update agents go by, inside the signed node.',
    node: kernelNode,
    prop: 'description',
    to: turned,
  },
  {
    id: 'fit-compatible',
    kind: 'compatibility',
    name: 'a configuration for another board',
    rationale: 'A loader that picks by compatible would boot what was made for other hardware.',
    references: ['U-Boot boot/image-fit.c, fit_conf_find_compat()'],
    node: configurationNode,
    prop: 'compatible',
    to: turned,
    standard: true,
  },
  {
    id: 'fit-root-description',
    name: 'another description',
    rationale: 'The root is signed: whoever shows its description shows what the maker wrote.',
    node: rootNode,
    prop: 'description',
    to: turned,
  },
  {
    id: 'fit-root-timestamp',
    name: 'a later timestamp',
    rationale: 'The only thing in a FIT that tells old from new; devices that go by it must verify it.',
    node: rootNode,
    prop: 'timestamp',
    to: (old) => (old.length === 4 ? cells((old.readUInt32BE(0) + 86_400) % 0x1_0000_0000) : turned(old)),
    standard: true,
  },
];

const redirected = onTheWay(
  {
    id: 'fit-kernel-redirected',
    kind: 'substitution',
    name: 'whose configuration names another image as its kernel',
    rationale: 'Each image is genuine; in that role it is not.',
    references: ['SIG-03', `${signatureDoc}, Signed configurations`],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, ({ configuration, kernel }) => {
      const role = configuration.references.find(({ name }) => name === kernel.name)?.role ?? '';
      const prop = property(configuration.node, role);
      const another = imagesOf(configuration).find(({ name }) => name !== kernel.name);
      if (prop === undefined || another === undefined) return { doesNotApply: 'it has one image only' };
      const editor = editorOf(input);
      editor.apply(editor.withValue(prop, strings(another.name)));
      return planOf(input, editor, {
        refusedFor: 'signature',
        facts: { role, from: kernel.name, to: another.name },
      });
    }),
);

const propertyAdded = onTheWay(
  {
    id: 'fit-load-address-added',
    kind: 'injection',
    name: 'with a load address for an image that had none',
    rationale: 'An added property makes the loader write to memory of the attacker’s choice.',
    references: ['SIG-03', 'CVE-2018-18440', `${formatDoc}, load`],
  },
  signedByConfiguration,
  (input) =>
    whereConfigurationSigned(input, ({ configuration }) => {
      const free = imagesOf(configuration).find(({ node }) => property(node, 'load') === undefined);
      if (free === undefined) return { doesNotApply: 'every image has a load address' };
      const editor = editorOf(input);
      editor.apply(editor.withProp(free.node, 'load', cells(0x1000)));
      return planOf(input, editor, { refusedFor: 'signature', facts: { image: free.name } });
    }),
);

const overlay = onTheWay(
  {
    id: 'fit-default-with-overlay',
    kind: 'injection',
    name: 'whose default configuration asks for an overlay that nobody signed',
    rationale: 'What follows a # names further configurations; each must be signed like the first.',
    references: ['U-Boot doc/usage/fit/overlay-fdt-boot.rst'],
  },
  // Whether a default may carry overlays depends on the loader; without them the executed bytes are the same.
  { class: 'no-crash-only' },
  (input) => {
    const name = stringOf(input.base, property(input.image.configurationsNode, 'default'));
    const prop = property(input.image.configurationsNode, 'default');
    if (name === undefined || prop === undefined)
      return { doesNotApply: 'there is no default configuration' };
    const editor = editorOf(input);
    editor.apply(editor.withValue(prop, strings(`${name}#conf-of-nobody`)));
    return planOf(input, editor);
  },
);

export const metadataMutations: readonly FitMutation[] = [
  ...edits.map(edited),
  redirected,
  propertyAdded,
  overlay,
];
