import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { makeTestAuthority, type TestAuthority, type TestKeyKind } from '../test/test-ca.ts';
import { makeCms } from '../test/test-cms.ts';
import type { Policy } from '../policy.ts';
import {
  asIndefinite,
  withCertificates,
  withContent,
  withCrls,
  withDigestAlgorithm,
  withJunkInside,
  withLongLength,
  withMessageDigest,
  withoutSignedAttributes,
  withSignature,
  withSignatureAlgorithm,
  withSigners,
  withUnsignedAttribute,
} from './cms-edit.ts';
import { algorithmFor, forgedCertificate, resigned, strangerLike, strangersCertificate } from './cms-sign.ts';
import { parseCms, verifyCms } from './cms.ts';
import { edgeValues } from './edge-values.ts';
import { digestOids } from './oids.ts';
import { keyLike } from './sign-digest.ts';

const content = Buffer.from('what is signed');
const policy: Policy = { certificateTime: 'checked', certificatePurpose: 'checked', revocation: 'checked' };
const random = (label: string, bytes: number): Buffer => Buffer.alloc(bytes, label);

describe('edits of CMS', () => {
  let ca: TestAuthority;
  let genuine: Buffer;
  before(async () => {
    ca = await makeTestAuthority();
    genuine = makeCms({ content, signers: [ca.valid], certificates: ca.valid.chain });
  });

  function reason(bytes: Uint8Array | undefined, signed: Uint8Array | 'inside' = content, by = ca): string {
    assert.ok(bytes);
    const source = bytesSource(bytes);
    const verdict = verifyCms(
      source,
      parseCms(source),
      signed === 'inside' ? undefined : bytesSource(signed),
      {
        keys: [{ kind: 'classic', key: by.root.publicKey, certificate: by.root.certificate, name: 'root' }],
        policy,
      },
    );
    return verdict.accepted ? 'accepted' : verdict.reason;
  }

  it('are what they say', () => {
    assert.equal(reason(withSigners(genuine, () => [])), 'unsigned');
    assert.equal(reason(withSigners(genuine, ([one]) => [one!, one!])), 'accepted');
    assert.equal(reason(withCertificates(genuine, () => [])), 'untrusted');
    assert.equal(reason(withCertificates(genuine, (list) => [...list, ca.other.certificate])), 'accepted');
    assert.equal(reason(withCertificates(genuine, ([leaf]) => [leaf!, ca.sibling.certificate])), 'untrusted');
    assert.equal(reason(withCrls(genuine, () => [ca.crl])), 'accepted');
    assert.equal(reason(withoutSignedAttributes(genuine)), 'signature');
    assert.equal(reason(withDigestAlgorithm(genuine, digestOids.sha1)), 'digest');
    assert.equal(reason(withDigestAlgorithm(genuine, '1.2.840.113549.2.5')), 'digest');
    assert.equal(reason(withMessageDigest(genuine, Buffer.alloc(32))), 'digest');
    assert.equal(reason(withSignature(genuine, Buffer.alloc(70))), 'signature');
    assert.equal(reason(withUnsignedAttribute(genuine, '1.2.3.4', Buffer.of(5, 0))), 'accepted');
    assert.equal(reason(withJunkInside(genuine, Buffer.from('junk'))), 'accepted');
    assert.equal(reason(withLongLength(genuine)), 'accepted');
    assert.equal(reason(asIndefinite(genuine)), 'accepted');
    const other = algorithmFor(ca.valid.privateKey, 'sha512');
    assert.equal(reason(withSignatureAlgorithm(genuine, other)), 'signature');
  });

  it('put content in and take it out, to the byte', () => {
    const attached = withContent(genuine, content);
    assert.equal(reason(attached, 'inside'), 'accepted');
    assert.deepEqual(attached && withContent(attached, undefined), genuine);
    const twice = withUnsignedAttribute(
      withUnsignedAttribute(genuine, '1.2.3', Buffer.of(5, 0)) ?? genuine,
      '1.2.4',
      Buffer.of(5, 0),
    );
    assert.equal(
      parseCms(bytesSource(twice ?? genuine)).signers[0]?.nodes.unsignedAttributes?.children.length,
      2,
    );
  });

  it('expose who signs: the signed attributes as content without them', () => {
    const { signedAttributes } = parseCms(bytesSource(genuine)).signers[0] ?? {};
    const set = Buffer.from(genuine.subarray(signedAttributes?.start, signedAttributes?.end));
    set[0] = 0x31;
    assert.equal(
      reason(withoutSignedAttributes(genuine), set),
      'accepted',
      'RFC 5652 lets it: a format must not',
    );
  });

  for (const kind of ['p256', 'p384', 'p521', 'rsa2048', 'ed25519'] satisfies TestKeyKind[]) {
    it(`forge and sign with ${kind}`, async () => {
      const made = await makeTestAuthority(kind);
      const other = Buffer.from('other content');
      for (const byKeyId of [true, false]) {
        const signed = makeCms({
          content,
          signers: [{ ...made.valid, byKeyId, pss: byKeyId && kind === 'rsa2048' }],
          certificates: made.valid.chain,
        });
        const again = resigned(signed, { ...made.other }, bytesSource(other), random);
        assert.equal(reason(again, other, made), 'accepted');
        for (const issuer of ['self', 'kept'] as const) {
          const forged = forgedCertificate(made.valid.certificate, issuer, random);
          assert.ok(forged);
          assert.equal(
            reason(resigned(signed, forged, bytesSource(other), random), other, made),
            'untrusted',
          );
        }
        const stranger = strangersCertificate(made.valid.certificate, random);
        assert.ok(stranger);
        assert.equal(
          reason(resigned(signed, stranger, bytesSource(content), random), content, made),
          'untrusted',
        );
        const unknown = strangerLike(signed, random);
        assert.ok(unknown);
        assert.equal(
          reason(resigned(signed, unknown, bytesSource(content), random), content, made),
          'signature',
        );
      }
    });
  }

  it('are the same each time', () => {
    const forge = (): Buffer | undefined => {
      const key = forgedCertificate(ca.valid.certificate, 'kept', random);
      return key && resigned(genuine, key, bytesSource(content), random);
    };
    assert.ok(forge());
    assert.deepEqual(forge(), forge());
  });

  it('accept no edge value but equivalent ones', async () => {
    for (const kind of ['p256', 'p521', 'rsa2048', 'ed25519'] satisfies TestKeyKind[]) {
      const made = await makeTestAuthority(kind);
      const signed = makeCms({ content, signers: [made.valid], certificates: made.valid.chain });
      const [signer] = parseCms(bytesSource(signed)).signers;
      const value = signed.subarray(signer?.signature.start, signer?.signature.end);
      const edges = edgeValues(made.valid.publicKey, value);
      assert.ok(edges.length > 3);
      for (const edge of edges) {
        const verdict = reason(withSignature(signed, edge.value), content, made);
        if (edge.id === 's-negated') assert.equal(verdict, 'accepted', kind);
        else assert.equal(verdict, 'signature', `${kind} ${edge.id}`);
      }
    }
  });

  it('know no key like one of a kind that they do not know', () => {
    const key = keyLike(ca.valid.publicKey, (bytes) => Buffer.alloc(bytes, 3));
    assert.equal(key?.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });
});
