/** Images signed anew with a test key of the device: only what was changed is wrong with them. */

import { bytesSource } from '../../../byte-source.ts';
import { resigned, signingKeyOf, type CmsSigningKey } from '../../../crypto/cms-sign.ts';
import { oids } from '../../../crypto/oids.ts';
import { byPolicy, type Expectation } from '../../../mutation.ts';
import { overwrite, patched, PatchSet, type Patch, ofSecond } from '../../../patch-set.ts';
import type { Policy } from '../../../policy.ts';
import { cmsBytes, refitted, signedContent, tablePatches, u16, u32, winCertificate } from '../edit.ts';
import { isAuthority, issued, timeless, type Wanted } from '../issue.ts';
import { imageDigest, type Refusal } from '../verify.ts';
import {
  attack,
  authenticode,
  mustReject,
  planOf,
  uefi,
  withTable,
  type PeInput,
  type PeMutation,
  type PePlan,
} from './common.ts';
import { signerCertificate } from './signature.ts';

const insider = { attackerModel: 'insider', needs: ['test-key'] } as const;

/** The altered image with one signature, by the key. */
function signedAnew(
  input: PeInput,
  patches: readonly Patch[],
  key: CmsSigningKey | string | undefined,
  refusedFor?: Refusal,
): PePlan {
  return withTable(input, ({ first }) => {
    if (typeof key === 'string') return { doesNotApply: key };
    const { base, image, random } = input;
    const algorithm = first.indirect?.algorithm;
    if (key === undefined || algorithm === undefined) return { doesNotApply: 'the test key cannot sign it' };
    const digest = imageDigest(patched(base, new PatchSet(base.size, patches)), image, algorithm);
    const fitting = refitted(cmsBytes(base, first), first, digest, 'image-digest');
    const signed = resigned(fitting, key, bytesSource(signedContent(fitting, first)), random);
    if (signed === undefined) return { doesNotApply: 'the test key cannot sign it' };
    return planOf(
      input,
      [...patches, ...tablePatches(image, [winCertificate(signed)])],
      refusedFor === undefined ? {} : { refusedFor },
    );
  });
}

/** The test key, where it is the one that signed the image: whether another is trusted is not known. */
function ownSigner(input: PeInput): CmsSigningKey | string {
  const { testKey, image } = input;
  const key = testKey && signingKeyOf(testKey);
  const [first] = image.certificates;
  const genuine = first && signerCertificate(first);
  if (key?.certificate === undefined || genuine === undefined) return 'the test key has no certificate';
  return genuine.equals(key.certificate) ? key : 'the image is not signed with the test key';
}

const timestamp = ({ image: { headers } }: PeInput): Patch[] =>
  headers === undefined ? [] : [overwrite(headers.coffAt + 4, u32(headers.coff.timestamp ^ 1))];

const control = attack({
  ...insider,
  id: 'pe-resigned-timestamp',
  kind: 'metadata',
  name: 'with another time stamp, rightfully signed',
  rationale: 'The twin of every altered image: what is signed with a trusted key is taken.',
  references: ['SIG-00', authenticode],
  expectation: { class: 'must-accept' },
  plan: (input) => signedAnew(input, timestamp(input), ownSigner(input)),
});

const machine = attack({
  ...insider,
  id: 'pe-resigned-machine',
  kind: 'compatibility',
  name: 'for another machine, rightfully signed',
  rationale: 'Code for another machine does not run on this one; nothing but its header says so.',
  references: ['CMP-01', uefi],
  expectation: byPolicy('hardwareCompatibility', (value) =>
    value === 'checked' ? mustReject : { class: 'no-crash-only' },
  ),
  plan: (input) => {
    const { headers } = input.image;
    if (headers === undefined) return { doesNotApply: 'it has no headers' };
    const other = headers.coff.machine === 0xaa64 ? 0x8664 : 0xaa64;
    return signedAnew(input, [overwrite(headers.coffAt, u16(other))], ownSigner(input));
  },
});

const signerOfSigner = attack({
  ...insider,
  id: 'pe-issued-by-signer',
  kind: 'certificate',
  name: 'signed under a certificate that the trusted signer issued',
  rationale: 'A signer is no authority: basic constraints and key usage of its certificate say so.',
  references: ['RFC 5280, 6.1.4 (k)', 'SIG-06'],
  plan: (input) => {
    const { testKey, random } = input;
    const own = ownSigner(input);
    if (typeof own === 'string' || testKey === undefined)
      return { doesNotApply: typeof own === 'string' ? own : 'there is no test key' };
    if (isAuthority(testKey)) return { doesNotApply: 'the test key is an authority' };
    const key = issued(own.certificate ?? Buffer.alloc(0), testKey, codeSigner, random);
    return signedAnew(input, timestamp(input), key, 'chain');
  },
});

const codeSigner: Wanted = { ...timeless, purpose: oids.codeSigning };

function badCertificate(
  id: string,
  words: string,
  rationale: string,
  wanted: Wanted,
  expectation: (policy: Policy) => Expectation,
): PeMutation {
  return attack({
    ...insider,
    id: `pe-certificate-${id}`,
    kind: 'certificate',
    name: `signed under ${words}`,
    rationale,
    references: ['RFC 5280, 6.1.3', 'RFC 5280, 4.2.1.12'],
    expectation,
    plan: (input) => {
      const { testKey, image, random } = input;
      const [first] = image.certificates;
      const template = first && signerCertificate(first);
      if (testKey === undefined || !isAuthority(testKey))
        return { doesNotApply: 'the test key is no authority' };
      const key = template && issued(template, testKey, wanted, random);
      return signedAnew(input, timestamp(input), key);
    },
  });
}

const time = byPolicy('certificateTime', (value) =>
  value === 'checked' ? mustReject : { class: 'no-crash-only' },
);
const purpose = byPolicy('certificatePurpose', (value) =>
  value === 'checked' ? mustReject : { class: 'no-crash-only' },
);

const badCertificates = [
  badCertificate(
    'expired',
    'an expired certificate of a trusted authority',
    'Firmware without a clock cannot tell; a device that has one says whether it looks.',
    { ...codeSigner, notBefore: '000101000000Z', notAfter: '010101000000Z' },
    time,
  ),
  badCertificate(
    'not-yet-valid',
    'a certificate of a trusted authority that is not valid yet',
    'A certificate of the future is as little valid as one of the past.',
    { ...codeSigner, notBefore: '490101000000Z' },
    time,
  ),
  badCertificate(
    'wrong-purpose',
    'a certificate for TLS servers of a trusted authority',
    'Whoever may run a web server may not therefore sign firmware.',
    { ...codeSigner, purpose: oids.serverAuth },
    purpose,
  ),
];

const rollback = attack({
  id: 'pe-rollback',
  kind: 'rollback',
  name: 'of another release',
  rationale:
    'The signature stays good for ever; old images are kept out by SBAT generations, by the revocation list, or not at ' +
    'all. Whether the device does so, its bytes do not tell.',
  references: ['RBK-01', 'shim SBAT.md', 'CVE-2022-34301 (old loaders, still signed)'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'accept' ? { class: 'must-accept' } : mustReject,
  ),
  plan: ({ base, image, second }) => {
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    const { source } = second;
    return {
      patches: [{ at: 0, remove: base.size, insert: [ofSecond(source)] }],
      touches: image.regions.map(({ name }) => name),
    };
  },
});

export const resignedMutations: readonly PeMutation[] = [
  control,
  machine,
  signerOfSigner,
  ...badCertificates,
  rollback,
];
