/**
 * Private keys that the makers of boot loaders and update agents publish for samples, development and tests. An image
 * that is signed with one must be refused: anybody can sign so. What is public of them is in known-keys.ts.
 *
 * They are facts that everybody has, and protect nothing. Each is proven to be the key that it is called by its digest
 * in known-keys.ts.
 *
 * Source: GHSA-gcxh-546h-phg4; the repository and path beside each.
 */

import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { CmsSigningKey } from './crypto/cms-sign.ts';
import type { KnownKey } from './known-keys.ts';
import { publishedRsaKeys } from './sample-rsa-keys.ts';

export type SampleKeyKind = 'p256' | 'p384' | 'ed25519' | 'rsa2048' | 'rsa3072';

export interface SampleKey extends KnownKey {
  /** For ids of attacks: `mcuboot-ec-p256`. */
  id: string;
  kind: SampleKeyKind;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** DER certificates, the signer's first, where they are published with it; else none. */
  chain: readonly Buffer[];
  /** What a FIT calls it, where its maker says so. */
  hint?: string;
}

interface Published {
  id: string;
  name: string;
  source: string;
  /** The scalar, or the seed of Ed25519, hex. */
  secret: string;
}

const p256: readonly Published[] = [
  {
    id: 'mcuboot-ec-p256',
    name: 'MCUboot root-ec-p256',
    source: 'github.com/mcu-tools/mcuboot, root-ec-p256.pem',
    secret: 'd798d52f8301243bd3542b7e55ed4c74611900b0f9505a824fe1e8ec063bcff1',
  },
  {
    id: 'mcuboot-cypress-ec-p256',
    name: 'MCUboot cypress-test-ec-p256',
    source: 'github.com/mcu-tools/mcuboot, boot/cypress/BlinkyApp/keys/cypress-test-ec-p256.pem',
    secret: '8152c229a8405c7fea691d4a87978b65d45d55a8f04f74950a0d979447fe04b3',
  },
  {
    id: 'tf-m-psoc64',
    name: 'Trusted Firmware-M TFM_S_KEY of PSoC 64',
    source:
      'github.com/zephyrproject-rtos/trusted-firmware-m, platform/ext/target/cypress/psoc64/security/keys/TFM_S_KEY_PRIV.pem',
    secret: 'db3ab03cff1b4142049e00ae35da41b6670cf98c0d317a8f70361fb7a61a4a2a',
  },
  {
    id: 'tf-a-rotpk-ecdsa',
    name: 'Trusted Firmware-A development ROTPK (ECDSA)',
    source:
      'github.com/ARM-software/arm-trusted-firmware, plat/arm/board/common/rotpk/arm_rotprivk_ecdsa.pem',
    secret: 'd49a5fa9efcd2ded7a204903b5a54cb44a24e6a3a72dbda36700acb6d45e8641',
  },
];

const p384: readonly Published[] = [
  {
    id: 'mcuboot-ec-p384',
    name: 'MCUboot root-ec-p384',
    source: 'github.com/mcu-tools/mcuboot, root-ec-p384.pem',
    secret:
      'bc6505a3a2808268b409f4324d28cc8fa14a0572a1a5b971aed7765fe76e915fa4dd4619e4131b4bd53edf0b5de7df60',
  },
];

const ed25519: readonly Published[] = [
  {
    id: 'mcuboot-ed25519-unknown',
    name: 'MCUboot root-ed25519-unknown',
    source: 'github.com/mcu-tools/mcuboot, root-ed25519-unknown.pem',
    secret: '61e2417380d44c8a74ece8bd6f4cd9de6d3ff7c30b48b507257cd1624632ba8d',
  },
];

/** @param secret the scalar, big-endian */
function ecKey(crv: 'P-256' | 'P-384', secret: Buffer): KeyObject {
  const ecdh = createECDH(crv === 'P-256' ? 'prime256v1' : 'secp384r1');
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey().subarray(1);
  const [x, y] = [point.subarray(0, secret.length), point.subarray(secret.length)];
  const text = (bytes: Buffer): string => bytes.toString('base64url');
  return createPrivateKey({
    key: { kty: 'EC', crv, d: text(secret), x: text(x), y: text(y) },
    format: 'jwk',
  });
}

// RFC 8410 section 7: PKCS #8 of an Ed25519 private key is this prefix and the 32 bytes of its seed.
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function pkcs8Key(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function sample(
  { id, name, source }: KnownKey & { id: string },
  kind: SampleKeyKind,
  privateKey: KeyObject,
): SampleKey {
  return { id, name, source, kind, privateKey, publicKey: createPublicKey(privateKey), chain: [] };
}

/** The best known first. */
export const sampleKeys: readonly SampleKey[] = [
  ...p256.map((key) => sample(key, 'p256', ecKey('P-256', Buffer.from(key.secret, 'hex')))),
  ...p384.map((key) => sample(key, 'p384', ecKey('P-384', Buffer.from(key.secret, 'hex')))),
  ...ed25519.map((key) =>
    sample(key, 'ed25519', pkcs8Key(Buffer.concat([ed25519Prefix, Buffer.from(key.secret, 'hex')]))),
  ),
  ...publishedRsaKeys.map((key) => ({
    ...sample(key, `rsa${key.modulusBits}`, pkcs8Key(Buffer.from(key.pkcs8, 'base64'))),
    chain: (key.chain ?? []).map((der) => Buffer.from(der, 'base64')),
    ...(key.hint === undefined ? {} : { hint: key.hint }),
  })),
];

/** The key as a signer of CMS; undefined where no certificate is published with it. */
export function cmsSignerOf({ privateKey, chain }: SampleKey): CmsSigningKey | undefined {
  const [certificate] = chain;
  return certificate && { privateKey, certificate, chain };
}

/** What every attack with a sample key says of itself, but for the format. */
export function sampleKeyWords({ id, name, source }: SampleKey): {
  id: string;
  kind: 'sample-key';
  depth: 'standard';
  name: string;
  rationale: string;
  references: readonly string[];
  attackerModel: 'foreign-key';
} {
  return {
    id: `sample-key-${id}`,
    kind: 'sample-key',
    depth: 'standard',
    name: `signed with the published sample key ${name}`,
    rationale:
      'Its private half is in a public repository. A product that still trusts it takes images from everybody.',
    references: ['SIG-07', 'GHSA-gcxh-546h-phg4', source],
    attackerModel: 'foreign-key',
  };
}

/** Why an image that a sample key signed is no attack where that key is trusted; for plans. */
export const trustsSampleKey = {
  doesNotApply: 'the golden image is signed with it: that is a finding of inspect',
} as const;
export const sampleKeyTrusted = 'the keys given as the maker’s trust it: that is a finding of inspect';
