/** Attacks on the length of RAUC bundles. */

import { cut } from '../../../patch-set.ts';
import { mustReject, type RaucMutation } from './common.ts';
import type { RaucImage } from '../parse.ts';

function appended(bytes: number, words: string): RaucMutation {
  return {
    id: `rauc-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale: 'Where the signature is, the last eight bytes say: other bytes there must lead nowhere.',
    references: ['SIG-14', 'RFC 9124, THREAT.IMG.EXTRA'],
    attackerModel: 'network',
    needs: [],
    expectation: ({ appendedData }) => (appendedData === 'ignore' ? { class: 'no-crash-only' } : mustReject),
    plan: ({ base, random }) => ({
      patches: [
        {
          at: base.size,
          remove: 0,
          insert: [{ kind: 'fill', byte: random('fill', 1)[0] ?? 0, count: bytes }],
        },
      ],
      touches: ['end-of-file'],
    }),
  };
}

function truncated(id: string, name: string, endOf: (image: RaucImage) => number): RaucMutation {
  return {
    id: `rauc-truncated-${id}`,
    kind: 'truncated',
    depth: 'standard',
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave a bundle that is installed.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: ({ base, image }) => {
      const end = endOf(image);
      return {
        patches: [cut(end, base.size - end)],
        touches: image.regions.filter((region) => region.end > end).map(({ name: region }) => region),
        facts: { bytesLeft: end },
      };
    },
  };
}

export const lengthMutations: readonly RaucMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  truncated('one-byte', 'one byte short', ({ size }) => size - 1),
  truncated('half', 'cut in half', ({ size }) => Math.floor(size / 2)),
  truncated('before-signature', 'cut just before its signature', ({ payloadEnd }) => payloadEnd),
  truncated('before-trailer', 'without its trailer', ({ size }) => size - 8),
];
