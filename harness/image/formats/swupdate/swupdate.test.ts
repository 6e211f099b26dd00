import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { encodeCpioEntry, scanCpio } from '../../codec/cpio.ts';
import { signerCertificates } from '../../crypto/cms.ts';
import { attackImages } from '../../generate.ts';
import type { Policy } from '../../policy.ts';
import { formatOf } from '../../recognise.ts';
import { makeTestAuthority, type TestAuthority } from '../../test/test-ca.ts';
import type { Trust } from '../../trust.ts';
import { swupdate } from './index.ts';
import { parseSwupdate } from './parse.ts';
import { buildSwupdate, defaultImages } from './test/builder.ts';
import { cmsBy, trusted } from './test/samples.ts';
import { compareVersions } from './version.ts';

describe('SWUpdate images', () => {
  let ca: TestAuthority;
  let image: Buffer;
  before(async () => {
    ca = await makeTestAuthority();
    image = buildSwupdate({ signature: cmsBy(ca.valid) });
  });

  function reason(bytes: Uint8Array, more: Partial<Trust> = {}): string {
    const trust: Trust = { keys: [trusted(ca.root)], genuine: [], policy: {}, ...more };
    const verdict = swupdate.verifier(trust)(bytesSource(bytes));
    return verdict.accepted ? 'accepted' : verdict.reason;
  }

  it('tell what they are', () => {
    const source = bytesSource(image);
    assert.equal(formatOf(source)?.name, 'swupdate');
    const facts = swupdate.facts(source, parseSwupdate(source));
    assert.equal(facts.version, '1.2.0');
    assert.deepEqual(
      facts.hardware.map(({ value }) => value),
      ['1.0', '1.2'],
    );
    assert.equal(facts.digests.length, 2);
    assert.match(facts.signers[0]?.value ?? '', /Release Signer/);
    assert.deepEqual(
      parseSwupdate(source)
        .regions.map(({ name }) => name)
        .slice(0, 4),
      ['sw-description.header', 'sw-description.data', 'sw-description.padding', 'sw-description.sig.header'],
    );
  });

  it('are possible where only the archive speaks for them', () => {
    const archive = Buffer.concat([
      encodeCpioEntry('other', Buffer.of(1)),
      encodeCpioEntry('TRAILER!!!', Buffer.alloc(0)),
    ]);
    assert.equal(swupdate.claims(bytesSource(archive))?.certainty, 'possible');
    assert.equal(swupdate.claims(bytesSource(Buffer.from('070703'))), undefined);
    assert.equal(reason(archive), 'format');
  });

  it('are refused for what is wrong with them', () => {
    const other = buildSwupdate({ signature: cmsBy(ca.valid), version: '9' });
    assert.equal(reason(image), 'accepted');
    assert.equal(reason(buildSwupdate({ signature: 'none' })), 'unsigned');
    assert.equal(reason(replaced(image, 'sw-description', dataIn(other, 'sw-description'))), 'digest');
    assert.equal(reason(replaced(image, 'sw-description.sig', Buffer.alloc(0))), 'unsigned');
    assert.equal(reason(replaced(image, 'sw-description.sig', Buffer.alloc(256, 7))), 'signature');
    assert.equal(reason(replaced(image, 'kernel.img', Buffer.from('other'))), 'image-digest');
    assert.equal(reason(image.subarray(0, image.length - 130)), 'truncated');
    assert.equal(reason(image, { keys: [trusted(ca.sibling)] }), 'untrusted');
    const checked: Policy = {
      certificateTime: 'checked',
      certificatePurpose: 'checked',
      revocation: 'checked',
    };
    const by = (signer: 'expired' | 'wrongPurpose' | 'revoked' | 'ofSibling'): string =>
      reason(buildSwupdate({ signature: cmsBy(ca[signer]) }), { policy: checked, crls: [ca.crl] });
    assert.equal(by('expired'), 'expired');
    assert.equal(by('wrongPurpose'), 'purpose');
    assert.equal(by('revoked'), 'revoked');
    assert.equal(by('ofSibling'), 'accepted', 'the root trusts both');
    assert.equal(
      reason(buildSwupdate({ signature: cmsBy(ca.ofSibling) }), { keys: [trusted(ca.intermediate)] }),
      'untrusted',
    );
  });

  it('are measured by what is genuine, where the policy says so', () => {
    const genuine = [bytesSource(image)];
    const older = buildSwupdate({ signature: cmsBy(ca.valid), version: '1.1.9' });
    assert.equal(reason(older, { genuine }), 'accepted');
    assert.equal(reason(older, { genuine, policy: { lowerVersion: 'refuse' } }), 'version');
    const sister = buildSwupdate({ signature: cmsBy(ca.valid), hardware: ['7'] });
    assert.equal(reason(sister, { genuine, policy: { hardwareCompatibility: 'checked' } }), 'hardware');
    const longer = Buffer.concat([image, Buffer.from('more')]);
    assert.equal(reason(longer), 'accepted');
    assert.equal(reason(longer, { policy: { appendedData: 'refuse' } }), 'appended');
    assert.equal(
      reason(Buffer.concat([image, Buffer.alloc(300)]), { policy: { appendedData: 'refuse' } }),
      'accepted',
    );
  });

  it('are trusted without a key by their signature alone', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const bare = buildSwupdate({ signature: { rsa: privateKey } });
    const genuine = [bytesSource(bare), bytesSource(image)];
    assert.equal(reason(bare, { keys: [], genuine }), 'accepted');
    assert.equal(reason(image, { keys: [], genuine }), 'accepted');
    assert.equal(
      reason(buildSwupdate({ signature: { rsa: privateKey }, version: '2' }), { keys: [], genuine }),
      'signature',
    );
    assert.equal(reason(buildSwupdate({ signature: cmsBy(ca.other) }), { keys: [], genuine }), 'untrusted');
    const key = { kind: 'classic', key: createPublicKey(privateKey), name: 'public.pem' } as const;
    assert.equal(reason(bare, { keys: [key] }), 'accepted');
    assert.equal(reason(image, { keys: [key] }), 'untrusted');
  });

  it('install what is found last of a name', () => {
    const digest = (bytes: Uint8Array): string =>
      swupdate.executedDigest(bytesSource(bytes), parseSwupdate(bytesSource(bytes)));
    const { trailer } = scanCpio(bytesSource(image));
    const at = trailer?.start ?? 0;
    const again = (data: Uint8Array): Buffer =>
      Buffer.concat([image.subarray(0, at), encodeCpioEntry('kernel.img', data), image.subarray(at)]);
    assert.equal(digest(again(defaultImages[1]?.[1] ?? Buffer.alloc(0))), digest(image));
    assert.notEqual(digest(again(Buffer.from('other'))), digest(image));
  });

  it('are attacked so that each check stands alone', () => {
    const made = (id: string): Buffer => {
      const [attack] = attackImages(
        { name: 'golden.swu', source: bytesSource(image) },
        { ids: [id], seed: Buffer.alloc(32, 5), format: swupdate, trustedKeys: [trusted(ca.root)] },
      );
      assert.ok(attack);
      return Buffer.from(materialise(attack.source));
    };
    const sumFits = (bytes: Buffer, name: string): boolean => {
      const entry = scanCpio(bytesSource(bytes)).entries.find((candidate) => candidate.name === name);
      return entry?.fields.check === dataIn(bytes, name).reduce((sum, byte) => sum + byte, 0);
    };
    assert.equal(sumFits(made('swupdate-payload-last-bit-stale'), 'rootfs.img'), false);
    assert.equal(sumFits(made('swupdate-payload-last-bit-fresh-checksum'), 'rootfs.img'), true);
    for (const place of ['first', 'last']) {
      const raised = made(`swupdate-signature-${place}-byte-plus-one`);
      assert.equal(
        sumFits(raised, 'sw-description.sig'),
        true,
        `${place}: the byte sum is refused, not the value`,
      );
    }
    const fresh = made('swupdate-payload-last-bit-fresh-sha256');
    assert.equal(sumFits(fresh, 'rootfs.img') && sumFits(fresh, 'sw-description'), true);
    assert.notDeepEqual(dataIn(fresh, 'sw-description'), dataIn(image, 'sw-description'));
    const swapped = String(dataIn(made('swupdate-description-filenames-swapped'), 'sw-description'));
    assert.ok(swapped.indexOf('kernel.img') < swapped.indexOf('rootfs.img'));
    assert.match(
      String(dataIn(made('swupdate-description-script'), 'sw-description')),
      /\{\n {2}embedded-script = /,
    );
    const forged = parseSwupdate(bytesSource(made('swupdate-certificate-authority-copy'))).cms;
    assert.equal(forged?.certificates.length, 2);
    assert.match(forged.certificates[1]?.certificate?.subject ?? '', /Release CA/);
  });

  it('are forged in the likeness of their signer, wherever its certificate lies', () => {
    const certificates = [...ca.valid.chain].reverse();
    const source = bytesSource(buildSwupdate({ signature: { cms: ca.valid, certificates } }));
    const forgeries = {
      'unknown-key-own-certificate': /^CN=Nobody$/,
      'certificate-self-signed-copy': /Release Signer/,
      'certificate-issuer-kept': /Release Signer/,
      'certificate-authority-copy': /Release Signer/,
      'certificate-authority-self-signed': /Release Signer/,
    };
    for (const [id, name] of Object.entries(forgeries)) {
      const ids = [`swupdate-${id}`];
      const [made] = attackImages(
        { name: 'golden.swu', source },
        { ids, seed: Buffer.alloc(32, 5), format: swupdate, trustedKeys: [trusted(ca.root)] },
      );
      assert.ok(made, id);
      const { cms } = parseSwupdate(made.source);
      const [signer] = cms?.signers ?? [];
      const [own] = cms === undefined || signer === undefined ? [] : signerCertificates(cms, signer);
      assert.equal(own?.x509?.ca, false, `${id}: an authority's certificate is refused for what it is`);
      assert.match(own.x509.subject, name);
    }
  });

  it('can be signed below an anchor that issued itself, and only trust in it is missing', () => {
    const [made] = attackImages(
      { name: 'golden.swu', source: bytesSource(image) },
      {
        ids: ['swupdate-certificate-authority-self-signed'],
        seed: Buffer.alloc(32, 5),
        format: swupdate,
        trustedKeys: [trusted(ca.root)],
      },
    );
    assert.ok(made);
    const [leaf, anchor] = parseSwupdate(made.source).cms?.certificates ?? [];
    assert.ok(leaf?.read?.x509 && anchor?.read?.x509);
    const { x509 } = anchor.read;
    assert.ok(leaf.read.x509.checkIssued(x509) && leaf.read.x509.verify(x509.publicKey));
    assert.ok(x509.checkIssued(x509) && x509.verify(x509.publicKey), 'no verifier would take it for a root');
  });

  it('compare their versions as numbers', () => {
    assert.ok(compareVersions('1.9', '1.10') < 0);
    assert.equal(compareVersions('1.2', '1.2.0.0'), 0);
    assert.ok(compareVersions('2', '1.9.9.9') > 0);
    assert.ok(compareVersions('b', 'a') > 0);
  });
});

function dataIn(bytes: Buffer, name: string): Buffer {
  const entry = scanCpio(bytesSource(bytes)).entries.find((candidate) => candidate.name === name);
  return bytes.subarray(entry?.dataStart, entry?.dataEnd);
}

function replaced(bytes: Buffer, name: string, data: Uint8Array): Buffer {
  const entry = scanCpio(bytesSource(bytes)).entries.find((candidate) => candidate.name === name);
  return Buffer.concat([
    bytes.subarray(0, entry?.start),
    encodeCpioEntry(name, data),
    bytes.subarray(entry?.end),
  ]);
}
