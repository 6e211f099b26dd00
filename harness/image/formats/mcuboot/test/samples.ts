/** Genuine MCUboot images of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Sample } from '../../../test/sample.ts';
import { buildMcuboot, type BuildOptions } from './builder.ts';

export function mcubootSamples(): Sample[] {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return [
    sample('ECDSA P-256', p256),
    sample('Ed25519', ed25519),
    sample('RSA-2048', rsa),
    sample('no protected area, padded to a slot', p256, {
      protectedTlvs: [],
      hdrSize: 32,
      trailing: Buffer.alloc(9000, 0xff),
    }),
  ];
}

function sample(name: string, key: KeyObject, options: Omit<BuildOptions, 'key'> = {}): Sample {
  return {
    name,
    bytes: buildMcuboot({ ...options, key }).bytes,
    second: buildMcuboot({ ...options, key, version: [0, 9, 0, 0] }).bytes,
    keys: [{ kind: 'classic', key: createPublicKey(key), name: 'maker' }],
    testKey: { kind: 'classic', key, chain: [], name: 'maker' },
  };
}
