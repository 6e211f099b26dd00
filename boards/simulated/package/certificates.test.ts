import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { authority, GOLDEN, signer, verdictOn, type Circumstances } from '../testing/packages.ts';
import { buildPackage, sealPackage } from '../vendor/build-package.ts';
import { issueCertificate, KEY_USAGE, PURPOSE } from '../vendor/certificates.ts';
import { newKey } from '../vendor/package-authority.ts';
import { type Signer } from '../vendor/sign-description.ts';

/** The golden package signed by somebody else. */
function signedBy(signers: readonly Signer[], intermediates: readonly Buffer[] = []): Buffer {
  return buildPackage({ ...GOLDEN, signers, intermediates });
}

/** The faithful device refuses for the reason; the one with the defect takes it. */
async function onlyCatches(
  bytes: Buffer,
  reason: string,
  defect: NonNullable<Circumstances['defects']>[number],
  circumstances: Circumstances = {},
): Promise<void> {
  assert.equal(await verdictOn(bytes, circumstances), reason);
  assert.equal(await verdictOn(bytes, { ...circumstances, defects: [defect] }), 'accepted');
}

describe('packages: who may sign', () => {
  it('takes the vendor’s signers, by either name of theirs, and a signer of the test authority', async () => {
    assert.equal(await verdictOn(buildPackage(GOLDEN), { model: { testKey: false } }), 'accepted');
    for (const each of [authority.security, { ...authority.release, byKeyIdentifier: true }]) {
      assert.equal(await verdictOn(signedBy([each], [authority.intermediate.certificate])), 'accepted');
    }
    assert.equal(await verdictOn(signedBy([signer()], [authority.test.certificate])), 'accepted');
  });

  it('does not know the test authority unless it was built for tests', async () => {
    const bytes = signedBy([signer()], [authority.test.certificate]);
    assert.equal(await verdictOn(bytes, { model: { testKey: false } }), 'unknown-key');
  });

  it('refuses a signer that has expired, or is not valid yet', async () => {
    const expired = signedBy([signer({ notAfter: new Date('2021-01-01') })]);
    await onlyCatches(expired, 'expired', 'ignores-certificate-time');
    const early = signedBy([signer({ notBefore: new Date('2110-01-01') })]);
    await onlyCatches(early, 'not-yet-valid', 'ignores-certificate-time');
    assert.equal(await verdictOn(expired, { clock: '2020-06-01T00:00:00Z' }), 'accepted');
    assert.equal(await verdictOn(early, { clock: '2111-01-01T00:00:00Z' }), 'accepted');
  });

  it('refuses everything while its clock is not set', async () => {
    const expired = signedBy([signer({ notAfter: new Date('2021-01-01') })]);
    for (const bytes of [buildPackage(GOLDEN), expired]) {
      await onlyCatches(bytes, 'clock-unset', 'accepts-while-clock-unset', { clock: 'unset' });
    }
    assert.equal(await verdictOn(expired, { defects: ['accepts-while-clock-unset'] }), 'expired');
  });

  it('refuses a certificate for another purpose, or for none', async () => {
    const server = signedBy([signer({ purposes: [PURPOSE.serverAuth] })]);
    await onlyCatches(server, 'purpose', 'ignores-purpose');
    assert.equal(await verdictOn(signedBy([signer({ purposes: [] })])), 'purpose');
    assert.equal(await verdictOn(signedBy([signer({ keyUsage: KEY_USAGE.keyCertSign })])), 'purpose');
  });

  it('refuses another member of the same authority', async () => {
    await onlyCatches(signedBy([signer({ name: 'SG-2 Release' })]), 'signer-name', 'ignores-signer-name');
  });

  it('refuses a signer below something that may not issue it', async () => {
    const below = (middle: Signer, name: string): Buffer =>
      signedBy([signer({}, { name, key: middle.key })], [middle.certificate]);
    const noAuthority = below(signer({ name: 'Leaf' }), 'Leaf');
    const tooDeep = below(signer({ name: 'Deep CA', authority: {} }), 'Deep CA');
    const byVendor = { name: 'SG-1 Root CA', key: authority.root.key };
    const uses = { authority: { pathLength: 0 }, keyUsage: KEY_USAGE.digitalSignature };
    const wrongUse = below(signer({ name: 'Mute CA', ...uses }, byVendor), 'Mute CA');
    for (const bytes of [noAuthority, tooDeep, wrongUse]) {
      await onlyCatches(bytes, 'chain', 'any-certificate-issues');
    }
    const good = below(signer({ name: 'Other CA', authority: { pathLength: 0 } }, byVendor), 'Other CA');
    assert.equal(await verdictOn(good), 'accepted');
  });

  it('refuses a chain without its middle, and a critical extension that it does not know', async () => {
    const defects = ['any-certificate-issues'] as const;
    assert.equal(await verdictOn(signedBy([authority.release])), 'chain');
    assert.equal(await verdictOn(signedBy([authority.release]), { defects }), 'chain');
    assert.equal(await verdictOn(signedBy([signer({ unknownCritical: '1.2.3.4' })]), { defects }), 'chain');
  });

  it('refuses trusted names on keys of strangers', async () => {
    const key = newKey();
    const copy = { key, certificate: issueCertificate({ name: 'SG-1 Release', key }) };
    await onlyCatches(signedBy([copy]), 'unknown-key', 'trusts-by-name');
    const root = issueCertificate({ name: 'SG-1 Root CA', key, authority: {} });
    const belowCopy = signedBy([signer({}, { name: 'SG-1 Root CA', key })], [root]);
    await onlyCatches(belowCopy, 'unknown-key', 'trusts-by-name');
    const stranger = { key, certificate: issueCertificate({ name: 'Nobody', key }) };
    assert.equal(await verdictOn(signedBy([stranger]), { defects: ['trusts-by-name'] }), 'unknown-key');
  });

  it('counts each key once, and wants every signature good', async () => {
    const { release, security, intermediate, test } = authority;
    const two: Circumstances = { model: { signers: 2 } };
    const middle = [intermediate.certificate];
    assert.equal(await verdictOn(signedBy([release, security], middle), two), 'accepted');
    assert.equal(
      await verdictOn(signedBy([release], middle), { ...two, defects: ['counts-signatures'] }),
      'threshold',
    );
    await onlyCatches(signedBy([release, release], middle), 'threshold', 'counts-signatures', two);
    const renamed = signer({ name: 'SG-1 Security', key: release.key });
    await onlyCatches(
      signedBy([release, renamed], [...middle, test.certificate]),
      'threshold',
      'counts-signatures',
      two,
    );
    const liar = { ...security, key: newKey() };
    assert.equal(await verdictOn(signedBy([release, liar], middle)), 'signature');
  });

  it('refuses what is not signed, or not by what is named', async () => {
    const parts = { ...GOLDEN, signers: [] };
    assert.equal(await verdictOn(buildPackage(parts)), 'unsigned');
    const nobody = { ...authority.release, key: newKey() };
    assert.equal(await verdictOn(signedBy([nobody], GOLDEN.intermediates)), 'signature');
    const signed = buildPackage(GOLDEN);
    const description = sealPackage('software = { };', GOLDEN, []);
    const end = signed.indexOf('070702', 8);
    const swapped = Buffer.concat([
      description.subarray(0, description.indexOf('070702', 8)),
      signed.subarray(end),
    ]);
    assert.equal(await verdictOn(swapped), 'signature');
  });
});
