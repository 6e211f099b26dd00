import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, it } from 'mocha';
import { BoardFileError } from '../../errors.ts';
import { bytesSource } from '../byte-source.ts';
import { encodeDer, encodeDerOid } from '../codec/der.ts';
import { rawAlgorithms, type RawAlgorithm } from '../trust.ts';
import { rawEd25519 } from './key-bytes.ts';
import { oidOfAlgorithm } from './key-oids.ts';
import { postQuantumKeys, postQuantumSizes, type MlDsaSet, type SlhDsaSet } from './post-quantum.ts';
import { readPublicKeys } from './public-key.ts';
import { publicHalf, signMessage } from './sign.ts';
import { verifySignature, type SignatureScheme } from './signature.ts';
import { readTestKey } from './test-key.ts';
import * as rfc8554 from './test/rfc8554.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const postQuantum = rawAlgorithms.filter((name) => name !== 'lms' && name !== 'hss');

function spki(algorithm: RawAlgorithm, key: Uint8Array): Buffer {
  const oid = encodeDerOid(oidOfAlgorithm(algorithm));
  return encodeDer(0x30, encodeDer(0x30, oid), encodeDer(0x03, Buffer.of(0), key));
}

function pkcs8(algorithm: RawAlgorithm, inside: Uint8Array): Buffer {
  const oid = encodeDerOid(oidOfAlgorithm(algorithm));
  return encodeDer(0x30, Buffer.of(2, 1, 0), encodeDer(0x30, oid), encodeDer(0x04, inside));
}

function pem(label: string, der: Buffer): Buffer {
  return Buffer.from(`-----BEGIN ${label}-----\n${der.toString('base64')}\n-----END ${label}-----\n`);
}

function only(
  bytes: Uint8Array,
  hint?: Parameters<typeof readPublicKeys>[2],
): ReturnType<typeof readPublicKeys>[0] {
  const keys = readPublicKeys(bytes, 'file', hint);
  assert.equal(keys.length, 1);
  return keys[0] as ReturnType<typeof readPublicKeys>[0];
}

function refusal(bytes: Uint8Array): string {
  try {
    readPublicKeys(bytes, 'file');
  } catch (error) {
    assert.ok(error instanceof BoardFileError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
}

describe('public keys from files', function () {
  this.timeout(30_000);

  it('reads what node:crypto knows, in PEM and DER, several in one file', () => {
    const forms = [p256, ed25519, rsa].flatMap(({ publicKey }) => [
      publicKey.export({ type: 'spki', format: 'der' }),
      Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
    ]);
    forms.push(rsa.publicKey.export({ type: 'pkcs1', format: 'der' }));
    for (const form of forms) assert.equal(only(form).kind, 'classic');
    const together = Buffer.concat([forms[1] ?? Buffer.alloc(0), forms[3] ?? Buffer.alloc(0)]);
    assert.equal(readPublicKeys(together, 'file').length, 2);
  });

  it('reads ML-DSA, SLH-DSA and HSS in SubjectPublicKeyInfo', () => {
    for (const algorithm of postQuantum) {
      const bytes = Buffer.alloc(postQuantumSizes(algorithm).publicKey, 5);
      for (const form of [spki(algorithm, bytes), pem('PUBLIC KEY', spki(algorithm, bytes))]) {
        const key = only(form);
        assert.ok(key.kind === 'raw' && key.algorithm === algorithm && bytes.equals(key.bytes), algorithm);
      }
      assert.match(refusal(spki(algorithm, bytes.subarray(1))), /no-public-key/);
    }
    assert.equal(oidOfAlgorithm('slh-dsa-sha2-128s'), '2.16.840.1.101.3.4.3.20');
    assert.equal(oidOfAlgorithm('slh-dsa-shake-256f'), '2.16.840.1.101.3.4.3.31');
    const wrapped = encodeDer(0x04, rfc8554.publicKey);
    for (const inside of [rfc8554.publicKey, wrapped]) {
      const key = only(spki('hss', inside));
      assert.ok(key.kind === 'raw' && key.algorithm === 'hss' && rfc8554.publicKey.equals(key.bytes));
    }
  });

  it('reads bare bytes by their length, and by a hint where it does not tell', () => {
    const kindOf = (bytes: Uint8Array, options?: Parameters<typeof readPublicKeys>[2]): string => {
      const key = only(bytes, options);
      return key.kind === 'raw' ? key.algorithm : String(key.key.asymmetricKeyType);
    };
    assert.equal(kindOf(rfc8554.publicKey), 'hss');
    assert.equal(kindOf(rfc8554.secondKey), 'lms');
    assert.equal(kindOf(Buffer.alloc(1312, 1)), 'ml-dsa-44');
    assert.equal(kindOf(Buffer.alloc(1952, 1)), 'ml-dsa-65');
    assert.equal(kindOf(Buffer.alloc(2592, 1)), 'ml-dsa-87');
    const plain = only(ed25519.publicKey.export({ type: 'spki', format: 'der' }));
    assert.equal(kindOf(rawEd25519(plain)), 'ed25519');
    assert.equal(kindOf(rawEd25519(plain), { hint: 'slh-dsa-sha2-128s' }), 'slh-dsa-sha2-128s');
    const point = p256.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
    assert.equal(kindOf(point), 'ec');
    assert.equal(kindOf(point.subarray(1)), 'ec');
  });

  it('reads OpenSSH and minisign', () => {
    const raw = rawEd25519(only(ed25519.publicKey.export({ type: 'spki', format: 'der' })));
    const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes]);
    const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)]).toString('base64');
    const ssh = only(Buffer.from(`ssh-ed25519 ${blob} maker@host\n`));
    const body = Buffer.concat([Buffer.from('Ed'), Buffer.alloc(8, 1), raw]).toString('base64');
    const mini = only(Buffer.from(`untrusted comment: minisign public key 0101\n${body}\n`));
    for (const key of [ssh, mini]) assert.deepEqual(rawEd25519(key), raw);
  });

  it('says what a file looks like instead', () => {
    const sec1 = p256.privateKey.export({ type: 'sec1', format: 'pem' });
    assert.match(refusal(Buffer.from(sec1)), /^private-key/);
    assert.match(refusal(p256.privateKey.export({ type: 'pkcs8', format: 'der' })), /^private-key/);
    assert.match(refusal(rsa.privateKey.export({ type: 'pkcs1', format: 'der' })), /^private-key/);
    assert.match(refusal(pkcs8('ml-dsa-44', Buffer.alloc(32))), /^private-key/);
    assert.match(refusal(Buffer.alloc(0)), /no-public-key.*an empty file/);
    assert.match(refusal(Buffer.from('<!DOCTYPE html><html>')), /a web page/);
    assert.match(refusal(pem('CERTIFICATE REQUEST', Buffer.alloc(9))), /a certificate request/);
    assert.match(refusal(pem('PUBLIC KEY', Buffer.alloc(9))), /^bad-key/);
    assert.match(refusal(Buffer.alloc(2420, 3)), /as an ML-DSA-44 signature has/);
    assert.match(refusal(sign('sha256', Buffer.alloc(3), p256.privateKey)), /an ECDSA signature in DER/);
    assert.match(refusal(Buffer.from('version https://git-lfs.github.com/spec/v1\n')), /Git LFS pointer/);
    assert.match(refusal(Buffer.from('hello')), /plain text/);
  });
});

describe('test keys from files', function () {
  this.timeout(30_000);

  const message = bytesSource(Buffer.from('signed by a test key'));

  function signsWith(bytes: Uint8Array, scheme: SignatureScheme): void {
    const key = readTestKey(bytes, 'file');
    const signature = signMessage(key, scheme, message);
    assert.ok(signature);
    const check = verifySignature(publicHalf(key), scheme, message, signature);
    assert.deepEqual(check, { good: true });
  }

  it('reads PKCS #8, SEC 1 and PKCS #1, and signs with them', () => {
    const ecdsa: SignatureScheme = { type: 'ecdsa', curve: 'p256', hash: 'sha256', encoding: 'der' };
    const pss: SignatureScheme = { type: 'rsa-pss', hash: 'sha384', saltBytes: 20 };
    const forms = (key: KeyObject, types: ('pkcs8' | 'sec1' | 'pkcs1')[]): Buffer[] =>
      types.flatMap((type) => [
        key.export({ type, format: 'der' } as { type: 'pkcs8'; format: 'der' }),
        Buffer.from(key.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' })),
      ]);
    for (const form of forms(p256.privateKey, ['pkcs8', 'sec1'])) signsWith(form, ecdsa);
    for (const form of forms(rsa.privateKey, ['pkcs8', 'pkcs1'])) signsWith(form, pss);
    for (const form of forms(ed25519.privateKey, ['pkcs8'])) signsWith(form, { type: 'ed25519' });
    signsWith(forms(rsa.privateKey, ['pkcs1'])[0] ?? Buffer.alloc(0), { type: 'rsa-pkcs1', hash: 'sha256' });
  });

  it('reads ML-DSA as seed, expanded or both, and SLH-DSA expanded', () => {
    const seed = Buffer.alloc(32, 9);
    for (const set of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] satisfies MlDsaSet[]) {
      const { secretKey, publicKey } = postQuantumKeys(set, seed);
      const expanded = encodeDer(0x04, secretKey);
      const both = encodeDer(0x30, encodeDer(0x04, seed), expanded);
      for (const inside of [encodeDer(0x80, seed), expanded, both, seed, Buffer.from(secretKey)]) {
        const key = readTestKey(pkcs8(set, inside), 'file');
        assert.ok(key.kind === 'raw' && Buffer.from(publicKey).equals(key.bytes), set);
      }
      signsWith(pem('PRIVATE KEY', pkcs8(set, encodeDer(0x80, seed))), { type: set, context: '0102' });
    }
    const set: SlhDsaSet = 'slh-dsa-shake-128f';
    const { secretKey } = postQuantumKeys(set, Buffer.alloc(48, 9));
    signsWith(pkcs8(set, secretKey), { type: set, preHash: 'sha256' });
  });

  it('says what a file looks like instead', () => {
    const publicPem = Buffer.from(createPublicKey(p256.privateKey).export({ type: 'spki', format: 'pem' }));
    assert.throws(() => readTestKey(publicPem, 'file'), /it looks like a public key/);
    const encrypted = p256.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-128-cbc',
      passphrase: 'x',
    });
    assert.throws(() => readTestKey(Buffer.from(encrypted), 'file'), { code: 'encrypted-test-key' });
    const good = p256.privateKey.export({ type: 'pkcs8', format: 'der' });
    assert.throws(() => readTestKey(good, 'file', Buffer.from('nothing')), { code: 'no-chain' });
  });
});
