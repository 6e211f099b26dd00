/** Attacks on what is signed: altered, grown, cut, exchanged. The signature stays as it is. */

import type { DetachedLayout } from '../layout.ts';
import { integerBytes, readInteger } from '../layout.ts';
import { byPolicy, type DoesNotApply, type Expectation, type Plan } from '../../../mutation.ts';
import { regionNamed, type Region } from '../../../image.ts';
import { overwrite, type Patch } from '../../../patch-set.ts';
import { benign, mustReject, type DetachedInput, type DetachedMutation } from './common.ts';

type Where = 'first' | 'middle' | 'last';

const common = { attackerModel: 'network', needs: [], expectation: mustReject } as const;

function payloadOf({ image }: DetachedInput): Region | undefined {
  return regionNamed(image, 'payload');
}

const noPayload: DoesNotApply = { doesNotApply: 'the payload is empty' };

function flip(where: Where): DetachedMutation {
  return {
    ...common,
    id: `detached-payload-${where}-bit`,
    kind: 'payload',
    depth: 'standard',
    invariants: ['same-length', 'signature-kept'],
    name: `with one bit of its ${where} payload byte flipped`,
    rationale: 'The whole payload must be covered, to its edges.',
    references: ['SIG-02'],
    plan: (input) => {
      const payload = payloadOf(input);
      if (payload === undefined) return noPayload;
      const at = {
        first: payload.start,
        middle: Math.floor((payload.start + payload.end) / 2),
        last: payload.end - 1,
      }[where];
      const bit = (input.random('bit', 1)[0] ?? 0) & 7;
      const old = input.base.read(at, at + 1)[0] ?? 0;
      return {
        patches: [overwrite(at, Buffer.of(old ^ (1 << bit)))],
        touches: ['payload'],
        facts: { offset: at, bit },
        refusedFor: 'signature',
      };
    },
  };
}

/** The last byte replaced by itself and what follows: the patch lies inside the payload. */
function growth(input: DetachedInput, insert: Patch['insert']): Plan | DoesNotApply {
  const payload = payloadOf(input);
  if (payload === undefined) return noPayload;
  const last = { kind: 'copy', start: payload.end - 1, end: payload.end } as const;
  return {
    patches: [{ at: payload.end - 1, remove: 1, insert: [last, ...insert] }],
    touches: ['payload'],
    refusedFor: 'signature',
  };
}

function grown(id: string, words: string, bytes: number): DetachedMutation {
  return {
    ...common,
    id: `detached-payload-grown-${id}`,
    kind: 'payload',
    invariants: ['signature-kept'],
    name: `with ${words} at the end of its payload`,
    rationale: 'The signature covers the payload to its end, wherever that is.',
    references: ['SIG-02', 'SIG-14'],
    plan: (input) => growth(input, [{ kind: 'fill', byte: 0, count: bytes }]),
  };
}

/** Data behind the payload file: refused with the signature, unless the device knows the payload's length otherwise. */
const behindFile = (policy: { appendedData?: 'refuse' | 'ignore' }): Expectation =>
  policy.appendedData === 'ignore' ? { class: 'no-crash-only' } : mustReject;

/** Data behind everything: a device that reads from the end does not find its signature; one that does not is no worse. */
const behindAll = byPolicy('appendedData', (value): Expectation =>
  value === 'refuse' ? mustReject : { class: 'no-crash-only' },
);

function appended(layout: DetachedLayout, bytes: number, words: string): DetachedMutation {
  const detached = layout.placement === 'detached';
  return {
    ...common,
    id: `detached-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    ...(detached ? {} : { invariants: ['base-is-prefix' as const] }),
    expectation: detached ? behindFile : behindAll,
    name: detached ? `with ${words} appended to the payload file` : `with ${words} appended`,
    rationale: detached
      ? 'The signature is over the file: what is appended to it is covered, and makes it another.'
      : 'The signature is found from the end: what is appended takes its place.',
    references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA'],
    plan: (input) => {
      const byte = input.random('fill', 1)[0] ?? 0;
      const insert = [{ kind: 'fill', byte, count: bytes }] as const;
      if (!detached)
        return { patches: [{ at: input.base.size, remove: 0, insert }], touches: ['end-of-file'] };
      const plan = growth(input, insert);
      if ('doesNotApply' in plan) return plan;
      const { refusedFor: _, ...open } = plan;
      return open;
    },
  };
}

const shortened: DetachedMutation = {
  ...common,
  id: 'detached-payload-one-byte-short',
  kind: 'payload',
  invariants: ['signature-kept'],
  name: 'with a payload one byte short',
  rationale: 'The signature stands where it belongs, behind a payload that lacks its end.',
  references: ['SIG-02', 'SIG-15'],
  plan: (input) => {
    const payload = payloadOf(input);
    if (payload === undefined) return noPayload;
    return {
      patches: [{ at: payload.end - 1, remove: 1, insert: [] }],
      touches: ['payload'],
      refusedFor: 'signature',
    };
  },
};

const blank: DetachedMutation = {
  ...common,
  id: 'detached-payload-erased',
  kind: 'payload',
  invariants: ['same-length', 'signature-kept'],
  name: 'with FF for its whole payload',
  rationale: 'Blank flash behind a signature that was good for what had been there.',
  references: ['SIG-02'],
  plan: (input) => {
    const payload = payloadOf(input);
    if (payload === undefined) return noPayload;
    const bytes = payload.end - payload.start;
    return {
      patches: [{ at: payload.start, remove: bytes, insert: [{ kind: 'fill', byte: 0xff, count: bytes }] }],
      touches: ['payload'],
      refusedFor: 'signature',
    };
  },
};

const swapped: DetachedMutation = {
  ...common,
  id: 'detached-payload-halves-exchanged',
  kind: 'substitution',
  invariants: ['same-length', 'signature-kept'],
  name: 'with the halves of its payload exchanged',
  rationale: 'Every byte is genuine; their order is not.',
  references: ['SIG-02'],
  plan: (input) => {
    const payload = payloadOf(input);
    if (payload === undefined || payload.end - payload.start < 2) return noPayload;
    const { start, end } = payload;
    const middle = start + Math.floor((end - start) / 2);
    return {
      patches: [
        {
          at: start,
          remove: end - start,
          insert: [
            { kind: 'copy', start: middle, end },
            { kind: 'copy', start, end: middle },
          ],
        },
      ],
      touches: ['payload'],
      refusedFor: 'signature',
    };
  },
};

/** Fields of the header: refused where they are signed; where not, the device's declaration decides. */
function headerFields(layout: DetachedLayout): DetachedMutation[] {
  const signed = layout.covers === 'header+payload';
  const unsigned = byPolicy('unsignedMetadata', (value): Expectation =>
    value === 'ignore' ? benign : { class: 'policy', dependsOn: 'unsignedMetadata' },
  );
  return (layout.header?.fields ?? []).map(({ name, at, type, order }) => ({
    ...common,
    id: `detached-header-${name}`,
    kind: 'metadata',
    depth: 'standard',
    invariants: ['same-length', 'signature-kept'],
    expectation: signed ? mustReject : unsigned,
    name: `with another ${name} in its header`,
    rationale: signed
      ? 'What the header says is signed, field by field.'
      : 'What the header says is not signed: nobody may rely on it.',
    references: ['SIG-03'],
    plan: ({ base, image }) => {
      const from = readInteger(base.read(at, at + integerBytes[type]), order);
      const changed = base.read(at, at + integerBytes[type]);
      const low = order === 'be' ? changed.length - 1 : 0;
      const bytes = Buffer.from(changed);
      bytes[low] = ((bytes[low] ?? 0) + 1) & 0xff;
      if (regionNamed(image, `header.${name}`) === undefined)
        return { doesNotApply: `the header has no ${name}` };
      return {
        patches: [overwrite(at, bytes)],
        touches: [`header.${name}`],
        facts: { from, to: readInteger(bytes, order) },
        ...(signed ? { refusedFor: 'signature' } : {}),
      };
    },
  }));
}

export function payloadMutations(layout: DetachedLayout): DetachedMutation[] {
  return [
    flip('first'),
    flip('middle'),
    flip('last'),
    grown('one-byte', 'one byte', 1),
    grown('to-block', '511 bytes', 511),
    ...(layout.placement === 'appended' ? [shortened] : []),
    blank,
    swapped,
    appended(layout, 1, 'one byte'),
    appended(layout, 4096, '4 KiB'),
    ...headerFields(layout),
  ];
}
