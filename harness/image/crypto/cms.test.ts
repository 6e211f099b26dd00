import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { toIndefinite } from '../codec/der-edit.ts';
import { RegionTiler } from '../image.ts';
import type { Policy } from '../policy.ts';
import { damage } from '../test/contract.ts';
import { makeTestAuthority, type TestAuthority, type TestKeyKind, type TestSigner } from '../test/test-ca.ts';
import { makeCms, type TestCms } from '../test/test-cms.ts';
import type { PublicKey } from '../trust.ts';
import { genuineSignatureIds, parseCms, tileCms, verifyCms, type CmsTrust } from './cms.ts';

const content = Buffer.from('software = { version = "1.2.0"; };\n');
const strict: Policy = { certificateTime: 'checked', certificatePurpose: 'checked', revocation: 'checked' };

function anchor({ certificate, publicKey }: TestSigner): PublicKey {
  return { kind: 'classic', key: publicKey, certificate, name: 'anchor' };
}

function reason(bytes: Uint8Array, trust: CmsTrust, signed: Uint8Array | 'inside' = content): string {
  const source = bytesSource(bytes);
  const verdict = verifyCms(
    source,
    parseCms(source),
    signed === 'inside' ? undefined : bytesSource(signed),
    trust,
  );
  return verdict.accepted ? 'accepted' : verdict.reason;
}

function by(signer: TestSigner, more: Partial<TestCms> = {}): Buffer {
  return makeCms({ content, signers: [signer], certificates: signer.chain, ...more });
}

describe('CMS SignedData', () => {
  let ca: TestAuthority;
  let trust: CmsTrust;
  before(async () => {
    ca = await makeTestAuthority();
    trust = { keys: [anchor(ca.root)], crls: [ca.crl], policy: strict, purpose: 'codeSigning' };
  });

  for (const kind of ['p256', 'p384', 'p521', 'rsa2048', 'ed25519'] satisfies TestKeyKind[]) {
    it(`accepts ${kind}, and refuses it altered, for other content, or for a stranger`, async function () {
      this.timeout(20_000);
      const made = await makeTestAuthority(kind);
      const trusted: CmsTrust = { keys: [anchor(made.root)], policy: strict, purpose: 'codeSigning' };
      for (const variant of [
        {},
        { byKeyId: true },
        { withoutAttributes: true },
        { hash: 'sha512' as const },
      ]) {
        const bytes = by(made.valid, { signers: [{ ...made.valid, ...variant }] });
        const named = JSON.stringify(variant);
        assert.equal(reason(bytes, trusted), 'accepted', named);
        const [signer] = parseCms(bytesSource(bytes)).signers;
        assert.ok(signer);
        const altered = Buffer.from(bytes);
        const last = signer.signature.end - 1;
        altered[last] = (altered[last] ?? 0) ^ 1;
        assert.equal(reason(altered, trusted), 'signature', named);
        const other = 'withoutAttributes' in variant ? 'signature' : 'digest';
        assert.equal(reason(bytes, trusted, Buffer.from('other')), other, named);
        assert.equal(reason(bytes, trust), 'untrusted', named);
      }
    });
  }

  it('reads the parameters of PSS', async function () {
    this.timeout(20_000);
    const { valid, root } = await makeTestAuthority('rsa2048');
    const trusted: CmsTrust = { keys: [anchor(root)], policy: {} };
    for (const hash of ['sha1', 'sha256', 'sha384'] as const) {
      const bytes = by(valid, { signers: [{ ...valid, pss: true, hash }] });
      assert.equal(reason(bytes, trusted), 'accepted', hash);
    }
    const bytes = by(valid, { signers: [{ ...valid, pss: true }] });
    const salt = bytes.lastIndexOf(Buffer.from('a203020120', 'hex'));
    bytes[salt + 4] = 31;
    assert.equal(reason(bytes, trusted), 'signature');
  });

  it('says what is wrong with a certificate, where the policy has it checked', () => {
    const wrong: [keyof TestAuthority, string][] = [
      ['expired', 'expired'],
      ['notYetValid', 'not-yet-valid'],
      ['wrongPurpose', 'purpose'],
      ['revoked', 'revoked'],
    ];
    for (const [name, expected] of wrong) {
      const bytes = by(ca[name] as TestSigner);
      assert.equal(reason(bytes, trust), expected);
      assert.equal(reason(bytes, { ...trust, policy: {} }), 'accepted', `${name}, unchecked`);
    }
    assert.equal(reason(by(ca.tooDeep), { ...trust, policy: {} }), 'chain');
    assert.equal(reason(by(ca.byNoAuthority), { ...trust, policy: {} }), 'chain');
    // With the signer as the anchor no path length hides that it is no authority.
    assert.equal(reason(by(ca.byNoAuthority), { keys: [anchor(ca.valid)], policy: {} }), 'chain');
    assert.equal(reason(by(ca.revoked), { ...trust, crls: [] }), 'accepted', 'without the list');
    assert.equal(
      reason(by(ca.revoked, { crls: [ca.crl] }), { ...trust, crls: [] }),
      'revoked',
      'list inside',
    );
    const at = new Date(Date.now() - 2 * 365 * 24 * 3600_000);
    assert.equal(reason(by(ca.expired), { ...trust, at }), 'not-yet-valid', 'the root is younger than that');
  });

  it('takes nobody’s word for a revocation list', () => {
    const forged = Buffer.from(ca.crl);
    const last = forged.length - 1;
    forged[last] = (forged[last] ?? 0) ^ 1;
    assert.equal(reason(by(ca.revoked), { ...trust, crls: [forged] }), 'accepted');
  });

  it('builds the chain from what it is given, and from nothing else', () => {
    const bare = by(ca.valid, { certificates: [ca.valid.certificate] });
    assert.equal(reason(bare, trust), 'untrusted', 'without the intermediate');
    assert.equal(reason(bare, { ...trust, keys: [anchor(ca.intermediate)] }), 'accepted');
    assert.equal(reason(by(ca.direct), trust), 'accepted');
    assert.equal(reason(by(ca.ofSibling), { ...trust, keys: [anchor(ca.intermediate)] }), 'untrusted');
    const none = makeCms({ content, signers: [ca.valid] });
    assert.equal(reason(none, trust), 'untrusted', 'the signer’s certificate is not there');
    assert.equal(reason(none, { ...trust, keys: [anchor(ca.valid)] }), 'accepted', 'it is trusted itself');
    const key: PublicKey = { kind: 'classic', key: ca.valid.publicKey, name: 'bare' };
    assert.equal(reason(none, { ...trust, keys: [key] }), 'accepted', 'a bare key');
    assert.equal(reason(none, { keys: [], genuineSigners: [ca.valid.certificate], policy: {} }), 'accepted');
    assert.equal(reason(bare, { keys: [], genuineSigners: [ca.other.certificate], policy: {} }), 'untrusted');
  });

  it('knows genuine signatures without any key', () => {
    const none = makeCms({ content, signers: [ca.valid] });
    const source = bytesSource(none);
    const genuineSignatures = genuineSignatureIds(source, parseCms(source), bytesSource(content));
    assert.equal(genuineSignatures.length, 1);
    assert.equal(reason(none, { keys: [], genuineSignatures, policy: {} }), 'accepted');
    const other = makeCms({ content: Buffer.from('other'), signers: [ca.valid] });
    assert.equal(
      reason(other, { keys: [], genuineSignatures, policy: {} }, Buffer.from('other')),
      'untrusted',
    );
  });

  it('wants every signer good, and at least one', () => {
    const both = (second: TestSigner): Buffer =>
      by(ca.valid, {
        signers: [ca.valid, second],
        certificates: [...ca.valid.chain, second.certificate],
      });
    assert.equal(reason(both(ca.other), trust), 'accepted');
    assert.equal(reason(both(ca.expired), trust), 'expired');
    assert.equal(reason(by(ca.valid, { signers: [] }), trust), 'unsigned');
  });

  it('verifies content inside, in one piece or in several, and says when there is none', () => {
    const attached = by(ca.valid, { attached: true });
    assert.equal(reason(attached, trust, 'inside'), 'accepted');
    assert.equal(reason(by(ca.valid), trust, 'inside'), 'format');
    const { content: span } = parseCms(bytesSource(attached));
    assert.deepEqual(attached.subarray(span?.start, span?.end), content);
    const source = bytesSource(attached);
    const { nodes } = parseCms(source);
    assert.ok(nodes?.certificates);
    const ber = toIndefinite(source, nodes.root, new Set(nodes.certificates.children));
    assert.notEqual(ber.length, attached.length);
    assert.equal(reason(ber, trust, 'inside'), 'accepted');
    assert.ok(parseCms(bytesSource(ber)).issues.some(({ code }) => code === 'der-indefinite'));
    // The OCTET STRING in two pieces (X.690, 8.7.3).
    const half = 12;
    const whole = Buffer.concat([Buffer.of(0x04, content.length), content]);
    const pieces = Buffer.concat([
      Buffer.of(0x24, 0x80, 0x04, half),
      content.subarray(0, half),
      Buffer.of(0x04, content.length - half),
      content.subarray(half),
      Buffer.of(0, 0),
    ]);
    const at = ber.indexOf(whole);
    const chunked = Buffer.concat([ber.subarray(0, at), pieces, ber.subarray(at + whole.length)]);
    assert.equal(parseCms(bytesSource(chunked)).contentParts.length, 2);
    assert.equal(reason(chunked, trust, 'inside'), 'accepted');
  });

  it('takes a digest instead of the content', () => {
    const bytes = by(ca.valid);
    const source = bytesSource(bytes);
    const digest = (algorithm: string): Buffer => createHash(algorithm).update(content).digest();
    assert.deepEqual(verifyCms(source, parseCms(source), { digest }, trust), { accepted: true });
  });

  it('signs a content type', () => {
    const other = by(ca.valid, { contentType: '1.3.6.1.4.1.311.2.1.4' });
    assert.equal(reason(other, trust), 'accepted');
    const source = bytesSource(other);
    const { nodes } = parseCms(source);
    const [type] = nodes?.encapsulated.children ?? [];
    assert.ok(type);
    const altered = Buffer.from(other);
    altered[type.end - 1] = 5;
    assert.equal(reason(altered, trust), 'format');
    const bare = { ...ca.valid, withoutAttributes: true };
    assert.equal(reason(by(ca.valid, { contentType: '1.2.3', signers: [bare] }), trust), 'format');
  });

  it('names every byte', () => {
    const bytes = Buffer.concat([
      Buffer.alloc(7),
      by(ca.valid, { attached: true, crls: [ca.crl] }),
      Buffer.of(1, 2),
    ]);
    const source = bytesSource(bytes);
    const cms = parseCms(source, { start: 7 });
    assert.equal(cms.span.end, bytes.length - 2);
    const tiler = new RegionTiler(bytes.length);
    tiler.upTo(7, 'before', 'unsigned');
    tileCms(tiler, source, cms, 'cms', 'unsigned');
    assert.equal(tiler.at, cms.span.end);
    assert.deepEqual(
      tiler.regions.map(({ name, coverage }) => `${name} ${coverage}`),
      [
        'before unsigned',
        'cms.header unsigned',
        'cms.content signed',
        'cms.certificates unsigned',
        'cms.crls unsigned',
        'cms.signer.id unsigned',
        'cms.signer.signedAttributes signed',
        'cms.signer.signatureAlgorithm unsigned',
        'cms.signer.signature signature',
      ],
    );
  });

  it('gives something for anything, and accepts no other content', () => {
    const bytes = by(ca.valid, { crls: [ca.crl] });
    fc.assert(
      fc.property(damage(bytes), (damaged) => {
        const source = bytesSource(damaged);
        const cms = parseCms(source);
        const tiler = new RegionTiler(damaged.length);
        tileCms(tiler, source, cms, 'cms', 'unsigned');
        tiler.rest('behind', 'trailing');
        assert.equal(tiler.at, damaged.length);
        verifyCms(source, cms, bytesSource(content), trust);
        const other = verifyCms(source, cms, bytesSource(Buffer.from('other')), trust);
        assert.equal(other.accepted, false);
      }),
      { numRuns: 300 },
    );
    for (let end = 0; end < bytes.length; end += 1)
      assert.equal(reason(bytes.subarray(0, end), trust), 'format');
  });

  it('is not confused by a key of another type', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key: PublicKey = { kind: 'classic', key: publicKey, name: 'bare' };
    assert.equal(reason(by(ca.valid), { keys: [key], policy: {} }), 'untrusted');
  });
});
