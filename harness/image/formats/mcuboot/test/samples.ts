/** Genuine MCUboot images of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { buildMcuboot, type BuildOptions } from './builder.ts';

export const sampleKeys = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
  rsa2048: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  rsa3072: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
};

const strict: Policy = {
  appendedData: 'refuse',
  equalCounter: 'refuse',
  lowerVersion: 'refuse',
  unsignedMetadata: 'refuse',
  hardwareCompatibility: 'checked',
  malleableSignatures: 'refuse',
};

const lenient: Policy = {
  appendedData: 'ignore',
  equalCounter: 'accept',
  lowerVersion: 'accept',
  unsignedMetadata: 'ignore',
  hardwareCompatibility: 'unchecked',
  malleableSignatures: 'accept',
};

/** Every protected TLV that a plain image may have. */
export const manyProtected = [
  [0x50, Buffer.of(7, 0, 0, 0)],
  [0x60, Buffer.from('a36131656173686132353661326531', 'hex')],
  [0x40, Buffer.from('010000000102030004000000', 'hex')],
  [0x74, Buffer.alloc(16, 0x74)],
  [0x75, Buffer.alloc(16, 0x75)],
  [0x01a0, Buffer.from('vendor')],
] as const;

type Options = Omit<BuildOptions, 'key'>;

export function mcubootSamples(): Sample[] {
  const { p256, p384, ed25519, rsa2048, rsa3072 } = sampleKeys;
  const without: Options = { protectedTlvs: [], hdrSize: 32 };
  const encrypted: Options = { flags: 4, encrypted: [0x32, Buffer.alloc(113, 0x32)] };
  return [
    sample('ECDSA P-256', p256),
    sample(
      'ECDSA P-256, everything refused that may be',
      p256,
      { flags: 0x20 },
      { policy: strict, counter: 6 },
    ),
    sample('ECDSA P-256, everything taken that may be', p256, {}, { policy: lenient }),
    sample('ECDSA P-256, in a header of 512 bytes', p256, { hdrSize: 512 }, { policy: strict }),
    sample('ECDSA P-384', p384, { hash: 'sha384', protectedTlvs: manyProtected }),
    sample('Ed25519', ed25519, { protectedTlvs: manyProtected }, { policy: strict, counter: 8 }),
    sample('Ed25519, pure', ed25519, { pure: true, slotBytes: 1024 }, { policy: lenient, counter: 6 }),
    sample('Ed25519, pure without a digest', ed25519, { pure: true, noDigest: true }),
    {
      ...sample('from before there were counters', p256, {}, { policy: strict }),
      second: buildMcuboot({ ...without, key: p256, version: [0, 8, 0, 0] }).bytes,
    },
    sample('RSA-2048', rsa2048, { slotBytes: 1024, align: 32 }, { policy: strict }),
    sample('RSA-3072, big-endian', rsa3072, { bigEndian: true, fullKey: true }),
    sample('ECDSA P-256, big-endian', p256, { bigEndian: true }, { policy: lenient }),
    sample('no protected area, padded', p256, { ...without, trailing: Buffer.alloc(300, 0xff) }),
    sample('no protected area, older ones refused', rsa2048, without, { policy: strict }),
    { ...sample('encrypted', p256, encrypted), keys: [] },
  ];
}

/** @param other of the older image: its security counter, when it is not the same */
function sample(
  name: string,
  key: KeyObject,
  options: Options = {},
  { policy, counter }: { policy?: Policy; counter?: number } = {},
): Sample {
  const older = {
    ...options,
    key,
    version: [0, 9, 0, 0],
    payload: Buffer.from('payload of an older release, of another length than the other'),
    ...(counter === undefined ? {} : { counter }),
  } as const;
  return {
    name,
    bytes: buildMcuboot({ ...options, key }).bytes,
    second: buildMcuboot(older).bytes,
    keys: [{ kind: 'classic', key: createPublicKey(key), name: 'maker' }],
    ...(options.encrypted === undefined
      ? { testKey: { kind: 'classic', key, chain: [], name: 'maker' } }
      : {}),
    ...(policy === undefined ? {} : { policy }),
  };
}
