import assert from 'node:assert/strict';
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  verify as verifySignature,
  type KeyObject,
} from 'node:crypto';
import { encode } from 'cborg';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import type { Policy } from '../../policy.ts';
import type { PublicKey } from '../../trust.ts';
import { suit } from './index.ts';
import { parseSuit } from './parse.ts';
import { buildSuit, type BuildOptions } from './test/builder.ts';
import { draftKey, secureBoot, severedElements } from './test/draft-examples.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const payload = Buffer.from('payload of the test image');
const maker = (key: KeyObject): PublicKey => ({ kind: 'classic', key, name: 'maker' });
const keys = [p256, p384, ed25519].map((key) => maker(createPublicKey(key)));

function reason(
  bytes: Uint8Array,
  trust: { keys?: PublicKey[]; genuine?: Uint8Array[]; policy?: Policy } = {},
): string {
  const genuine = (trust.genuine ?? []).map((one) => bytesSource(one));
  const verdict = suit.verifier({ keys: trust.keys ?? keys, genuine, policy: trust.policy ?? {} })(
    bytesSource(bytes),
  );
  return verdict.accepted ? 'accepted' : verdict.reason;
}

function flipped(bytes: Buffer, region: string): Buffer {
  const { end } = regionNamed(parseSuit(bytesSource(bytes)), region) ?? assert.fail(`no ${region}`);
  const altered = Buffer.from(bytes);
  altered[end - 1] = (altered[end - 1] ?? 0) ^ 1;
  return altered;
}

const kinds: [name: string, options: BuildOptions][] = [
  ['ES256', { key: p256, payload }],
  ['ESP256', { key: p256, payload, algorithm: -9 }],
  ['ES384 and SHA-384', { key: p384, payload, hash: [-43, 'sha384'] }],
  ['EdDSA and SHA-512', { key: ed25519, payload, hash: [-44, 'sha512'] }],
  ['COSE_Sign', { key: p256, payload, several: true }],
  ['two slots', { key: p256, payload, slots: true }],
];

describe('SUIT reference verifier', () => {
  for (const [name, options] of kinds) {
    it(`accepts ${name}, and refuses it altered or for a stranger`, () => {
      const bytes = buildSuit({ ...options, severedInstall: true, text: 'Text.' });
      assert.equal(reason(bytes), 'accepted');
      const name1 = options.slots === true ? 'payload.#firmware-1' : 'payload.#firmware';
      assert.equal(reason(flipped(bytes, name1)), 'image-digest');
      assert.equal(reason(flipped(bytes, 'manifest.sequence-number')), 'digest');
      assert.equal(reason(flipped(bytes, 'auth.digest.bytes')), 'digest');
      assert.equal(reason(flipped(bytes, 'severed.install')), 'severed-digest');
      assert.equal(reason(flipped(bytes, 'severed.text')), 'accepted');
      const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
      assert.equal(reason(bytes, { keys: [maker(stranger)] }), 'signature');
    });
  }

  it('accepts the draft’s own examples with the draft’s key, and no other', () => {
    for (const example of [secureBoot, severedElements]) {
      assert.equal(reason(example, { keys: [maker(draftKey)] }), 'accepted');
      assert.equal(reason(example), 'signature');
      assert.equal(
        reason(flipped(example, 'auth.block.signature'), { keys: [maker(draftKey)] }),
        'signature',
      );
    }
  });

  it('agrees with node:crypto over a Sig_structure that a library encoded', () => {
    const bytes = buildSuit({ key: p256, payload });
    const at = (region: string): Buffer => {
      const { start, end } = regionNamed(parseSuit(bytesSource(bytes)), region) ?? assert.fail(region);
      return bytes.subarray(start, end);
    };
    const manifest = regionNamed(parseSuit(bytesSource(bytes)), 'manifest.head') ?? assert.fail();
    const { end } = parseSuit(bytesSource(bytes)).manifest?.wrapper ?? assert.fail();
    const digest = encode([-16, createHash('sha256').update(bytes.subarray(manifest.start, end)).digest()]);
    const message = encode(['Signature1', at('auth.block.protected'), new Uint8Array(), digest]);
    const key = { key: createPublicKey(p256), dsaEncoding: 'ieee-p1363' } as const;
    assert.ok(verifySignature('sha256', message, key, at('auth.block.signature')));
  });

  it('knows genuine signatures by heart where no key can check them', () => {
    const hss = buildSuit({ algorithm: -46, payload });
    assert.equal(reason(hss), 'signature');
    assert.equal(reason(hss, { genuine: [hss] }), 'accepted');
    const other = buildSuit({ algorithm: -46, payload, sequenceNumber: 8 });
    assert.equal(reason(other, { genuine: [hss] }), 'signature');
    const classic = buildSuit({ key: p256, payload });
    assert.equal(reason(classic, { keys: [], genuine: [classic] }), 'accepted');
    assert.equal(
      reason(flipped(classic, 'auth.block.signature'), { keys: [], genuine: [classic] }),
      'signature',
    );
  });

  it('takes no code and no unknown algorithm for a signature', () => {
    assert.equal(reason(buildSuit({ key: p256, payload, algorithm: -65_535 })), 'algorithm');
    assert.equal(reason(buildSuit({ key: p256, payload, algorithm: -35 })), 'signature');
    assert.equal(reason(buildSuit({ key: p256, payload, withMac: true })), 'accepted');
  });

  it('refuses what the policy says, and takes it otherwise', () => {
    const bytes = buildSuit({ key: p256, payload });
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    assert.equal(reason(longer), 'accepted');
    assert.equal(reason(longer, { policy: { appendedData: 'refuse' } }), 'trailing');
    const otherVendor = buildSuit({ key: p256, payload, vendor: '00'.repeat(16) });
    const genuine = [bytes];
    assert.equal(reason(otherVendor, { genuine }), 'accepted');
    assert.equal(reason(otherVendor, { genuine, policy: { hardwareCompatibility: 'checked' } }), 'hardware');
  });

  it('tells a lower sequence number from an equal and a higher one', () => {
    const genuine = [buildSuit({ key: p256, payload })]; // 7
    const with6 = buildSuit({ key: p256, payload, sequenceNumber: 6 });
    const with8 = buildSuit({ key: p256, payload, sequenceNumber: 8 });
    const other7 = buildSuit({ key: p256, payload, referenceUri: 'https://example.com' });
    assert.equal(reason(with6, { genuine }), 'counter');
    assert.equal(reason(with6, { genuine, policy: { lowerVersion: 'accept' } }), 'accepted');
    assert.equal(reason(with8, { genuine, policy: { equalCounter: 'refuse' } }), 'accepted');
    assert.equal(reason(other7, { genuine }), 'accepted');
    assert.equal(reason(other7, { genuine, policy: { equalCounter: 'refuse' } }), 'counter');
  });

  it('does not judge a genuine envelope by the other one', () => {
    const older = bytesSource(buildSuit({ key: p256, payload, sequenceNumber: 6 }));
    const genuine = [bytesSource(buildSuit({ key: p256, payload })), older];
    assert.deepEqual(suit.verifier({ keys, genuine, policy: {} })(older), { accepted: true });
  });

  it('refuses a payload that is fetched and never compared, unless it is the genuine one', () => {
    const bytes = buildSuit({ key: p256, payload, unchecked: true });
    assert.equal(reason(bytes), 'unbound-payload');
    assert.equal(reason(bytes, { genuine: [bytes] }), 'accepted');
    assert.equal(reason(flipped(bytes, 'payload.#firmware'), { genuine: [bytes] }), 'unbound-payload');
    assert.equal(regionNamed(parseSuit(bytesSource(bytes)), 'payload.#firmware')?.coverage, 'unsigned');
  });
});
