/** Other numbers and identifiers, validly signed; and the older release, which is genuine. */

import { cborHead, cborMajors, cborRaw, encodeCborInt, encodeCborText } from '../../../codec/cbor.ts';
import { byPolicy } from '../../../mutation.ts';
import { replaced } from '../edit.ts';
import { manifestKeys, parameters } from '../labels.ts';
import { attack, draft, mustReject, noCrash, type SuitMutation } from './common.ts';
import { field, lastBit, lastBitInside, parameter, plusOne } from './manifest-fields.ts';

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
      const head = cborHead(cborMajors.map, map.argument + 1n);
      return map.indefinite
        ? { doesNotApply: 'the manifest has no count of elements' }
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

export const resignedMutations: readonly SuitMutation[] = [...resigned, rollback];
