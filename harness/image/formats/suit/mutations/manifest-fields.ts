/** Attacks on what the manifest says: numbers, identifiers, components, places. */

import { encodeCborInt, type CborItem } from '../../../codec/cbor.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import { replaced, withContent, type Edit } from '../edit.ts';
import { commonKeys, manifestKeys, parameters } from '../labels.ts';
import { allParameters } from '../program.ts';
import { draft, isolatingPair, type SuitInput, type SuitMutation } from './common.ts';

type Change = (item: CborItem, input: SuitInput) => Edit[];

const found = (
  item: CborItem | undefined,
  what: string,
  input: SuitInput,
  change: Change,
): Edit[] | DoesNotApply =>
  item === undefined ? { doesNotApply: `the manifest has no ${what}` } : change(item, input);

export const field =
  (label: number, what: string, change: Change) =>
  (input: SuitInput): Edit[] | DoesNotApply =>
    found(input.image.manifest?.fields.find((one) => one.label === label)?.value, what, input, change);

/** The first of its kind that lies in the manifest itself. */
export const parameter =
  (label: number, what: string, change: Change) =>
  (input: SuitInput): Edit[] | DoesNotApply => {
    const { headEnd = 0, end = 0 } = input.image.manifest?.wrapper ?? {};
    const inside = allParameters(input.image).find(
      (one) => one.label === label && one.item.start >= headEnd && one.item.end <= end,
    );
    return found(inside?.item, what, input, change);
  };

export const plusOne: Change = (item) => [replaced(item, encodeCborInt(item.argument + 1n))];
export const lastBit: Change = (item, { base }) => {
  const bytes = Buffer.from(base.read(item.headEnd, item.end));
  if (bytes.length === 0) return [];
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return withContent(item, bytes);
};
const elsewhere: Change = (item) => withContent(item, Buffer.from('https://attacker.example/firmware.bin'));
/** The last byte string inside, however deep. */
export const lastBitInside: Change = (item, input) => {
  const last = item.children.at(-1);
  return last === undefined ? lastBit(item, input) : lastBitInside(last, input);
};

const altered: SuitMutation[] = [
  {
    id: 'suit-sequence-number-raised',
    name: 'with its sequence number raised by one',
    rationale: 'An old release passes for a new one when the number is not covered.',
    alter: field(manifestKeys.sequenceNumber, 'sequence number', plusOne),
  },
  {
    id: 'suit-sequence-number-largest',
    name: 'with the largest sequence number, 2⁶⁴ − 1',
    rationale: 'A device that stores it before it verifies takes no update any more.',
    alter: field(manifestKeys.sequenceNumber, 'sequence number', (item) => [
      replaced(item, encodeCborInt(0xffff_ffff_ffff_ffffn)),
    ]),
  },
  {
    id: 'suit-manifest-version',
    name: 'with manifest version 2',
    rationale: 'An unknown version must not be read as if it were known.',
    alter: field(manifestKeys.version, 'version', plusOne),
  },
  {
    id: 'suit-reference-uri',
    name: 'with another reference to the full manifest',
    rationale: 'Management systems follow it.',
    alter: field(manifestKeys.referenceUri, 'reference URI', elsewhere),
  },
  {
    id: 'suit-manifest-component-id',
    name: 'with another component identifier of the manifest',
    rationale: 'It says where the manifest itself is stored: over which other one.',
    alter: field(manifestKeys.componentId, 'component identifier', lastBitInside),
  },
  {
    id: 'suit-component-id',
    name: 'with another component identifier',
    rationale: 'The same bytes installed as another component are another system.',
    alter: (input: SuitInput) =>
      found(
        input.image.manifest?.componentsItem,
        `components (${commonKeys.components})`,
        input,
        lastBitInside,
      ),
  },
  {
    id: 'suit-vendor-id',
    name: 'with another vendor identifier',
    rationale: 'What an image is built for must be covered.',
    alter: parameter(parameters.vendor, 'vendor identifier', lastBitInside),
  },
  {
    id: 'suit-class-id',
    name: 'with another class identifier',
    rationale: 'What an image is built for must be covered.',
    alter: parameter(parameters.class, 'class identifier', lastBit),
  },
  {
    id: 'suit-image-digest',
    name: 'with another image digest',
    rationale: 'The digest in the manifest is what binds the payload.',
    alter: parameter(parameters.digest, 'image digest', lastBit),
  },
  {
    id: 'suit-image-size',
    name: 'with another image size',
    rationale: 'The size decides how much is fetched, and where it ends.',
    alter: parameter(parameters.size, 'image size', plusOne),
  },
  {
    id: 'suit-uri',
    name: 'with its payload fetched from elsewhere',
    rationale:
      'The digest still binds what is fetched; who is asked for it learns of every device, and can stall it.',
    alter: parameter(parameters.uri, 'URI of its own', elsewhere),
  },
].flatMap((described) =>
  isolatingPair({
    ...described,
    kind: 'metadata',
    depth: 'standard',
    references: ['SIG-03', `${draft}, Manifest`],
  }),
);

const algorithmOfImage = isolatingPair({
  id: 'suit-image-digest-algorithm',
  kind: 'downgrade',
  name: 'with the algorithm of its image digest renamed',
  rationale: 'The same bytes under another name: a comparison that trusts one length reads beyond the other.',
  references: [`${draft}, SUIT Digest Container`],
  alter: ({ image }) => {
    const digest = allParameters(image).find(({ label }) => label === parameters.digest)?.digest;
    if (digest === undefined) return { doesNotApply: 'the manifest has no image digest' };
    return [replaced(digest.algorithmItem, encodeCborInt(digest.algorithm === -44 ? -16 : -44))];
  },
});

export const manifestMutations: readonly SuitMutation[] = [...altered, ...algorithmOfImage];
