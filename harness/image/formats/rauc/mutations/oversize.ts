/**
 * Bundles beyond 2 GiB, whose signature covers what an overflowing length left of them. They are streamed, and need
 * neither disk nor memory; but hashing them takes seconds and writing them takes the space. That is why they are not among
 * the attacks of every run. RAUC 1.8 accepts both.
 *
 * The length of what is signed went through a signed number of 32 bits. From 2 to 4 GiB it is negative there, which
 * OpenSSL takes for a string that ends at the first zero byte; beyond, what is left modulo 2^32 is signed.
 *
 * Source: CVE-2026-34155, GHSA-6hj7-q844-m2hx; RAUC src/signature.c, bytes_as_bio; OpenSSL BIO_new_mem_buf(3).
 */

import type { Patch } from '../../../patch-set.ts';
import { trailerPatch, mustReject, regionsOf, type RaucInput, type RaucMutation } from './common.ts';
import { bytesBeforeZero, signedOver } from './resigned.ts';

function oversize(
  id: string,
  name: string,
  payloadBytes: (input: RaucInput) => number,
  signedBytes: (input: RaucInput) => number,
): RaucMutation {
  return {
    id: `rauc-oversize-${id}`,
    kind: 'coverage',
    huge: true,
    name,
    rationale:
      'A device that computes with 32 bits takes the signature of a few bytes for that of the whole, and installs whatever follows them.',
    references: ['SIG-16', 'CVE-2026-34155', 'GHSA-6hj7-q844-m2hx'],
    attackerModel: 'insider',
    needs: ['test-key'],
    expectation: mustReject,
    plan: (input) => {
      const { image } = input;
      const signed = signedOver(input, signedBytes(input));
      if ('doesNotApply' in signed) return signed;
      const areaEnd = image.size - 8;
      const grown = payloadBytes(input) - image.payloadEnd;
      const patches: Patch[] = [
        {
          at: image.payloadEnd,
          remove: areaEnd - image.payloadEnd,
          insert: [
            { kind: 'fill', byte: 0, count: grown },
            { kind: 'bytes', bytes: signed },
          ],
        },
        // A signature as long as the old one leaves the size as it is.
        ...(signed.length === areaEnd - image.payloadEnd ? [] : [trailerPatch(image, BigInt(signed.length))]),
      ];
      return {
        patches,
        touches: regionsOf(image, patches),
        facts: { payloadBytes: payloadBytes(input), signedBytes: signedBytes(input) },
        refusedFor: 'digest',
      };
    },
  };
}

const twoGib = 2 ** 31;

export const oversizeMutations: readonly RaucMutation[] = [
  oversize('2-gib', 'of 2 GiB, signed up to the first zero byte', () => twoGib, bytesBeforeZero),
  oversize(
    '4-gib',
    'of 4 GiB and its payload, signed over its payload',
    ({ image }) => 2 * twoGib + image.payloadEnd,
    ({ image }) => image.payloadEnd,
  ),
];
