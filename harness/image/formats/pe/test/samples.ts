/** Genuine PE images of every kind that the attacks need. */

import type { Policy } from '../../../policy.ts';
import type { Sample } from '../../../test/sample.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../../test/test-ca.ts';
import { buildPe, signPe, type BuildOptions } from './builder.ts';

const strict: Policy = {
  appendedData: 'refuse',
  certificatePurpose: 'checked',
  certificateTime: 'checked',
  hardwareCompatibility: 'checked',
  revocation: 'checked',
  unsignedMetadata: 'refuse',
};

export async function peSamples(): Promise<Sample[]> {
  const ca = await makeTestAuthority();
  const rsa = await makeTestAuthority('rsa2048');
  return [
    sample('PE32+, ECDSA P-256', ca, [ca.valid]),
    {
      ...sample('PE32+, strict policy', ca, [ca.valid], {}, ca.intermediate),
      policy: strict,
      crls: [ca.crl],
    },
    sample('PE32 with an overlay, RSA-2048', rsa, [rsa.valid], {
      plus: false,
      overlay: Buffer.from('symbols that no section holds'),
    }),
    sample('two signatures', ca, [ca.other, ca.valid]),
  ];
}

function sample(
  name: string,
  ca: TestAuthority,
  signers: readonly TestSigner[],
  options: BuildOptions = {},
  testSigner = signers[0],
): Sample {
  const { root } = ca;
  return {
    name,
    bytes: signPe(buildPe(options), signers),
    second: signPe(buildPe({ ...options, timestamp: 1_600_000_000 }), signers),
    keys: [{ kind: 'classic', key: root.publicKey, certificate: root.certificate, name: 'root' }],
    ...(testSigner === undefined
      ? {}
      : {
          testKey: {
            kind: 'classic' as const,
            key: testSigner.privateKey,
            chain: testSigner.chain,
            name: 'test',
          },
        }),
  };
}
