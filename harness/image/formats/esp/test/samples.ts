/** Genuine ESP images of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { buildEsp, type BuildOptions } from './builder.ts';

export const rsaKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
export const ecKey = (namedCurve: 'prime192v1' | 'P-256' | 'P-384'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve }).privateKey;

const strict: Policy = {
  appendedData: 'refuse',
  equalCounter: 'accept',
  hardwareCompatibility: 'checked',
  lowerVersion: 'refuse',
  malleableSignatures: 'refuse',
};

export function espSamples(): Sample[] {
  const rsa = rsaKey();
  const otherRsa = rsaKey();
  const p256 = ecKey('P-256');
  const otherP256 = ecKey('P-256');
  const p384 = ecKey('P-384');
  const p192 = ecKey('prime192v1');
  const older = { version: '1.2.2', secureVersion: 3 };
  return [
    sample('RSA-3072', [rsa], {}, { app: { version: '1.1.0', secureVersion: 2 } }),
    sample(
      'ECDSA P-256, a counter',
      [p256],
      { lowS: true },
      { app: { version: '1.1.0', secureVersion: 2 } },
      strict,
    ),
    sample(
      'RSA-3072, two blocks, strict policy',
      [rsa, otherRsa],
      { minRevision: 0 },
      { app: older },
      strict,
    ),
    {
      ...sample('ECDSA P-256, strict policy', [p256], { chipId: 0x0d, lowS: true }, { app: older }, strict),
      second: buildEsp({ keys: [otherP256], chipId: 0x0d, lowS: true, app: older }),
      keys: [p256, otherP256].map(publicKey),
    },
    sample('ECDSA P-384', [p384], { chipId: 0x17 }, { app: older }),
    sample(
      'ECDSA P-192, a boot loader without SHA-256 that fills its sectors',
      [p192],
      {
        chipId: 0x0c,
        app: 'none',
        hashAppended: false,
        segments: [[0x4037_c000, Buffer.alloc(4064 + 4096, 7)]],
      },
      { segments: [[0x4037_c000, Buffer.alloc(4064, 8)]] },
    ),
  ];
}

function publicKey(key: KeyObject): Sample['keys'][number] {
  return { kind: 'classic', key: createPublicKey(key), name: 'maker' };
}

function sample(
  name: string,
  keys: readonly [KeyObject, ...KeyObject[]],
  options: Omit<BuildOptions, 'keys'>,
  second: Omit<BuildOptions, 'keys'>,
  policy?: Policy,
): Sample {
  return {
    name,
    bytes: buildEsp({ ...options, keys }),
    second: buildEsp({ ...options, ...second, keys }),
    keys: keys.map(publicKey),
    testKey: { kind: 'classic', key: keys[0], chain: [], name: 'maker' },
    ...(policy === undefined ? {} : { policy }),
  };
}
