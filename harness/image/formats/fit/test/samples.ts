/** Genuine FIT images of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { buildFit, type BuildOptions } from './builder.ts';

export function fitSamples(): Sample[] {
  const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const rsa4096 = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey;
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return [
    sample('RSA-2048, embedded', rsa2048, { hashes: ['sha256', 'crc32'] }),
    sample(
      'RSA-2048 PSS, external by offset',
      rsa2048,
      { padding: 'pss', where: 'offset' },
      {
        appendedData: 'refuse',
        hardwareCompatibility: 'checked',
        requiredSignature: 'configuration',
        bootsConfiguration: 'default',
      },
    ),
    sample('ECDSA P-256, external by position', p256, {
      algorithm: 'sha256,ecdsa256',
      where: 'position',
      hashes: ['sha384'],
    }),
    sample('RSA-4096, two boards', rsa4096, {
      algorithm: 'sha512,rsa4096',
      secondConfiguration: true,
      hashes: ['sha1', 'sha512'],
    }),
    sample(
      'images signed one by one',
      rsa2048,
      { signs: 'image', where: 'offset' },
      { requiredSignature: 'image' },
    ),
  ];
}

function sample(name: string, key: KeyObject, options: Omit<BuildOptions, 'key'>, policy?: Policy): Sample {
  const older = {
    description: 'older test image',
    kernel: Buffer.from('kernel of an older release, with the hole that was closed since '.repeat(9)),
  };
  return {
    name,
    bytes: buildFit({ ...options, key }),
    second: buildFit({ ...options, ...older, key }),
    keys: [{ kind: 'classic', key: createPublicKey(key), name: 'maker' }],
    testKey: { kind: 'classic', key, chain: [], name: 'maker' },
    ...(policy === undefined ? {} : { policy }),
  };
}
