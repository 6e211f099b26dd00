/** Genuine SWUpdate images of every kind that the attacks need. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../../test/test-ca.ts';
import type { PublicKey } from '../../../trust.ts';
import { buildSwupdate, defaultImages, type BuildOptions } from './builder.ts';

const strict: Policy = {
  lowerVersion: 'refuse',
  hardwareCompatibility: 'checked',
  certificateTime: 'checked',
  certificatePurpose: 'checked',
  revocation: 'checked',
  appendedData: 'refuse',
};

const olderImages = defaultImages.map(
  ([name, bytes]) => [name, Buffer.concat([bytes, Buffer.from(', once')])] as const,
);

export async function swupdateSamples(): Promise<Sample[]> {
  const ca = await makeTestAuthority('p256');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return [
    {
      ...both({ signature: cmsBy(ca.valid), gnu: true }),
      name: 'CMS of ECDSA P-256, everything checked, an authority’s test key',
      keys: [trusted(ca.root)],
      crls: [ca.crl],
      testKey: testKey(ca.intermediate),
      policy: strict,
    },
    {
      ...both({ signature: cmsByTwo(ca) }),
      name: 'CMS of two signers, both needed, their names checked',
      keys: [trusted(ca.root)],
      testKey: testKey(ca.intermediate),
      policy: { ...strict, signerName: 'checked', threshold: 2 },
    },
    { ...cmsSample(ca), name: 'CMS, nothing declared, a signer’s test key' },
    {
      ...both({ signature: { rsa }, plain: true }),
      name: 'RSA PKCS #1 v1.5, no byte sums',
      keys: [{ kind: 'classic', key: createPublicKey(rsa), name: 'public.pem' }],
      testKey: { kind: 'classic', key: rsa, chain: [], name: 'test.pem' },
    },
    {
      ...both({ signature: { rsa, pss: true }, json: true }),
      name: 'RSA PSS, JSON',
      keys: [{ kind: 'classic', key: createPublicKey(rsa), name: 'public.pem' }],
      testKey: { kind: 'classic', key: rsa, chain: [], name: 'test.pem' },
    },
  ];
}

function cmsSample(ca: TestAuthority): Omit<Sample, 'name'> {
  return { ...both({ signature: cmsBy(ca.valid) }), keys: [trusted(ca.root)], testKey: testKey(ca.valid) };
}

export function cmsBy(signer: TestSigner): BuildOptions['signature'] {
  return { cms: signer, certificates: signer.chain };
}

/** Two signers below one intermediate. */
export function cmsByTwo({ valid, other }: TestAuthority): BuildOptions['signature'] {
  return { cms: [valid, other], certificates: [other.certificate, ...valid.chain] };
}

export function trusted({ publicKey, certificate }: TestSigner): PublicKey {
  return { kind: 'classic', key: publicKey, certificate, name: 'ca.pem' };
}

function testKey({
  privateKey,
  chain,
}: {
  privateKey: KeyObject;
  chain: readonly Uint8Array[];
}): NonNullable<Sample['testKey']> {
  return { kind: 'classic', key: privateKey, chain, name: 'test.pem' };
}

/** The image and an older one. */
function both(options: BuildOptions): { bytes: Buffer; second: Buffer } {
  return {
    bytes: buildSwupdate(options),
    second: buildSwupdate({ ...options, version: '1.1.0', images: olderImages }),
  };
}
