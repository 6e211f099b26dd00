/** Genuine SUIT envelopes of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Sample } from '../../../test/sample.ts';
import { buildSuit, type BuildOptions } from './builder.ts';

const payload = Buffer.from('payload of the test image, long enough to be halved, and a little more');

export function suitSamples(): Sample[] {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  return [
    sample('ES256, integrated payload, severed installation', p256, {
      payload,
      severedInstall: true,
      text: 'What it is for.',
      keyId: 'key 1',
      referenceUri: 'https://example.com/full.suit',
      componentId: ['device', 'suit'],
    }),
    sample(
      'ES256, a device that refuses whatever it may',
      p256,
      { payload, text: 'Text.' },
      {
        appendedData: 'refuse',
        equalCounter: 'refuse',
        lowerVersion: 'refuse',
        unsignedMetadata: 'refuse',
        hardwareCompatibility: 'checked',
        malleableSignatures: 'refuse',
      },
    ),
    sample(
      'ES256, a device that takes whatever it may',
      p256,
      { payload, untagged: true, algorithm: -9 },
      {
        appendedData: 'ignore',
        equalCounter: 'accept',
        lowerVersion: 'accept',
        unsignedMetadata: 'ignore',
        hardwareCompatibility: 'unchecked',
        malleableSignatures: 'accept',
      },
    ),
    sample('ES384 and SHA-384, payload elsewhere', p384, { hash: [-43, 'sha384'], twoComponents: true }),
    sample('EdDSA, SHA-512, several signers and a code, two slots', ed25519, {
      payload,
      slots: true,
      several: true,
      withMac: true,
      hash: [-44, 'sha512'],
    }),
    {
      name: 'HSS-LMS, which is known by name alone',
      bytes: buildSuit({ algorithm: -46, payload }),
      second: buildSuit({ algorithm: -46, payload, sequenceNumber: 3 }),
      keys: [],
    },
  ];
}

function sample(name: string, key: KeyObject, options: BuildOptions, policy?: Sample['policy']): Sample {
  return {
    name,
    bytes: buildSuit({ ...options, key }),
    second: buildSuit({ ...options, key, ...older(options) }),
    keys: [{ kind: 'classic', key: createPublicKey(key), name: 'maker' }],
    testKey: { kind: 'classic', key, chain: [], name: 'maker' },
    ...(policy === undefined ? {} : { policy }),
  };
}

/** An older release: lower number, another payload of other length, and another installation. */
function older({ payload: given }: BuildOptions): BuildOptions {
  const shorter =
    given === undefined ? {} : { payload: given.subarray(0, given.length - 9).map((byte) => byte ^ 1) };
  return { sequenceNumber: 3, ...shorter, payloadName: '#firmware' };
}
