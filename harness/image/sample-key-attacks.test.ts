import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { before, describe, it } from 'mocha';
import { bytesSource } from './byte-source.ts';
import type { ImageFormat } from './format.ts';
import { detachedFormat } from './formats/detached/index.ts';
import { detached as detachedImage } from './formats/detached/test/builder.ts';
import { fit } from './formats/fit/index.ts';
import { buildFit } from './formats/fit/test/builder.ts';
import { mcuboot } from './formats/mcuboot/index.ts';
import { buildMcuboot } from './formats/mcuboot/test/builder.ts';
import { rauc } from './formats/rauc/index.ts';
import { buildRauc } from './formats/rauc/test/builder.ts';
import { swupdate } from './formats/swupdate/index.ts';
import { buildSwupdate } from './formats/swupdate/test/builder.ts';
import { attackSet } from './generate.ts';
import { signMessage } from './crypto/sign.ts';
import { sampleKeys } from './sample-keys.ts';
import { makeTestAuthority, type TestAuthority } from './test/test-ca.ts';
import type { PublicKey } from './trust.ts';

const seed = Buffer.alloc(32, 8);
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

function sampleKey(id: string): KeyObject {
  const sample = sampleKeys.find((key) => key.id === id);
  assert.ok(sample, id);
  return sample.privateKey;
}

function trusted(key: KeyObject): PublicKey {
  return { kind: 'classic', key: createPublicKey(key), name: 'maker' };
}

const detached = detachedFormat({
  placement: 'detached',
  signatures: [{ scheme: { type: 'rsa-pkcs1', hash: 'sha256' } }],
}) as ImageFormat;

function buildDetached(key: KeyObject): Buffer {
  const payload = Buffer.from('payload of a detached signature');
  const test = { kind: 'classic', key, chain: [], name: 'key' } as const;
  const signature = signMessage(test, { type: 'rsa-pkcs1', hash: 'sha256' }, bytesSource(payload));
  assert.ok(signature);
  return detachedImage(payload, signature);
}

interface Case {
  format: ImageFormat;
  /** Of the attack, and of the key. */
  attack: string;
  key: string;
  own: KeyObject;
  build: (key: KeyObject) => Uint8Array;
}

const cases: readonly Case[] = [
  {
    format: mcuboot,
    attack: 'mcuboot-sample-key-mcuboot-ec-p256',
    key: 'mcuboot-ec-p256',
    own: p256,
    build: (key) => buildMcuboot({ key }).bytes,
  },
  {
    format: fit,
    attack: 'fit-sample-key-u-boot-binman-dev',
    key: 'u-boot-binman-dev',
    own: rsa,
    build: (key) => buildFit({ key }),
  },
  {
    format: swupdate,
    attack: 'swupdate-sample-key-tf-a-rotpk-rsa',
    key: 'tf-a-rotpk-rsa',
    own: rsa,
    build: (key) => buildSwupdate({ signature: { rsa: key } }),
  },
  {
    format: detached,
    attack: 'detached-sample-key-tf-a-rotpk-rsa',
    key: 'tf-a-rotpk-rsa',
    own: rsa,
    build: buildDetached,
  },
];

/** What is expected of the attack, or why it was not made. */
function outcome(format: ImageFormat, id: string, bytes: Uint8Array, keys: readonly PublicKey[]): string {
  const base = { name: 'golden.bin', source: bytesSource(bytes) };
  const { images, notApplicable } = attackSet(base, { seed, ids: [id], format, trustedKeys: keys });
  return images[0]?.expectation.class ?? notApplicable[0]?.why ?? '';
}

describe('images signed with published sample keys', () => {
  for (const { format, attack, key, own, build } of cases) {
    it(`${attack}: refused by who does not trust the key, and no attack where it is trusted`, () => {
      const sample = sampleKey(key);
      const genuine = build(own);
      assert.equal(outcome(format, attack, genuine, [trusted(own)]), 'must-reject');
      assert.equal(outcome(format, attack, genuine, []), 'must-reject');
      assert.match(outcome(format, attack, genuine, [trusted(own), trusted(sample)]), /the maker’s trust it/);
      assert.match(outcome(format, attack, build(sample), [trusted(sample)]), /a finding of inspect/);
    });
  }

  describe('under the certificates that are published with them', () => {
    let ca: TestAuthority;
    before(async () => {
      ca = await makeTestAuthority();
    });

    it('are refused by bundles’ and archives’ own root, and no attack where the published one is trusted', () => {
      const { privateKey, chain = [] } = sampleKeys.find(({ id }) => id === 'rauc-release-1') ?? {};
      const [certificate, issuer] = chain;
      assert.ok(privateKey && certificate && issuer);
      const root: PublicKey = { ...trusted(ca.root.privateKey), certificate: ca.root.certificate };
      const published: PublicKey = { ...trusted(privateKey), certificate: issuer };
      const built: readonly [ImageFormat, string, Uint8Array, Uint8Array][] = [
        [
          rauc,
          'rauc-sample-key-rauc-release-1',
          buildRauc({ by: ca.valid }),
          buildRauc({ by: { privateKey, chain } }),
        ],
        [
          swupdate,
          'swupdate-sample-key-rauc-release-1',
          buildSwupdate({ signature: { cms: ca.valid, certificates: ca.valid.chain } }),
          buildSwupdate({ signature: { cms: { privateKey, certificate }, certificates: chain } }),
        ],
      ];
      for (const [format, attack, genuine, own] of built) {
        assert.equal(outcome(format, attack, genuine, [root]), 'must-reject', attack);
        assert.match(outcome(format, attack, genuine, [root, published]), /the maker’s trust it/);
        assert.match(outcome(format, attack, own, [published]), /a finding of inspect/);
      }
    });
  });
});
