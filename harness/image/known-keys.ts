/**
 * Sample and development keys whose private halves are published, by their public identity. An image that is signed
 * with one of them proves nothing on a device in the field: anybody can sign.
 *
 * Every digest was computed from the key in the file named. There is no key here, neither half; those whose private
 * halves the bench signs with are in sample-keys.ts.
 *
 * Source: GHSA-gcxh-546h-phg4 (images signed with MCUboot's sample keys); the repositories named.
 */

import { createHash, KeyObject } from 'node:crypto';

export interface KnownKey {
  /** `MCUboot root-rsa-2048` */
  name: string;
  /** Repository and path of the file with the key or its public half. */
  source: string;
}

interface Listed extends KnownKey {
  /** SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex. */
  spki: string;
  /** What a KEYHASH TLV of MCUboot holds where that is another digest: of PKCS #1 for RSA, or of another algorithm. */
  keyHashes?: readonly string[];
}

const mcubootKeys = 'github.com/mcu-tools/mcuboot, sim/mcuboot-sys/csupport/keys.c';

const listed: readonly Listed[] = [
  {
    name: 'MCUboot root-rsa-2048',
    source: mcubootKeys,
    spki: 'a14bcb1bf9bb821146ba32838217e476f5412621320534ffe490a1890c994660',
    keyHashes: ['fc5701dc6135e1323847bdc40f04d2e5bee5833b23c29f93593d00018cfa9994'],
  },
  {
    name: 'MCUboot root-rsa-3072',
    source: mcubootKeys,
    spki: '159d8b7930769d887f3ff0b4e9ec176b82313663f2ef76dc24f5e964da1bc482',
    keyHashes: ['449793fb65cd7698753d5b3f35fab15f1e3a45111ff24e1d46741de5ae12d59e'],
  },
  {
    name: 'MCUboot root-ec-p256',
    source: mcubootKeys,
    spki: 'e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6',
  },
  {
    name: 'MCUboot root-ec-p384',
    source: 'github.com/mcu-tools/mcuboot, root-ec-p384.pem',
    spki: '6bcd1e16d80e5fe13a5307e6f1de8344c7e50e537d9962ce35ef6db5e642fae8',
    keyHashes: [
      '85b7bd5f5dff9a03a99927adaf6ca6febde822c1a480928324a8e60323715c5779461c496a95aee8c4f90b99779f848a',
    ],
  },
  {
    name: 'MCUboot root-ed25519',
    source: mcubootKeys,
    spki: 'c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c',
    keyHashes: [
      'e3e129b49f1218e18e4614acb2523389c75852ebb98b4d2c6171a2fc65706ba3d1ddf85f52e71450c3e572e624695fafd41ce4d9354d6c2b19f7d6001a6ae8b0',
    ],
  },
  {
    name: 'MCUboot root-ed25519-unknown',
    source: 'github.com/mcu-tools/mcuboot, root-ed25519-unknown.pem',
    spki: 'b1d87d60173352b9a4808979790fc699fb4c4f83b49cf1970edd96ff4adc36a6',
    keyHashes: [
      '37491781699741ec96e7faaf03c04e70f135f2f8b1f09d5a2a53667115052331e6a8abd3310476e7fbedf676feb9e8bcff7ff5366e8470714c0ef4c582941881',
    ],
  },
  {
    name: 'MCUboot cypress-test-ec-p256',
    source: 'github.com/mcu-tools/mcuboot, boot/cypress/BlinkyApp/keys/cypress-test-ec-p256.pem',
    spki: '6d480226638605f9f4cee9790630d5be3374d0deb0a43f19434bf60c9cc47c36',
  },
  {
    name: 'Trusted Firmware-M TFM_S_KEY of PSoC 64',
    source:
      'github.com/zephyrproject-rtos/trusted-firmware-m, platform/ext/target/cypress/psoc64/security/keys/TFM_S_KEY_PRIV.pem',
    spki: '3dfc6223395902412e16c0bda059f3ddb0f732f05380d9a4e276f15c8a2c70ad',
  },
  {
    name: 'Trusted Firmware-A development ROTPK (RSA)',
    source: 'github.com/ARM-software/arm-trusted-firmware, plat/arm/board/common/rotpk/arm_rotprivk_rsa.pem',
    spki: 'b0f382091297d83a377a72471bec3273e99232e24959f65e8b4a4a46d8229ada',
    keyHashes: ['32882f1901ef63b2259906201de1a787c3b35d8692ca8f43a15298ed1e9ad774'],
  },
  {
    name: 'Trusted Firmware-A development ROTPK (RSA-3072)',
    source:
      'github.com/ARM-software/arm-trusted-firmware, plat/arm/board/common/rotpk/arm_rotprivk_rsa_3k.pem',
    spki: '9a0f8acde4fd481c87d30b3041d64c00334d63e29d1786af8abbd6423d6da5f6',
    keyHashes: ['a64cca33193141731df102c3d64e4cf652d1d345bbe81eb1fd56d8a3a387ad8d'],
  },
  {
    name: 'Trusted Firmware-A development ROTPK (ECDSA)',
    source:
      'github.com/ARM-software/arm-trusted-firmware, plat/arm/board/common/rotpk/arm_rotprivk_ecdsa.pem',
    spki: '2e40bf6ef912bb983171090e1e153d0bfdd1cc694a98eb8ba0b020864e6c0717',
  },
  {
    name: 'U-Boot binman test key dev',
    source: 'github.com/u-boot/u-boot, tools/binman/test/230_dev.key',
    spki: 'd7ea6035b786bc3ee6a33d361d4027f6d9e29faa2e8b77aa940ea7d2fb873ef0',
    keyHashes: ['d3c7571252fd8fc5d38d252a9ee4ca100a03f5e2a0164306f67fec5058dd0098'],
  },
  {
    name: 'RAUC test certificate Test Org Autobuilder-1',
    source: 'github.com/rauc/rauc, test/openssl-ca/dev/autobuilder-1.cert.pem',
    spki: '8dce10c952c3423d5a4e33b1bd2104293eec31ac384b5b9cbd3a10321e65ee8d',
  },
  {
    name: 'RAUC test certificate Test Org Release-1',
    source: 'github.com/rauc/rauc, test/openssl-ca/rel/release-1.cert.pem',
    spki: '9467ab3108043d2d62d5ee58d62f867af27794299b461100ecd47b1b1d428e5a',
  },
];

const bySpki = new Map(listed.map((key) => [key.spki, key]));
const byKeyHash = new Map(
  listed.flatMap((key) => [key.spki, ...(key.keyHashes ?? [])].map((hash) => [hash, key] as const)),
);

/**
 * The published key that this is, or undefined.
 *
 * @param key a public key, or the DER of its SubjectPublicKeyInfo
 */
export function knownKey(key: KeyObject | Uint8Array): KnownKey | undefined {
  const der = key instanceof KeyObject ? key.export({ type: 'spki', format: 'der' }) : key;
  return named(bySpki.get(createHash('sha256').update(der).digest('hex')));
}

/**
 * The published key that a KEYHASH TLV of MCUboot names, or undefined.
 *
 * @param keyHash SHA-256, SHA-384 or SHA-512, lower-case hex: of the SubjectPublicKeyInfo for EC and Ed25519, of the
 *   PKCS #1 RSAPublicKey for RSA
 */
export function knownKeyByHash(keyHash: string): KnownKey | undefined {
  return named(byKeyHash.get(keyHash));
}

/** What is to be told of signers whose private keys are published, for {@link ImageFacts}. */
export function publishedKeys(
  signers: readonly { publicKey: KeyObject | undefined }[],
): { name: string; value: string }[] {
  return signers.flatMap(({ publicKey }) => {
    const known = publicKey === undefined ? undefined : knownKey(publicKey);
    return known === undefined
      ? []
      : [{ name: 'published sample key', value: `${known.name}, ${known.source}` }];
  });
}

function named(key: Listed | undefined): KnownKey | undefined {
  return key === undefined ? undefined : { name: key.name, source: key.source };
}
