/** Attacks on images with several signatures: one missing, one for both, in another order. */

import type { DoesNotApply, Expectation, Plan } from '../../../mutation.ts';
import { cut } from '../../../patch-set.ts';
import { editSplit, replaceSignatures } from '../edit.ts';
import { isResizable, schemeOf, signatureNames, type DetachedLayout } from '../layout.ts';
import { signatureOf } from '../verify.ts';
import { benign, mustReject, type DetachedInput, type DetachedMutation } from './common.ts';

const common = { attackerModel: 'network', needs: [], invariants: ['signed-kept'] } as const;

const references = [
  'SIG-08',
  'NIST SP 800-57 Part 1, 5.6 (hybrid schemes)',
  'BSI TR-02102-1, hybrid signatures',
];
const rationale = 'Two signatures are as strong as the stronger one only where neither can be left out.';

/** Where one good signature is enough, what is left is enough. */
function whenOneIsLeft(layout: DetachedLayout): Expectation {
  return layout.rule === 'all' ? mustReject : benign;
}

/** All other signatures zero: the frame is whole. */
function only(layout: DetachedLayout, index: number, name: string): DetachedMutation {
  return {
    ...common,
    id: `detached-only-${name}-good`,
    kind: 'downgrade',
    name: `with only the signature ${name}, the others zero`,
    rationale,
    references,
    expectation: whenOneIsLeft(layout),
    plan: ({ base, image }) => {
      const values = [...layout.signatures.keys()]
        .filter((other) => other !== index)
        .map((other): [number, Buffer] => [other, Buffer.alloc(signatureOf(base, image, other).length)]);
      return plan(replaceSignatures(base, image, layout, new Map(values)), layout);
    },
  };
}

function plan(replaced: ReturnType<typeof replaceSignatures>, layout: DetachedLayout): Plan | DoesNotApply {
  if ('doesNotApply' in replaced) return replaced;
  return layout.rule === 'all' ? { ...replaced, refusedFor: 'signature' } : replaced;
}

/** One signature left out, with its length field saying so where there is one. */
function missing(layout: DetachedLayout, index: number, name: string): DetachedMutation {
  const resizable = isResizable(layout, index);
  return {
    ...common,
    id: `detached-without-${name}`,
    kind: 'downgrade',
    name: `without the signature ${name}`,
    rationale,
    references,
    expectation: layout.rule === 'all' ? mustReject : resizable ? benign : { class: 'no-crash-only' },
    plan: ({ base, image }) => {
      if (resizable) {
        const replaced = replaceSignatures(base, image, layout, new Map([[index, Buffer.alloc(0)]]));
        if ('doesNotApply' in replaced) return replaced;
        return layout.rule === 'all' ? { ...replaced, refusedFor: 'unsigned' } : replaced;
      }
      const place = image.signatures[index];
      if (place === undefined || place.start === place.end) return { doesNotApply: 'it is missing already' };
      const split = editSplit(image, image.frame.end - image.frame.start - (place.end - place.start));
      return {
        patches: [cut(place.start, place.end - place.start), ...split.patches],
        touches: [place.region, ...split.touches],
      };
    },
  };
}

/** The bytes of two signatures in each other’s place; everything else stays. */
function exchanged(layout: DetachedLayout): DetachedMutation[] {
  const [first, second] = layout.signatures;
  if (first === undefined || second === undefined || first.scheme.type === second.scheme.type) return [];
  return [
    {
      ...common,
      id: 'detached-signatures-exchanged',
      kind: 'structure',
      expectation: mustReject,
      name: 'with its first two signatures in each other’s place',
      rationale: 'Each signature belongs to one key and one place.',
      references,
      plan: ({ base, image }) => {
        const [a, b] = [signatureOf(base, image, 0), signatureOf(base, image, 1)];
        const [at, bt] = image.signatures;
        if (at === undefined || bt === undefined || a.length === 0 || b.length === 0)
          return { doesNotApply: 'one of them is missing' };
        return {
          patches: [
            { at: at.start, remove: a.length, insert: [{ kind: 'bytes', bytes: b }] },
            { at: bt.start, remove: b.length, insert: [{ kind: 'bytes', bytes: a }] },
          ],
          touches: [at.region, bt.region],
        };
      },
    },
  ];
}

/** One signer for two, where two of the same scheme are demanded. */
function oneForBoth(layout: DetachedLayout): DetachedMutation[] {
  const pairs = [...layout.signatures.keys()].filter(
    (index) => index > 0 && schemeOf(layout, index).type === schemeOf(layout, 0).type,
  );
  const [twin] = pairs;
  if (twin === undefined) return [];
  return [
    {
      ...common,
      id: 'detached-one-signer-for-both',
      kind: 'substitution',
      attackerModel: 'insider',
      expectation: whenOneIsLeft(layout),
      name: 'with the first signature in the place of another one too',
      rationale: 'Two signatures are demanded so that two have to agree.',
      references,
      plan: ({ base, image }: DetachedInput) => {
        const value = signatureOf(base, image, 0);
        return plan(replaceSignatures(base, image, layout, new Map([[twin, value]])), layout);
      },
    },
  ];
}

export function severalMutations(layout: DetachedLayout): DetachedMutation[] {
  if (layout.signatures.length < 2) return [];
  return [
    ...signatureNames(layout).flatMap((name, index) => [
      only(layout, index, name),
      missing(layout, index, name),
    ]),
    ...exchanged(layout),
    ...oneForBoth(layout),
  ];
}
