/** Signature values at the edges of their schemes, all else right. */

import { withSignature } from '../../../crypto/cms-edit.ts';
import { edgeValues } from '../../../crypto/edge-values.ts';
import { signerCertificates } from '../../../crypto/cms.ts';
import type { Expectation } from '../../../mutation.ts';
import { cmsAttack } from './cms.ts';
import { mustReject, type RaucMutation } from './common.ts';

/** The same numbers in other bytes: strict verifiers refuse them, lenient ones let nothing in. */
const either: Expectation = { class: 'no-crash-only' };

const values: readonly [id: string, name: string, expectation?: Expectation][] = [
  ['zero-zero', 'with r = s = 0'],
  ['one-zero', 'with r = 1 and s = 0'],
  ['zero-one', 'with r = 0 and s = 1'],
  ['order-order', 'with r and s equal to the order'],
  ['r-plus-order', 'with the order added to r'],
  ['s-plus-order', 'with the order added to s'],
  ['s-negated', 'with s negated modulo the order', either],
  ['long-length', 'with a length in more bytes than it needs', either],
  ['trailing', 'with a byte behind its two numbers', either],
  ['raw', 'as r and s one behind the other', either],
  ['zero', 'of value 0'],
  ['one', 'of value 1'],
  ['modulus-minus-one', 'one below the modulus'],
  ['modulus', 'equal to the modulus'],
  ['all-ones', 'of all ones'],
  ['leading-zero', 'with a zero byte in front', either],
];

export const edgeMutations: readonly RaucMutation[] = values.map(([id, name, expectation = mustReject]) =>
  cmsAttack({
    id: `rauc-edge-${id}`,
    kind: expectation === either ? 'encoding' : 'edge-value',
    name: `with a signature ${name}`,
    rationale:
      expectation === either
        ? 'The genuine signature in other bytes. What is signed stays the same.'
        : 'Where the range of a signature is not checked, such a value verifies for anything.',
    references:
      expectation === either ? ['SIG-23', 'Wycheproof'] : ['SIG-22', 'CVE-2022-21449', 'Wycheproof'],
    expectation,
    ...(expectation === either ? {} : { refusedFor: 'signature' }),
    edit: (cms, { base, image }) => {
      const [signer] = image.cms?.signers ?? [];
      const key = image.cms && signer && signerCertificates(image.cms, signer)[0]?.publicKey;
      if (signer === undefined || key === undefined) return 'the key of its signer is not known';
      const genuine = base.read(signer.signature.start, signer.signature.end);
      const value = edgeValues(key, genuine).find((candidate) => candidate.id === id);
      return value === undefined ? 'keys of this kind have no such value' : withSignature(cms, value.value);
    },
  }),
);
