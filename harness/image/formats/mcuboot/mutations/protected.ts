/** Attacks on the protected TLVs of MCUboot images, which are signed. */

import { rewriteArea, entriesOf, touchedRegions, type Entry } from '../edit.ts';
import { encodeUint, tlvTypes } from '../layout.ts';
import type { AttackKind, DoesNotApply, Plan } from '../../../mutation.ts';
import { areaPlan, designDoc, type McubootInput, type McubootMutation } from './common.ts';
import { isolatingPair } from './signed-bytes.ts';

const references = ['SIG-03', `${designDoc}, Protected TLVs`];

/** The value of the first entry of a type, changed. */
function valueChanged(
  type: number,
  words: { id: string; kind: AttackKind; name: string; rationale: string; references?: readonly string[] },
  change: (value: Buffer, input: McubootInput) => Buffer,
): McubootMutation[] {
  return isolatingPair({
    references,
    ...words,
    alter: (input) =>
      areaPlan(input, 'protected', (entries) => {
        const at = entries.findIndex((entry) => entry.type === type);
        const entry = entries[at];
        if (entry === undefined)
          return { doesNotApply: `the image has no such TLV (0x${type.toString(16)})` };
        const value = change(Buffer.from(entry.value), input);
        if (value.equals(entry.value)) return { doesNotApply: 'it has that value already' };
        return entries.with(at, { type, value });
      }),
  });
}

const flipped = (value: Buffer): Buffer => {
  const last = value.length - 1;
  if (last >= 0) value[last] = (value[last] ?? 0) ^ 1;
  return value;
};

function counterSet(
  id: string,
  name: string,
  rationale: string,
  of: (from: number) => number,
): McubootMutation[] {
  return valueChanged(
    tlvTypes.SEC_CNT,
    { id: `mcuboot-counter-${id}`, kind: 'counter', name, rationale },
    (value, { image }) => {
      if (value.length !== 4) return value;
      const from = image.endian === 'big' ? value.readUInt32BE() : value.readUInt32LE();
      return encodeUint(of(from), 4, image.endian);
    },
  );
}

const dependency = (id: string, name: string, rationale: string, byte: number): McubootMutation[] =>
  valueChanged(
    tlvTypes.DEPENDENCY,
    {
      id: `mcuboot-dependency-${id}`,
      kind: 'compatibility',
      name,
      rationale,
      references: ['MCUboot issue #506', ...references],
    },
    (value) => (value.fill(byte, 4), value),
  );

const uuid = (type: number, id: string, what: string): McubootMutation[] =>
  valueChanged(
    type,
    {
      id: `mcuboot-${id}`,
      kind: 'compatibility',
      name: `with another ${what} id`,
      rationale: 'An image for other hardware passes for one for this when its ids are not covered.',
      references: ['MCUboot boot/bootutil/include/bootutil/mcuboot_uuid.h', ...references],
    },
    flipped,
  );

const bootRecord = valueChanged(
  tlvTypes.BOOT_RECORD,
  {
    id: 'mcuboot-boot-record',
    kind: 'metadata',
    name: 'with another boot record',
    rationale: 'The boot record is what the device attests to others about its own software.',
  },
  flipped,
);

const named: readonly number[] = [
  tlvTypes.SEC_CNT,
  tlvTypes.DEPENDENCY,
  tlvTypes.BOOT_RECORD,
  tlvTypes.UUID_VID,
  tlvTypes.UUID_CID,
];

/** Each entry of another type: decompression, vendors'. */
const others = isolatingPair({
  id: 'mcuboot-protected-others',
  kind: 'metadata',
  name: 'with a bit flipped in each of its further protected entries',
  rationale: 'Vendors put configuration there because it is covered.',
  references,
  alter: (input) =>
    areaPlan(input, 'protected', (entries) => {
      const rest = entries.filter(({ type, value }) => !named.includes(type) && value.length > 0);
      if (rest.length === 0) return { doesNotApply: 'the image has no further protected entries' };
      return entries.map((entry) =>
        rest.includes(entry) ? { ...entry, value: flipped(Buffer.from(entry.value)) } : entry,
      );
    }),
});

const counterRemoved = isolatingPair({
  id: 'mcuboot-counter-removed',
  kind: 'counter',
  name: 'without its security counter',
  rationale: 'A loader that looks for the counter only where there is one lets old images through.',
  references: [...references, 'RB-04'],
  alter: (input) =>
    areaPlan(input, 'protected', (entries) => {
      const kept = entries.filter(({ type }) => type !== tlvTypes.SEC_CNT);
      return kept.length === entries.length ? { doesNotApply: 'the image has no protected counter' } : kept;
    }),
});

const areaRemoved = isolatingPair({
  id: 'mcuboot-protected-removed',
  kind: 'coverage',
  name: 'without its protected entries',
  rationale: 'Their size in the header is all that says that they are there.',
  references,
  alter: (input) => areaPlan(input, 'protected', () => []),
});

const moved = isolatingPair({
  id: 'mcuboot-protected-moved',
  kind: 'coverage',
  name: 'with its protected entries among the unprotected ones',
  rationale: 'An entry has the same type in either area; only one of them is signed.',
  references: [...references, 'MCUboot issue #506'],
  alter: (input): Plan | DoesNotApply => {
    const { base, image } = input;
    if (image.protectedArea === undefined) return { doesNotApply: 'the image has no protected entries' };
    const entries = entriesOf(base, image, 'protected');
    const all = [...entriesOf(base, image, 'unprotected'), ...entries];
    const there = rewriteArea(base, image, 'unprotected', all);
    const gone = rewriteArea(base, image, 'protected', []);
    if (there === undefined || gone === undefined) return { doesNotApply: 'the area would be too large' };
    const patches = [...gone, ...there];
    return { patches, touches: touchedRegions(image, patches) };
  },
});

const added = (id: string, name: string, entry: (input: McubootInput) => Entry): McubootMutation[] =>
  isolatingPair({
    id: `mcuboot-protected-added-${id}`,
    kind: 'injection',
    name,
    rationale: 'Lengths and digest fit; what was added is not what the maker signed.',
    references,
    alter: (input) => areaPlan(input, 'protected', (entries) => [entry(input), ...entries]),
  });

export const protectedMutations: readonly McubootMutation[] = [
  ...counterSet('raised', 'with its security counter raised', 'An old image passes for a new one.', (from) =>
    from === 0xffff_ffff ? 0 : from + 1,
  ),
  ...counterSet('zeroed', 'with its security counter set to 0', 'The counter is covered.', () => 0),
  ...counterSet(
    'max',
    'with its security counter at its maximum',
    'Accepted, it would lock the device against every later release.',
    () => 0xffff_ffff,
  ),
  ...dependency(
    'lowered',
    'with a dependency on any version',
    'Parts that do not fit together would run.',
    0,
  ),
  ...dependency(
    'raised',
    'with a dependency that nothing meets',
    'An update could be held back by it.',
    0xff,
  ),
  ...uuid(tlvTypes.UUID_VID, 'vendor-id', 'vendor'),
  ...uuid(tlvTypes.UUID_CID, 'class-id', 'device class'),
  ...bootRecord,
  ...others,
  ...counterRemoved,
  ...areaRemoved,
  ...moved,
  ...added('counter', 'with a second, higher security counter in front', ({ image }) => ({
    type: tlvTypes.SEC_CNT,
    value: encodeUint(0xffff_fffe, 4, image.endian),
  })),
  ...added('vendor', 'with a vendor entry among the protected ones', ({ random }) => ({
    type: 0x5ea5,
    value: random('vendor', 16),
  })),
];
