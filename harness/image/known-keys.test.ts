import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { knownKey, knownKeyByHash, publishedKeys } from './known-keys.ts';

// Public half of MCUboot's root-ed25519 (sim/mcuboot-sys/csupport/keys.c).
const rootEd25519 = Buffer.from(
  '302a300506032b6570032100d4b31ba49a3add3f825d10ca7f31b50b0de87f37ccc49f1a403a5c1320ffb4e0',
  'hex',
);
// And of root-ec-p256 (same file).
const rootP256 = Buffer.from(
  '3059301306072a8648ce3d020106082a8648ce3d030107034200042acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f24' +
    '5737e5953988d994b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1',
  'hex',
);

describe('published sample keys', () => {
  it('are known by key object and by DER, with where they are published', () => {
    assert.equal(knownKey(rootEd25519)?.name, 'MCUboot root-ed25519');
    const key = createPublicKey({ key: rootP256, format: 'der', type: 'spki' });
    assert.deepEqual(knownKey(key), {
      name: 'MCUboot root-ec-p256',
      source: 'github.com/mcu-tools/mcuboot, sim/mcuboot-sys/csupport/keys.c',
    });
  });

  it('are known by the key hash in an image: of PKCS #1 for RSA', () => {
    // As boot logs of devices with the sample key print it.
    const hash = 'fc5701dc6135e1323847bdc40f04d2e5bee5833b23c29f93593d00018cfa9994';
    assert.equal(knownKeyByHash(hash)?.name, 'MCUboot root-rsa-2048');
  });

  it('are told of a signer', () => {
    const key = createPublicKey({ key: rootP256, format: 'der', type: 'spki' });
    const strangers = [{ publicKey: generateKeyPairSync('ed25519').publicKey }, { publicKey: undefined }];
    assert.deepEqual(publishedKeys(strangers), []);
    assert.deepEqual(
      publishedKeys([...strangers, { publicKey: key }]).map(({ name }) => name),
      ['published sample key'],
    );
  });

  it('are not every key', () => {
    assert.equal(knownKey(generateKeyPairSync('ed25519').publicKey), undefined);
    assert.equal(knownKey(Buffer.of(1)), undefined);
    assert.equal(knownKeyByHash(''), undefined);
  });
});
