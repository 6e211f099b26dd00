/** Attacks on the signatures of FIT images, and on whose they are. */

import { sameBytes } from '../../../byte-source.ts';
import { strings } from '../../../codec/fdt-edit.ts';
import { valueOf } from '../../../codec/fdt.ts';
import { byPolicy, type DoesNotApply } from '../../../mutation.ts';
import { editorOf, planOf, signaturesInForce, type InForce } from '../edit.ts';
import { strangerFor } from '../sign.ts';
import {
  mustReject,
  onTheWay,
  signatureDoc,
  type FitInput,
  type FitMutation,
  type RefusedPlan,
} from './common.ts';

export function withSignatures(
  input: FitInput,
  plan: (inForce: InForce[]) => RefusedPlan | DoesNotApply,
): RefusedPlan | DoesNotApply {
  const inForce = signaturesInForce(input).filter(({ signature }) => signature.value !== undefined);
  return inForce.length === 0 ? { doesNotApply: 'the image is unsigned' } : plan(inForce);
}

/** Every signature with another value. */
function withValues(
  input: FitInput,
  valueFor: (inForce: InForce, old: Buffer) => Uint8Array | undefined,
  facts: Record<string, string> = {},
): RefusedPlan | DoesNotApply {
  return withSignatures(input, (all) => {
    const editor = editorOf(input);
    for (const inForce of all) {
      const { value } = inForce.signature;
      const to = value && valueFor(inForce, valueOf(input.base, value));
      if (value === undefined || to === undefined)
        return { doesNotApply: `nothing can be made for ${inForce.path}` };
      editor.apply(editor.withValue(value, to));
    }
    return planOf(input, editor, { refusedFor: 'signature', facts });
  });
}

const stripSignature = onTheWay(
  {
    id: 'fit-strip-signature',
    kind: 'unsigned',
    name: 'without its signatures',
    rationale: 'A loader that only checks hashes boots whatever anybody built.',
    references: ['SIG-01', `${signatureDoc}, Required keys`],
  },
  mustReject,
  (input) =>
    withSignatures(input, (all) => {
      const editor = editorOf(input);
      for (const { signature } of all) editor.apply(editor.withoutNode(signature.node));
      return planOf(input, editor, { refusedFor: 'unsigned' });
    }),
  { depth: 'standard' },
);

const emptySignature = onTheWay(
  {
    id: 'fit-signature-empty',
    kind: 'unsigned',
    name: 'with a signature of no bytes',
    rationale: 'A length that is taken from the image must not decide how much is compared.',
    references: ['SIG-01', 'U-Boot lib/rsa/rsa-verify.c'],
  },
  mustReject,
  (input) => withValues(input, () => Buffer.alloc(0)),
);

const plusOne = onTheWay(
  {
    id: 'fit-signature-first-byte-plus-one',
    kind: 'signature',
    name: 'with the first byte of its signature raised by one',
    rationale:
      'The smallest change to a signature; a loader that ignores the result of the check accepts it.',
    references: ['SIG-04', 'U-Boot test/py/tests/test_vboot.py'],
  },
  mustReject,
  (input) =>
    withValues(input, (_, old) => Buffer.concat([Buffer.of(((old[0] ?? 0) + 1) & 0xff), old.subarray(1)])),
  { depth: 'standard', invariants: ['signed-kept', 'same-length'] },
);

const transplanted: FitMutation = {
  id: 'fit-signature-transplanted',
  kind: 'transplant',
  depth: 'standard',
  invariants: ['signed-kept'],
  name: 'with the valid signatures of another release',
  rationale: 'A signature must be checked against this image, not merely be one that the maker once made.',
  references: ['SIG-05', 'Wycheproof, flag ModifiedSignature'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: mustReject,
  plan: (input) =>
    withSignatures(input, (all) => {
      const { base, image, second } = input;
      if (second === undefined) return { doesNotApply: 'there is no second image' };
      const donors = signaturesInForce({ image: second.image, policy: input.policy });
      const editor = editorOf(input);
      let others = 0;
      for (const inForce of all) {
        const donor = donors.find(({ path }) => path === inForce.path);
        const [own, theirs] = [inForce.signed(base, image), donor?.signed(second.source, second.image)];
        const { value } = inForce.signature;
        if (
          donor?.signature.value === undefined ||
          value === undefined ||
          own === undefined ||
          theirs === undefined
        ) {
          return { doesNotApply: `the second image has no signature ${inForce.path}` };
        }
        if (sameBytes(own, theirs)) continue;
        others += 1;
        editor.apply(editor.withValue(value, valueOf(second.source, donor.signature.value)));
      }
      if (others === 0) return { doesNotApply: 'the second image is signed over the same bytes' };
      return planOf(input, editor, { refusedFor: 'signature' });
    }),
};

function unknownKey(hint: 'own' | 'trusted'): FitMutation {
  const own = hint === 'own';
  return onTheWay(
    {
      id: own ? 'fit-unknown-key' : 'fit-unknown-key-trusted-hint',
      kind: 'foreign-key',
      name: own ? 'signed with an unknown key' : 'signed with an unknown key under the trusted key’s name',
      rationale: own
        ? 'A loader that goes by the algorithm alone, or takes a key from the image, trusts everybody.'
        : 'key-name-hint is unsigned: it may select a trusted key, never vouch for another one.',
      references: ['SIG-06', `${signatureDoc}, Public key storage`],
    },
    mustReject,
    (input) =>
      withSignatures(input, (all) => {
        const editor = editorOf(input);
        let publicKey = '';
        for (const { signature, signed, path } of all) {
          const stranger = strangerFor(signature, input.random('unknown key', 32));
          const bytes = signed(input.base, input.image);
          const value = bytes && stranger?.sign(signature, bytes);
          if (stranger === undefined || value === undefined || signature.value === undefined) {
            return { doesNotApply: `no key is made for ${signature.algorithm} at ${path}` };
          }
          editor.apply(editor.withValue(signature.value, value));
          if (own) editor.apply(editor.withSet(signature.node, 'key-name-hint', strings('attacker')));
          publicKey = String(stranger.publicKey.export({ type: 'spki', format: 'pem' }));
        }
        return planOf(input, editor, { refusedFor: 'signature', facts: { publicKey } });
      }),
    { depth: 'standard', attackerModel: 'foreign-key', invariants: ['signed-kept'] },
  );
}

interface EdgeValue {
  id: string;
  name: string;
  type: 'rsa' | 'ec';
  value: (old: Buffer) => Uint8Array;
  /** The same numbers, written otherwise: whoever reads numbers of any length takes it, and boots what is genuine. */
  encoding?: true;
}

/** The reference verifier is as strict as U-Boot, where a signature has exactly the length of the key. */
const otherEncoding = byPolicy('malleableSignatures', (value) =>
  value === 'refuse' ? mustReject : { class: 'no-crash-only' },
);

/** Order of P-256 (SEC 2, 2.4.2). */
const p256Order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const one = (bytes: number): Buffer => Buffer.concat([Buffer.alloc(bytes - 1), Buffer.of(1)]);

const edgeValues: readonly EdgeValue[] = [
  { id: 'zero', name: 'all zeros', type: 'rsa', value: (old) => Buffer.alloc(old.length) },
  { id: 'one', name: 'the number one', type: 'rsa', value: (old) => one(old.length) },
  {
    id: 'above-modulus',
    name: 'a number above the modulus',
    type: 'rsa',
    value: (old) => Buffer.alloc(old.length, 0xff),
  },
  {
    id: 'longer',
    name: 'a leading zero more',
    type: 'rsa',
    value: (old) => Buffer.concat([Buffer.alloc(1), old]),
    encoding: true,
  },
  { id: 'r-s-zero', name: 'r = s = 0', type: 'ec', value: (old) => Buffer.alloc(old.length) },
  {
    id: 'r-one-s-zero',
    name: 'r = 1, s = 0',
    type: 'ec',
    value: (old) => Buffer.concat([one(old.length / 2), Buffer.alloc(old.length / 2)]),
  },
  {
    id: 'r-s-order',
    name: 'r and s the order of the curve',
    type: 'ec',
    value: () => Buffer.concat([p256Order, p256Order]),
  },
  {
    id: 's-plus-order',
    name: 's with a byte more',
    type: 'ec',
    value: (old) => Buffer.concat([old.subarray(0, 32), Buffer.of(0), old.subarray(32)]),
    encoding: true,
  },
];

function edgeValue({ id, name, type, value, encoding }: EdgeValue): FitMutation {
  return onTheWay(
    {
      id: `fit-${type === 'rsa' ? 'rsa' : 'ecdsa'}-${id}`,
      kind: encoding === undefined ? 'edge-value' : 'encoding',
      name: `with ${name} for a signature`,
      rationale: 'Values outside their range must be refused before they are computed with.',
      references: [
        'Wycheproof, flags InvalidSignature and ModifiedSignature',
        'U-Boot lib/rsa/rsa-verify.c, lib/ecdsa',
      ],
    },
    encoding === undefined ? mustReject : otherEncoding,
    (input) =>
      withValues(input, ({ signature }, old) => {
        const pattern = type === 'rsa' ? /,rsa\d+$/ : /,ecdsa256$/;
        return pattern.test(signature.algorithm ?? '') && (type === 'rsa' || old.length === 64)
          ? value(old)
          : undefined;
      }),
    { invariants: ['signed-kept'] },
  );
}

const negatedS = onTheWay(
  {
    id: 'fit-ecdsa-s-negated',
    kind: 'encoding',
    name: 'with n − s in place of s',
    rationale:
      'Equally valid, and made without the key: whoever knows images by their bytes sees another one.',
    references: ['FIPS 186-5, 6.4.2', 'U-Boot lib/ecdsa/ecdsa-libcrypto.c'],
  },
  { class: 'benign-accept' },
  (input) => {
    const plan = withValues(input, ({ signature }, old) => {
      if (!/,ecdsa256$/.test(signature.algorithm ?? '') || old.length !== 64) return undefined;
      const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
      const s = number(p256Order) - number(old.subarray(32));
      return Buffer.concat([old.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
    });
    if ('doesNotApply' in plan) return plan;
    const { patches, touches } = plan;
    return { patches, touches };
  },
  { invariants: ['signed-kept', 'same-length'] },
);

export const signatureMutations: readonly FitMutation[] = [
  stripSignature,
  emptySignature,
  plusOne,
  transplanted,
  unknownKey('own'),
  unknownKey('trusted'),
  ...edgeValues.map(edgeValue),
  negatedS,
];
