/** Genuine RAUC bundles of every kind that the attacks need. */

import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../../test/test-ca.ts';
import type { PublicKey, TestKey } from '../../../trust.ts';
import { buildCrypt, buildRauc, type BuildOptions } from './builder.ts';

/** Everything checked, as a careful device does. */
export const strict: Policy = {
  lowerVersion: 'refuse',
  hardwareCompatibility: 'checked',
  certificateTime: 'checked',
  certificatePurpose: 'checked',
  revocation: 'checked',
};

export async function raucSamples(): Promise<Sample[]> {
  const p256 = await makeTestAuthority();
  const rsa = await makeTestAuthority('rsa2048');
  return [
    sample('plain, P-256', p256, { format: 'plain' }, { policy: { bundleFormats: ['plain'] } }),
    sample(
      'verity, RSA-2048',
      rsa,
      { version: '1.10.2' },
      { policy: { ...strict, bundleFormats: ['verity', 'crypt'] } },
    ),
    {
      ...sample('verity, two levels', p256, { payloadBytes: 130 * 4096 - 100 }, { policy: {} }),
      testKey: testKeyOf(p256.intermediate),
    },
    {
      ...sample(
        'verity, the test key is an authority',
        p256,
        {},
        { policy: { ...strict, signerName: 'checked' } },
      ),
      testKey: testKeyOf(p256.intermediate),
    },
    crypt(rsa),
  ];
}

function sample(
  name: string,
  authority: TestAuthority,
  options: Omit<BuildOptions, 'by'>,
  { policy }: { policy: Policy },
): Sample {
  const made = { ...options, by: authority.valid };
  return {
    name,
    bytes: buildRauc(made),
    second: buildRauc({ ...made, version: '1.1.0', payloadSeed: 'older' }),
    keys: [anchorOf(authority)],
    testKey: testKeyOf(authority.other),
    crls: [authority.crl],
    policy,
  };
}

/** Nobody here has the key, and so no key helps. */
function crypt(authority: TestAuthority): Sample {
  const recipient = authority.valid.certificate;
  return {
    name: 'crypt',
    bytes: buildCrypt({ by: authority.valid }, recipient),
    second: buildCrypt({ by: authority.valid, version: '1.1.0', payloadSeed: 'older' }, recipient),
    keys: [],
  };
}

export function anchorOf({ root }: TestAuthority): PublicKey {
  return { kind: 'classic', key: root.publicKey, certificate: root.certificate, name: 'root' };
}

export function testKeyOf({ privateKey, chain }: TestSigner): TestKey {
  return { kind: 'classic', key: privateKey, chain, name: 'test' };
}
