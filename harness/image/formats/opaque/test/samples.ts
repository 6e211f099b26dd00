/** Files of which nothing is known. */

import { createHash } from 'node:crypto';
import type { Sample } from '../../../test/sample.ts';

/** Bytes that look like anything, the same every time. */
export function noise(name: string, bytes: number): Buffer {
  return createHash('shake256', { outputLength: bytes }).update(name).digest();
}

export function opaqueSamples(): Sample[] {
  const padded = Buffer.concat([noise('padded', 3000), Buffer.alloc(1096, 0xff)]);
  return [
    { name: 'noise', bytes: noise('new', 5000), second: noise('old', 4800), keys: [] },
    {
      name: 'padded, for a device that refuses whatever it may',
      bytes: padded,
      second: noise('padded, old', 4096),
      keys: [],
      policy: { appendedData: 'refuse', lowerVersion: 'refuse' },
    },
    {
      name: 'short, for a device that takes whatever it may',
      bytes: noise('short', 40),
      second: noise('short, old', 50),
      keys: [],
      policy: { appendedData: 'ignore', lowerVersion: 'accept' },
    },
  ];
}
