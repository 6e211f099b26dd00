/** Attacks on what the manifest says: numbers, identifiers, components, places. */

import { encodeCborInt, encodeCborText, cborMajors, cborRaw, type CborItem } from '../../../codec/cbor.ts';
import { byPolicy, type DoesNotApply } from '../../../mutation.ts';
import { replaced, withContent, type Edit } from '../edit.ts';
import { commonKeys, manifestKeys, parameters } from '../labels.ts';
import { allParameters } from '../program.ts';
import {
  attack,
  draft,
  isolatingPair,
  mustReject,
  noCrash,
  type SuitInput,
  type SuitMutation,
} from './common.ts';

type Change = (item: CborItem, input: SuitInput) => Edit[];

const found = (
  item: CborItem | undefined,
  what: string,
  input: SuitInput,
  change: Change,
): Edit[] | DoesNotApply =>
  item === undefined ? { doesNotApply: `the manifest has no ${what}` } : change(item, input);

const field =
  (label: number, what: string, change: Change) =>
  (input: SuitInput): Edit[] | DoesNotApply =>
    found(input.image.manifest?.fields.find((one) => one.label === label)?.value, what, input, change);

/** The first of its kind that lies in the manifest itself. */
const parameter =
  (label: number, what: string, change: Change) =>
  (input: SuitInput): Edit[] | DoesNotApply => {
    const { headEnd = 0, end = 0 } = input.image.manifest?.wrapper ?? {};
    const inside = allParameters(input.image).find(
      (one) => one.label === label && one.item.start >= headEnd && one.item.end <= end,
    );
    return found(inside?.item, what, input, change);
  };

const plusOne: Change = (item) => [replaced(item, encodeCborInt(item.argument + 1n))];
const lastBit: Change = (item, { base }) => {
  const bytes = Buffer.from(base.read(item.headEnd, item.end));
  if (bytes.length === 0) return [];
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return withContent(item, bytes);
};
const elsewhere: Change = (item) => withContent(item, Buffer.from('https://attacker.example/firmware.bin'));
/** The last byte string inside, however deep. */
const lastBitInside: Change = (item, input) => {
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

/** Where the device says that it checks, it must; where it says that it does not, anything goes. */
const byHardware = byPolicy('hardwareCompatibility', (value) => (value === 'checked' ? mustReject : noCrash));

const resigned: SuitMutation[] = [
  attack({
    id: 'suit-resigned',
    kind: 'encoding',
    // The same release once more: a device that wants a higher number each time may say no.
    expectation: ({ equalCounter }) =>
      equalCounter === 'accept' ? { class: 'must-accept' } : { class: 'benign-accept' },
    resigned: true,
    name: 'unaltered, signed anew with the test key',
    rationale:
      'The control of all attacks that are signed anew: this key is good, and nothing else is wrong.',
    references: [`${draft}, Authenticated Manifests`],
    alter: ({ image }) =>
      (image.auth?.blocks ?? []).flatMap((block) => block.signatures).length === 1
        ? []
        : { doesNotApply: 'it has several signatures, and a device may want more than one' },
  }),
  attack({
    id: 'suit-sequence-number-largest-resigned',
    kind: 'counter',
    expectation: noCrash,
    resigned: true,
    name: 'with the largest sequence number, 2⁶⁴ − 1, validly signed',
    rationale:
      'Accepted, it leaves no room for any later release; stored in fewer bits, it makes room for older ones. Look after the device: it may take nothing else afterwards.',
    references: [`${draft}, suit-manifest-sequence-number`, 'CWE-190'],
    alter: field(manifestKeys.sequenceNumber, 'sequence number', (item) => [
      replaced(item, encodeCborInt(0xffff_ffff_ffff_ffffn)),
    ]),
  }),
  attack({
    id: 'suit-sequence-number-beyond-resigned',
    kind: 'counter',
    expectation: mustReject,
    resigned: true,
    refusedFor: 'manifest',
    name: 'with a sequence number of −1, validly signed',
    rationale: 'Read as unsigned it is the largest of all; the manifest has room for unsigned numbers only.',
    references: [`${draft}, suit-manifest-sequence-number`, 'CWE-195'],
    alter: field(manifestKeys.sequenceNumber, 'sequence number', (item) => [
      replaced(item, encodeCborInt(-1n)),
    ]),
  }),
  attack({
    id: 'suit-sequence-number-equal-resigned',
    kind: 'counter',
    expectation: byPolicy('equalCounter', (value) => (value === 'refuse' ? mustReject : noCrash)),
    resigned: true,
    refusedFor: 'counter',
    name: 'of the same sequence number and another content, validly signed',
    rationale: 'Two releases of one number: which of them the device has can no longer be told by it.',
    references: [`${draft}, suit-manifest-sequence-number`],
    alter: (input) => {
      const { manifest } = input.image;
      if (manifest === undefined) return { doesNotApply: 'there is no manifest' };
      const value = encodeCborText('https://example.com/another-release.suit');
      const reference = manifest.fields.find(({ label }) => label === manifestKeys.referenceUri)?.value;
      if (reference !== undefined) return [replaced(reference, value)];
      // In its place by the order of keys: behind the common part.
      const before = manifest.fields.find(({ label }) => label === manifestKeys.common);
      if (before === undefined) return { doesNotApply: 'the manifest has no common part' };
      const common = cborRaw(input.base, before.value);
      const more = Buffer.concat([common, encodeCborInt(manifestKeys.referenceUri), value]);
      const { map } = manifest;
      const head = Buffer.of((cborMajors.map << 5) | Number(map.argument + 1n));
      return map.argument > 22n || map.indefinite
        ? { doesNotApply: 'the manifest has very many elements' }
        : [{ start: map.start, end: map.headEnd, bytes: head }, replaced(before.value, more)];
    },
  }),
  attack({
    id: 'suit-manifest-version-resigned',
    kind: 'structure',
    resigned: true,
    refusedFor: 'version',
    name: 'with manifest version 2, validly signed',
    rationale: 'Whoever reads an unknown version as if it were known executes what nobody wrote.',
    references: [`${draft}, Manifest Processor Setup`],
    alter: field(manifestKeys.version, 'version', plusOne),
  }),
  attack({
    id: 'suit-vendor-id-resigned',
    kind: 'compatibility',
    expectation: byHardware,
    resigned: true,
    refusedFor: 'hardware',
    name: 'for another vendor’s devices, validly signed',
    rationale: 'One key may serve many products: only the condition keeps their images apart.',
    references: [`${draft}, suit-condition-vendor-identifier`],
    alter: parameter(parameters.vendor, 'vendor identifier', lastBitInside),
  }),
  attack({
    id: 'suit-class-id-resigned',
    kind: 'compatibility',
    expectation: byHardware,
    resigned: true,
    refusedFor: 'hardware',
    name: 'for another class of devices, validly signed',
    rationale: 'One key may serve many products: only the condition keeps their images apart.',
    references: [`${draft}, suit-condition-class-identifier`],
    alter: parameter(parameters.class, 'class identifier', lastBit),
  }),
];

const rollback = attack({
  id: 'suit-older-release',
  kind: 'rollback',
  expectation: ({ lowerVersion }) =>
    lowerVersion === 'accept' ? { class: 'policy', dependsOn: 'lowerVersion' } : mustReject,
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  refusedFor: 'counter',
  name: 'of an older release, with a lower sequence number',
  rationale:
    'Genuine in every byte, with the faults that were mended since. The draft lets no device take it.',
  references: [`${draft}, suit-manifest-sequence-number`, 'RFC 9124, 4.2.1'],
  alter: ({ base, image, second }) => {
    const own = image.manifest?.sequenceNumber ?? 0n;
    const other = second?.image.manifest?.sequenceNumber;
    if (second === undefined || other === undefined || other >= own) {
      return { doesNotApply: `the second image has sequence number ${other}, not less than ${own}` };
    }
    return [{ start: 0, end: base.size, bytes: second.source.read(0, second.source.size) }];
  },
});

export const manifestMutations: readonly SuitMutation[] = [
  ...altered,
  ...algorithmOfImage,
  ...resigned,
  rollback,
];
