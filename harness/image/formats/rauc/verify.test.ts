import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import type { Policy } from '../../policy.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../test/test-ca.ts';
import type { Trust } from '../../trust.ts';
import { buildCrypt, buildRauc, type BuildOptions } from './test/builder.ts';
import { anchorOf } from './test/samples.ts';
import { raucVerifier } from './verify.ts';

let ca: TestAuthority;
before(async () => {
  ca = await makeTestAuthority();
});

function reason(bytes: Uint8Array, policy: Policy = {}, more: Partial<Trust> = {}): string {
  const trust: Trust = { keys: [anchorOf(ca)], crls: [ca.crl], genuine: [], policy, ...more };
  const verdict = raucVerifier(trust)(bytesSource(bytes));
  return verdict.accepted ? 'accepted' : verdict.reason;
}

function build(options: Omit<BuildOptions, 'by'> = {}, by: TestSigner = ca.valid): Buffer {
  return buildRauc({ ...options, by });
}

describe('RAUC reference verifier', () => {
  for (const format of ['plain', 'verity'] as const) {
    it(`judges the signer of a ${format} bundle as far as the policy says`, () => {
      const by = (signer: TestSigner, policy: Policy = {}): string =>
        reason(build({ format }, signer), policy);
      assert.equal(by(ca.valid), 'accepted');
      assert.equal(by(ca.direct), 'accepted');
      assert.equal(by(ca.expired), 'accepted');
      assert.equal(by(ca.expired, { certificateTime: 'checked' }), 'expired');
      assert.equal(by(ca.notYetValid, { certificateTime: 'checked' }), 'not-yet-valid');
      assert.equal(by(ca.revoked), 'accepted');
      assert.equal(by(ca.revoked, { revocation: 'checked' }), 'revoked');
      assert.equal(by(ca.wrongPurpose), 'accepted');
      assert.equal(by(ca.wrongPurpose, { certificatePurpose: 'checked' }), 'purpose');
      assert.equal(by(ca.byNoAuthority), 'chain');
      assert.equal(by(ca.tooDeep), 'chain');
    });

    it(`refuses a ${format} bundle of a format that is not taken`, () => {
      const other = format === 'plain' ? 'verity' : 'plain';
      assert.equal(reason(build({ format }), { bundleFormats: [format] }), 'accepted');
      assert.equal(reason(build({ format }), { bundleFormats: [other, 'crypt'] }), 'bundle-format');
    });
  }

  it('accepts nothing that differs in one byte before its trailer, but in what nobody signs', () => {
    for (const format of ['plain', 'verity'] as const) {
      const good = build({ format });
      const payloadEnd = good.length - 8 - Number(good.readBigUInt64BE(good.length - 8));
      for (let at = 0; at < payloadEnd; at += 211) {
        const bytes = Buffer.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
        assert.notEqual(reason(bytes), 'accepted', `${format}, byte ${at}`);
      }
    }
  });

  it('takes an authority of another house for nobody', async () => {
    const other = await makeTestAuthority();
    assert.equal(reason(build(), {}, { keys: [anchorOf(other)] }), 'untrusted');
    const bare = { kind: 'classic', key: createPublicKey(ca.valid.privateKey), name: 'bare' } as const;
    assert.equal(reason(build(), {}, { keys: [bare] }), 'accepted');
  });

  it('wants a manifest that binds the payload', () => {
    const manifest = (text: string): string => reason(build({ manifest: text }));
    const hash = `verity-hash=${'0'.repeat(64)}\nverity-salt=${'0'.repeat(64)}\n`;
    const update = '[update]\ncompatible=x\n';
    assert.equal(manifest(''), 'manifest');
    assert.equal(manifest('not a manifest'), 'manifest');
    assert.equal(manifest(`${update}[bundle]\n${hash}verity-size=4096\n`), 'manifest');
    assert.equal(manifest(`${update}[bundle]\nformat=plain\n${hash}verity-size=4096\n`), 'manifest');
    assert.equal(manifest(`${update}[bundle]\nformat=verity\nverity-size=4096\n`), 'manifest');
    assert.equal(manifest(`${update}[bundle]\nformat=verity\n${hash}verity-size=0\n`), 'manifest');
    assert.equal(manifest(`[bundle]\nformat=verity\n${hash}verity-size=4096\n`), 'manifest');
    assert.equal(manifest(`${update}[bundle]\nformat=verity\n${hash}verity-size=8192\n`), 'verity-size');
    assert.equal(manifest(`${update}[bundle]\nformat=verity\n${hash}verity-size=4096\n`), 'verity-data');
  });

  it('knows the hardware and the floor by the genuine bundles, where the policy says so', () => {
    const genuine = [bytesSource(build({ version: '2.0.0' })), bytesSource(build({ version: '1.9.9' }))];
    const policy: Policy = { hardwareCompatibility: 'checked', lowerVersion: 'refuse' };
    assert.equal(reason(build({ version: '2.0.0' }), policy, { genuine }), 'accepted');
    assert.equal(reason(build({ version: '1.10.0' }), policy, { genuine }), 'version');
    assert.equal(reason(build({ version: '1.10.0' }), {}, { genuine }), 'accepted');
    assert.equal(reason(build({ version: '3', compatible: 'Other' }), policy, { genuine }), 'compatible');
    assert.equal(reason(build({ version: '3', compatible: 'Other' }), {}, { genuine }), 'accepted');
    const verify = raucVerifier({ keys: [anchorOf(ca)], genuine, policy });
    for (const source of genuine)
      assert.deepEqual(verify(source), { accepted: true }, 'a genuine one itself');
  });

  it('takes exactly the signatures of genuine bundles where there is no key', () => {
    for (const format of ['plain', 'verity'] as const) {
      const good = build({ format });
      const genuine = [bytesSource(good)];
      assert.equal(reason(Buffer.from(good), {}, { keys: [], genuine }), 'accepted');
      assert.equal(reason(build({ format, payloadSeed: 'other' }), {}, { keys: [], genuine }), 'untrusted');
    }
  });

  it('takes exactly the genuine ones of encrypted bundles, whatever the keys', () => {
    const good = buildCrypt({ by: ca.valid, payloadSeed: 'one' }, rsaRecipient.certificate);
    const other = buildCrypt({ by: ca.valid, payloadSeed: 'two' }, rsaRecipient.certificate);
    const genuine = [bytesSource(good), bytesSource(other)];
    assert.equal(reason(good, {}, { genuine }), 'accepted');
    assert.equal(reason(good, { bundleFormats: ['verity'] }, { genuine }), 'bundle-format');
    assert.equal(reason(good), 'encrypted');
    const bytes = Buffer.from(good);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    assert.equal(reason(bytes, {}, { genuine }), 'encrypted');
  });

  let rsaRecipient: TestSigner;
  before(async () => {
    rsaRecipient = (await makeTestAuthority('rsa2048')).valid;
  });
});
