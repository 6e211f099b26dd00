/**
 * Our verifiers against the vectors of C2SP Wycheproof, where these are at hand: in the folder named by FIELDPROOF_VECTORS,
 * or in shared/vectors beside the checkout's parent. They are no part of the project.
 */

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import type { PublicKey, RawAlgorithm } from '../trust.ts';
import { signatureSchemeSchema, verifySignature, type SignatureScheme } from './signature.ts';

interface Vector {
  tcId: number;
  comment: string;
  flags: string[];
  msg: string;
  ctx?: string;
  sig: string;
  result: 'valid' | 'invalid' | 'acceptable';
}

interface Group {
  type: string;
  publicKey?: unknown;
  publicKeyDer?: string;
  sha?: string;
  mgfSha?: string;
  sLen?: number;
  tests: Vector[];
}

/**
 * Vectors that either answer is right for, by flag, with our answer: a DigestInfo without NULL is another encoding
 * (RFC 8017, 9.2, note 1 gives the one with NULL).
 */
const acceptable = new Map([['MissingNull', false]]);

const checkout = resolve(import.meta.dirname, '../../..');
const folder = process.env.FIELDPROOF_VECTORS ?? resolve(checkout, '../shared/vectors');

const hashes = new Map([
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
] as const);
const curves = new Map([
  ['secp256r1', 'p256'],
  ['secp384r1', 'p384'],
  ['secp521r1', 'p521'],
] as const);

/** Undefined for what no image is signed with: other curves and hashes. */
function schemeOf(group: Group, algorithm: string): SignatureScheme | undefined {
  if (group.type === 'EddsaVerify') return algorithm === 'EDDSA' ? { type: 'ed25519' } : undefined;
  if (group.type === 'MlDsaVerify') return signatureSchemeSchema.parse({ type: algorithm.toLowerCase() });
  const hash = hashes.get(group.sha as 'SHA-256');
  if (hash === undefined) return undefined;
  if (group.type === 'RsassaPkcs1Verify') return { type: 'rsa-pkcs1', hash };
  if (group.type === 'RsassaPssVerify') {
    return group.mgfSha === group.sha ? { type: 'rsa-pss', hash, saltBytes: group.sLen ?? 32 } : undefined;
  }
  const curve = curves.get((group.publicKey as { curve?: string }).curve as 'secp256r1');
  if (curve === undefined || !group.type.startsWith('Ecdsa')) return undefined;
  return { type: 'ecdsa', curve, hash, encoding: group.type === 'EcdsaP1363Verify' ? 'p1363' : 'der' };
}

function keyOf(group: Group, scheme: SignatureScheme): PublicKey {
  if (typeof group.publicKey === 'string') {
    const bytes = Buffer.from(group.publicKey, 'hex');
    return { kind: 'raw', algorithm: scheme.type as RawAlgorithm, bytes, name: 'vector' };
  }
  const der = Buffer.from(group.publicKeyDer ?? '', 'hex');
  return { kind: 'classic', key: createPublicKey({ key: der, format: 'der', type: 'spki' }), name: 'vector' };
}

function wanted({ result, flags }: Vector): boolean {
  if (result !== 'acceptable') return result === 'valid';
  const flag = flags.find((name) => acceptable.has(name));
  assert.ok(flag !== undefined, `no word on acceptable vectors of ${flags.join(', ')}`);
  return acceptable.get(flag) === true;
}

function check(group: Group, scheme: SignatureScheme, vector: Vector): void {
  // A context of more than 255 bytes cannot be written in a scheme, and is bad by that.
  const context = vector.ctx === undefined ? {} : { context: vector.ctx };
  const full = scheme.type.startsWith('ml-dsa') ? { ...scheme, ...context } : scheme;
  const message = bytesSource(Buffer.from(vector.msg, 'hex'));
  const { good } = verifySignature(keyOf(group, scheme), full, message, Buffer.from(vector.sig, 'hex'));
  assert.equal(good, wanted(vector), `vector ${vector.tcId}: ${vector.comment}`);
}

describe('Wycheproof vectors', function () {
  this.timeout(30_000);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('_test.json')) : [];

  it('has verifiers that tell good from bad without any vectors', () => {
    console.log(
      `      ${files.length} files in ${folder}${existsSync(folder) ? '' : ', which is not there'}`,
    );
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const message = Buffer.from('a vector of our own');
    const signature = sign(null, message, privateKey);
    const key: PublicKey = { kind: 'classic', key: publicKey, name: 'own' };
    const good = (bytes: Buffer): boolean =>
      verifySignature(key, { type: 'ed25519' }, bytesSource(message), bytes).good;
    assert.equal(good(signature), true);
    for (let at = 0; at < 64; at += 1) {
      const altered = Buffer.from(signature);
      altered[at] = (altered[at] ?? 0) ^ 1;
      assert.equal(good(altered), false, `byte ${at}`);
    }
  });

  for (const file of files) {
    it(`agrees with every vector of ${file}`, function () {
      this.timeout(60_000);
      const { algorithm, testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        algorithm: string;
        testGroups: Group[];
      };
      let tried = 0;
      for (const group of testGroups) {
        const scheme = schemeOf(group, algorithm);
        if (scheme === undefined) continue;
        for (const vector of group.tests) {
          check(group, scheme, vector);
          tried += 1;
        }
      }
      console.log(`      ${tried} vectors of ${file}`);
    });
  }
});
