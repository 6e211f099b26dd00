/** Attacks on integrated payloads and on what was severed from the manifest. */

import { cborRaw, encodeCborBytes, encodeCborText } from '../../../codec/cbor.ts';
import { byPolicy, type DoesNotApply } from '../../../mutation.ts';
import { rawMember, replaced, withContent, withMore, type Edit } from '../edit.ts';
import { envelopeKeys } from '../labels.ts';
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

type Maybe = Edit[] | DoesNotApply;
const integrated = `${draft}, Integrated Payload Template`;
const imageMatch = `${draft}, suit-condition-image-match`;
const noPayload = { doesNotApply: 'no payload in the envelope is held against a digest' };

/** The first payload that is fetched and compared on every device. */
export function boundPayload({ image }: Pick<SuitInput, 'image'>): EnvelopeMember | undefined {
  const { fetched, matches } = image.program;
  return image.members.find(
    ({ key, value }) =>
      typeof key === 'string' &&
      fetched.has(key) &&
      value.end > value.headEnd &&
      matches.some((match) => !match.encrypted && match.digests.length > 0 && match.payloads.includes(key)),
  );
}

function withPayload(input: SuitInput, change: (member: EnvelopeMember) => Maybe): Maybe {
  const member = boundPayload(input);
  return member === undefined ? noPayload : change(member);
}

const flips = (['first', 'middle', 'last'] as const).flatMap((where) =>
  isolatingTriple(
    {
      id: `suit-payload-${where}-bit`,
      kind: 'payload',
      depth: 'standard',
      name: `with one bit of its ${where} payload byte flipped`,
      rationale: 'The whole payload must be covered, to its edges.',
      references: ['SIG-02', imageMatch],
      alter: (input) =>
        withPayload(input, ({ value: { headEnd, end } }) => {
          const middle = headEnd + Math.floor((end - headEnd) / 2);
          const at = where === 'first' ? headEnd : where === 'last' ? end - 1 : middle;
          const bit = (input.random('bit', 1)[0] ?? 0) & 7;
          const old = input.base.read(at, at + 1)[0] ?? 0;
          return [{ start: at, end: at + 1, bytes: Buffer.of(old ^ (1 << bit)) }];
        }),
    },
    'images',
  ),
);

/** Payloads of a stolen release are taken into memory up to this size. */
const mostBytes = 256 * 1024 * 1024;

const swapped = isolatingTriple(
  {
    id: 'suit-payload-of-older',
    kind: 'substitution',
    name: 'with the payload of another release',
    rationale:
      'A new manifest and old code, each genuine: the digest in the manifest binds one to the other.',
    references: ['SIG-05', imageMatch],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    alter: (input) =>
      withPayload(input, ({ value, key }) => {
        const { second } = input;
        const other = second && boundPayload(second);
        if (other === undefined || second === undefined) return noPayload;
        const length = other.value.end - other.value.headEnd;
        if (length > mostBytes) return { doesNotApply: `its payload has ${length} bytes` };
        const bytes = Buffer.from(second.source.read(other.value.headEnd, other.value.end));
        if (bytes.equals(input.base.read(value.headEnd, value.end))) {
          return { doesNotApply: `${key} is the same in both` };
        }
        return withContent(value, bytes);
      }),
  },
  'images',
);

const single: SuitMutation[] = [
  attack({
    id: 'suit-payload-emptied',
    kind: 'payload',
    name: 'with a payload of no bytes',
    rationale:
      'Nothing to write must not be taken for nothing wrong: what is there before is not what was signed.',
    references: [imageMatch],
    refusedFor: 'image-digest',
    alter: (input) => withPayload(input, ({ value }) => withContent(value, Buffer.alloc(0))),
  }),
  attack({
    id: 'suit-payload-one-byte-longer',
    kind: 'payload',
    name: 'with one byte behind its payload, in the payload’s byte string',
    rationale: 'A device that digests as many bytes as the manifest says must not write as many as it got.',
    references: [imageMatch, `${draft}, suit-parameter-image-size`],
    // A device may take exactly as many bytes as the manifest says, and never see the one behind.
    expectation: byPolicy('appendedData', (value) =>
      value === 'refuse' ? mustReject : { class: 'no-crash-only' },
    ),
    refusedFor: 'image-digest',
    alter: (input) =>
      withPayload(input, ({ value }) => {
        const content = input.base.read(value.headEnd, Math.min(value.end, value.headEnd + mostBytes));
        if (value.end - value.headEnd > mostBytes) return noPayload;
        return withContent(value, Buffer.concat([content, input.random('byte', 1)]));
      }),
  }),
  attack({
    id: 'suit-payload-removed',
    kind: 'structure',
    name: 'without the payload that its commands refer to',
    rationale: 'A reference into the envelope that leads nowhere must end the installation.',
    references: [integrated],
    refusedFor: 'payload-missing',
    alter: (input) =>
      withPayload(input, (member) => {
        if (typeof member.key !== 'string' || !member.key.startsWith('#')) {
          return { doesNotApply: 'its payload could be fetched from elsewhere' };
        }
        return removed(input, member);
      }),
  }),
  attack({
    id: 'suit-payload-unreferenced',
    kind: 'injection',
    expectation: harmless,
    invariants: ['signed-kept', 'signature-kept'],
    name: 'with a payload beside it that no command refers to',
    rationale: 'What nothing refers to must go nowhere.',
    references: [integrated],
    alter: ({ image, random }) => {
      const name = encodeCborText('#fieldproof-unreferenced');
      return added(image, Buffer.concat([name, encodeCborBytes(random('payload', 64))]));
    },
  }),
  ...(['before', 'after'] as const).map((where) =>
    attack({
      id: `suit-payload-twice-${where}`,
      kind: 'injection',
      expectation: harmless,
      invariants: ['signature-kept'],
      name: `with another payload of the same name ${where} the genuine one`,
      rationale:
        'Keys must be unique. Whoever checks the one and installs the other executes what nobody signed.',
      references: ['RFC 8949, 5.6', integrated],
      alter: (input) =>
        withPayload(input, (member) => {
          const bytes = input.random('payload', 64);
          const other = Buffer.concat([cborRaw(input.base, member.keyItem), encodeCborBytes(bytes)]);
          return beside(input, member, other, where);
        }),
    }),
  ),
];

export function removed({ image }: SuitInput, { keyItem, value }: EnvelopeMember): Maybe {
  if (image.envelope === undefined) return { doesNotApply: 'there is no envelope' };
  return [withMore(image.envelope, -1), { start: keyItem.start, end: value.end, bytes: Buffer.alloc(0) }];
}

/** Another member behind the last one. */
export function added({ envelope, members }: SuitInput['image'], member: Buffer): Maybe {
  const last = members.at(-1)?.value;
  if (envelope === undefined || last === undefined) return { doesNotApply: 'there is no envelope' };
  return [withMore(envelope, 1), { start: last.end, end: last.end, bytes: member }];
}

/** Another member just before or behind one. */
function beside(
  { image }: SuitInput,
  { keyItem, value }: EnvelopeMember,
  other: Buffer,
  where: 'before' | 'after',
): Maybe {
  if (image.envelope === undefined) return { doesNotApply: 'there is no envelope' };
  const at = where === 'before' ? keyItem.start : value.end;
  const head = withMore(image.envelope, 1);
  // Right behind the head, both become one edit.
  if (at === head.end) return [{ ...head, bytes: Buffer.concat([head.bytes, other]) }];
  return [head, { start: at, end: at, bytes: other }];
}

const twice: SuitMutation[] = (['before', 'after'] as const).map((where) =>
  attack({
    id: `suit-manifest-twice-${where}`,
    kind: 'injection',
    expectation: harmless,
    invariants: ['signature-kept'],
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    name: `with the manifest of another release ${where} its own`,
    rationale: 'Keys must be unique. Whoever verifies the one manifest and executes the other is led back.',
    references: ['RFC 8949, 5.6', `${draft}, Envelope`],
    alter: (input) => {
      const [own] = membersWith(input.image.members, envelopeKeys.manifest);
      const { second } = input;
      const other = second && membersWith(second.image.members, envelopeKeys.manifest)[0];
      if (own === undefined || second === undefined || other === undefined) {
        return { doesNotApply: 'there is no manifest' };
      }
      const bytes = rawMember(second.source, other);
      if (bytes.equals(rawMember(input.base, own))) return { doesNotApply: 'both have the same manifest' };
      return beside(input, own, bytes, where);
    },
  }),
);

const substituted = attack({
  id: 'suit-manifest-of-older',
  kind: 'substitution',
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  refusedFor: 'digest',
  name: 'with the manifest of another release under its own signature',
  rationale: 'Signature and digest are valid and belong together; what they belong to is not there.',
  references: ['SIG-05', `${draft}, Authenticated Manifests`],
  alter: ({ base, image, second }) => {
    const own = image.manifest?.wrapper;
    const other = second?.image.manifest?.wrapper;
    if (own === undefined || other === undefined || second === undefined) {
      return { doesNotApply: 'there is no manifest' };
    }
    const bytes = cborRaw(second.source, other);
    return bytes.equals(cborRaw(base, own))
      ? { doesNotApply: 'both have the same manifest' }
      : [replaced(own, bytes)];
  },
});

export const payloadMutations: readonly SuitMutation[] = [
  ...flips,
  ...swapped,
  ...single,
  ...twice,
  substituted,
];
