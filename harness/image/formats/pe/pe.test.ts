import assert from 'node:assert/strict';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { attackImages } from '../../generate.ts';
import type { Policy } from '../../policy.ts';
import { assertTiles } from '../../test/contract.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../test/test-ca.ts';
import type { PublicKey, TestKey } from '../../trust.ts';
import { pe } from './index.ts';
import { parsePe } from './parse.ts';
import { buildPe, signPe, type Signer } from './test/builder.ts';

const strict: Policy = { certificateTime: 'checked', certificatePurpose: 'checked', revocation: 'checked' };

describe('PE/Authenticode', function () {
  this.timeout(60_000);
  let ca: TestAuthority;
  let root: PublicKey;
  let good: Buffer;
  before(async () => {
    ca = await makeTestAuthority();
    root = { kind: 'classic', key: ca.root.publicKey, certificate: ca.root.certificate, name: 'root' };
    good = signPe(buildPe(), [ca.valid]);
  });

  const reason = (bytes: Uint8Array, policy: Policy = strict): string => {
    const verify = pe.verifier({ keys: [root], crls: [ca.crl], genuine: [], policy });
    const verdict = verify(bytesSource(bytes));
    return verdict.accepted ? 'accepted' : verdict.reason;
  };
  const signedBy = (signer: Signer): string => reason(signPe(buildPe(), [signer]));
  const attacked = (id: string, signer?: TestSigner): Buffer => {
    const testKey: TestKey | undefined = signer && {
      kind: 'classic',
      key: signer.privateKey,
      chain: signer.chain,
      name: 'test',
    };
    const base = { name: 'golden.efi', source: bytesSource(good) };
    const [made] = attackImages(base, {
      ids: [id],
      seed: Buffer.alloc(32, 3),
      trustedKeys: [root],
      ...(testKey === undefined ? {} : { testKey }),
    });
    assert.ok(made);
    return Buffer.from(materialise(made.source));
  };

  it('reads headers, sections and signature', () => {
    const source = bytesSource(good);
    const image = parsePe(source);
    assertTiles(image);
    assert.deepEqual(image.issues, []);
    assert.deepEqual(
      image.sections.map(({ name }) => name),
      ['.text', '.data', '.sbat'],
    );
    const unsigned = image.regions.filter(({ coverage }) => coverage === 'unsigned').map(({ name }) => name);
    assert.deepEqual(unsigned.slice(0, 3), ['optional.checksum', 'directory4', 'certificate0.header']);
    const facts = pe.facts(source, image);
    assert.deepEqual(facts.hardware, [{ name: 'machine', value: 'x86-64' }]);
    assert.match(facts.signers[0]?.value ?? '', /Release Signer/);
    assert.deepEqual(facts.other[0], { name: 'subsystem', value: 'EFI application' });
  });

  it('accepts what the authority vouches for, by both digests and in both shapes', () => {
    assert.equal(reason(good), 'accepted');
    assert.equal(reason(signPe(buildPe({ plus: false }), [ca.valid], 'sha384')), 'accepted');
    assert.equal(signedBy(ca.direct), 'accepted');
  });

  it('refuses signers that are not good for it, each for its own reason', () => {
    assert.equal(signedBy(ca.expired), 'expired');
    assert.equal(signedBy(ca.notYetValid), 'not-yet-valid');
    assert.equal(signedBy(ca.wrongPurpose), 'purpose');
    assert.equal(signedBy(ca.revoked), 'revoked');
    assert.equal(signedBy(ca.byNoAuthority), 'chain');
    assert.equal(reason(signPe(buildPe(), [ca.expired]), {}), 'accepted');
    assert.equal(reason(buildPe()), 'unsigned');
  });

  it('takes one good signature of two, in either order', () => {
    assert.equal(reason(signPe(buildPe(), [ca.expired, ca.valid])), 'accepted');
    assert.equal(reason(signPe(buildPe(), [ca.valid, ca.expired])), 'accepted');
    assert.equal(reason(signPe(buildPe(), [ca.expired, ca.revoked])), 'expired');
  });

  it('covers every byte but checksum, directory entry and table', () => {
    const image = parsePe(bytesSource(good));
    const signed = image.regions.filter(
      ({ coverage, name }) => coverage === 'signed' && !name.startsWith('certificate'),
    );
    const at = fc.constantFrom(...signed).chain(({ start, end }) => fc.integer({ min: start, max: end - 1 }));
    fc.assert(
      fc.property(at, fc.nat(7), (where, bit) => {
        const altered = Buffer.from(good);
        altered[where] = (altered[where] ?? 0) ^ (1 << bit);
        assert.notEqual(reason(altered), 'accepted', `bit ${bit} at ${where}`);
      }),
      { numRuns: 200 },
    );
    const sum = image.regions.find(({ name }) => name === 'optional.checksum');
    const altered = Buffer.from(good);
    altered.writeUInt32LE(1, sum?.start ?? 0);
    assert.equal(reason(altered), 'accepted');
  });

  it('says what is wrong with a table', () => {
    const image = parsePe(bytesSource(good));
    const at = image.headers?.securityAt ?? 0;
    const { start, bytes } = image.headers?.table ?? { start: 0, bytes: 0 };
    const cases: [code: string, start: number, bytes: number][] = [
      ['table-outside', start, bytes + 8],
      ['table-overlap', 0x100, good.length - 0x100],
      ['table-alignment', start + 1, bytes - 1],
      ['certificate-length', start, bytes - 8],
      ['certificate-length', start, 7],
    ];
    for (const [code, newStart, newBytes] of cases) {
      const altered = Buffer.from(good);
      altered.writeUInt32LE(newStart, at);
      altered.writeUInt32LE(newBytes, at + 4);
      const { issues, ...rest } = parsePe(bytesSource(altered));
      assertTiles({ issues, ...rest });
      assert.ok(
        issues.some((issue) => issue.code === code),
        `${code}: ${JSON.stringify(issues)}`,
      );
    }
  });

  it('leaves the signature alone wrong when every digest is recomputed', () => {
    assert.equal(reason(attacked('pe-payload-last-bit-stale-digest')), 'digest');
    assert.equal(reason(attacked('pe-payload-last-bit-fresh-image-digest')), 'cms-digest');
    assert.equal(reason(attacked('pe-payload-last-bit-fresh-digest')), 'signature');
    assert.equal(reason(attacked('pe-overlay-added-fresh-digest')), 'signature');
  });

  it('signs anew, and then only what was asked for is wrong', () => {
    assert.equal(reason(attacked('pe-resigned-timestamp', ca.valid)), 'accepted');
    assert.equal(reason(attacked('pe-issued-by-signer', ca.valid)), 'chain');
    assert.equal(reason(attacked('pe-certificate-expired', ca.intermediate)), 'expired');
    assert.equal(reason(attacked('pe-certificate-expired', ca.intermediate), {}), 'accepted');
    assert.equal(reason(attacked('pe-certificate-not-yet-valid', ca.intermediate)), 'not-yet-valid');
    assert.equal(reason(attacked('pe-certificate-wrong-purpose', ca.intermediate)), 'purpose');
  });

  it('hides data behind the signature that nobody signed', () => {
    const grown = attacked('pe-certificate-padding-4096');
    assert.equal(reason(grown), 'accepted');
    assert.equal(reason(grown, { unsignedMetadata: 'refuse' }), 'certificate-padding');
  });
});
