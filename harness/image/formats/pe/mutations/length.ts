/** Attacks on the length of PE images. */

import { cut } from '../../../patch-set.ts';
import type { PeImage } from '../parse.ts';
import { attack, authenticode, harmlessUnless, planOf, withTable, type PeMutation } from './common.ts';

function appended(bytes: number, words: string): PeMutation {
  return attack({
    id: `pe-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale:
      'Behind the certificate table nothing is loaded. Verifiers differ: some refuse it, some take it out of the hash, ' +
      'some hash it in the table’s place.',
    references: ['SIG-14', authenticode],
    expectation: harmlessUnless('appendedData', 'refuse'),
    plan: (input) =>
      withTable(input, () => ({
        patches: [
          {
            at: input.base.size,
            remove: 0,
            insert: [{ kind: 'fill', byte: input.random('fill', 1)[0] ?? 0, count: bytes }],
          },
        ],
        touches: ['end-of-file'],
      })),
  });
}

function truncated(id: string, name: string, endOf: (image: PeImage) => number | undefined): PeMutation {
  return attack({
    id: `pe-truncated-${id}`,
    kind: 'truncated',
    depth: 'standard',
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    plan: (input) =>
      withTable(input, () => {
        const end = endOf(input.image);
        if (end === undefined || end >= input.base.size) return { doesNotApply: 'it is shorter than that' };
        return planOf(input, [cut(end, input.base.size - end)], { facts: { bytesLeft: end } });
      }),
  });
}

export const lengthMutations: readonly PeMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  truncated('one-byte', 'one byte short', ({ tableEnd }) => tableEnd && tableEnd - 1),
  truncated('half', 'cut in half', ({ size }) => Math.floor(size / 2)),
  truncated(
    'before-signature',
    'cut just before its certificate table',
    ({ headers }) => headers?.table?.start,
  ),
  truncated('inside-headers', 'cut inside its headers', ({ headers }) => headers && headers.optionalAt + 20),
];
