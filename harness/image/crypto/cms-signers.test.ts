import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import type { Policy } from '../policy.ts';
import { makeTestAuthority, type TestAuthority } from '../test/test-ca.ts';
import { makeCms, type TestCmsSigner } from '../test/test-cms.ts';
import { cosigned, signerSubjects } from './cms-cosign.ts';
import { withoutIntermediates, withSecondIdentifier, withSigners } from './cms-edit.ts';
import { parseCms, verifyCms, type CmsTrust } from './cms.ts';
import { readCertificate } from './x509.ts';

const content = Buffer.from('what is signed');

describe('signers of a CMS', () => {
  let ca: TestAuthority;
  before(async () => {
    ca = await makeTestAuthority();
  });

  function by(...signers: readonly TestCmsSigner[]): Buffer {
    const certificates = [...signers.map(({ certificate }) => certificate), ca.intermediate.certificate];
    return makeCms({ content, signers, certificates });
  }

  function reason(bytes: Uint8Array | undefined, policy: Policy, more: Partial<CmsTrust> = {}): string {
    assert.ok(bytes);
    const { publicKey: key, certificate } = ca.root;
    const keys = [{ kind: 'classic', key, certificate, name: 'root' }] as const;
    const source = bytesSource(bytes);
    const trust = { keys, policy, ...more };
    const verdict = verifyCms(source, parseCms(source), bytesSource(content), trust);
    return verdict.accepted ? 'accepted' : verdict.reason;
  }

  it('are counted by their keys where several are needed', () => {
    const two = by(ca.valid, ca.other);
    assert.equal(reason(two, { threshold: 2 }), 'accepted');
    assert.equal(reason(two, { threshold: 3 }), 'threshold');
    assert.equal(reason(by(ca.valid), { threshold: 2 }), 'threshold');
    assert.equal(reason(by(ca.valid, ca.valid), { threshold: 2 }), 'threshold');
    assert.equal(reason(by(ca.valid, { ...ca.valid, byKeyId: true }), { threshold: 2 }), 'threshold');
    assert.equal(reason(by(ca.valid, ca.valid), {}), 'accepted', 'one is enough');
  });

  it('are counted by their keys without a public key, too', () => {
    const two = by(ca.valid, ca.other);
    const source = bytesSource(two);
    const known = parseCms(source).signers.length;
    assert.equal(known, 2);
    const genuineSigners = [ca.valid.certificate, ca.other.certificate];
    const without = { keys: [], genuineSigners } satisfies Partial<CmsTrust>;
    assert.equal(reason(two, { threshold: 2 }, without), 'accepted');
    assert.equal(reason(by(ca.valid, ca.valid), { threshold: 2 }, without), 'threshold');
  });

  it('are told by their names where those are checked', () => {
    const subject = readCertificate(ca.valid.certificate)?.subject ?? '';
    const signerNames = new Set([subject]);
    assert.equal(reason(by(ca.valid), { signerName: 'checked' }, { signerNames }), 'accepted');
    assert.equal(reason(by(ca.other), { signerName: 'checked' }, { signerNames }), 'name');
    assert.equal(reason(by(ca.other), { signerName: 'unchecked' }, { signerNames }), 'accepted');
    assert.equal(reason(by(ca.valid, ca.other), { signerName: 'checked' }, { signerNames }), 'name');
    assert.equal(reason(by(ca.other), { signerName: 'checked' }), 'accepted', 'nobody says which');
  });

  it('have two names each, of which neither is signed', () => {
    for (const byKeyId of [false, true]) {
      const renamed = withSecondIdentifier(by({ ...ca.valid, byKeyId }));
      assert.ok(renamed);
      const two = withSigners(renamed.cms, (signers) => [...signers, renamed.signer]);
      const names = parseCms(bytesSource(two ?? Buffer.alloc(0))).signers.map(
        ({ issuerSerial }) => issuerSerial === undefined,
      );
      assert.deepEqual(names, [byKeyId, !byKeyId]);
      assert.equal(reason(two, {}), 'accepted', 'both signatures are good');
      assert.equal(reason(two, { threshold: 2 }), 'threshold');
    }
    assert.equal(withSecondIdentifier(makeCms({ content, signers: [ca.valid] })), undefined);
  });

  it('lead nowhere without the certificates between', () => {
    const bare = withoutIntermediates(by(ca.valid, ca.other));
    assert.equal(parseCms(bytesSource(bare ?? Buffer.alloc(0))).certificates.length, 2);
    assert.equal(reason(bare, {}), 'untrusted');
    assert.equal(withoutIntermediates(bare ?? Buffer.alloc(0)), undefined);
  });

  it('are signed anew, as many as there are keys', () => {
    const other = bytesSource(Buffer.from('other content'));
    const keys = [ca.other, ca.direct].map(({ privateKey, certificate, chain }) => ({
      privateKey,
      certificate,
      chain,
    }));
    const random = (_: string, bytes: number): Buffer => Buffer.alloc(bytes, 1);
    const made = cosigned(by(ca.valid, ca.revoked, ca.expired), keys, other, random);
    assert.ok(made);
    const names = signerSubjects(made).map((subject) => subject?.toString('hex'));
    assert.deepEqual(
      names,
      [ca.other, ca.direct].map((key) => readCertificate(key.certificate)?.subject),
    );
    const source = bytesSource(made);
    const { publicKey: key, certificate } = ca.root;
    const trust = {
      keys: [{ kind: 'classic', key, certificate, name: 'root' }],
      policy: { threshold: 2 },
    } as const;
    assert.deepEqual(verifyCms(source, parseCms(source), other, trust), { accepted: true });
    assert.equal(cosigned(by(ca.valid), keys, other, random), undefined, 'there is one signer to replace');
  });
});
