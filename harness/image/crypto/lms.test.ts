import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { lmOtsSets, lmsSets, lmsSignatureBytes } from './lms-parameters.ts';
import { readHssPublicKey, readHssSignature, readLmsSignature, verifyHss, verifyLms } from './lms.ts';
import { signOnce } from './lms-once.ts';
import * as rfc from './test/rfc8554.ts';

const signature = Buffer.concat([
  Buffer.of(0, 0, 0, 1),
  rfc.firstSignature,
  rfc.secondKey,
  rfc.secondSignature,
]);
const message = bytesSource(rfc.message);

function why(bytes: Buffer, key = rfc.publicKey): string {
  const check = verifyHss(key, message, bytes);
  return check.good ? 'good' : check.why;
}

function altered(bytes: Buffer, at: number, value: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  value.copy(copy, at);
  return copy;
}

describe('LMS and HSS', function () {
  this.timeout(30_000);

  it('accepts RFC 8554, appendix F, test case 1, level by level and as a whole', () => {
    assert.deepEqual(verifyLms(rfc.publicKey.subarray(4), bytesSource(rfc.secondKey), rfc.firstSignature), {
      good: true,
    });
    assert.deepEqual(verifyLms(rfc.secondKey, message, rfc.secondSignature), { good: true });
    assert.equal(why(signature), 'good');
  });

  it('refuses it altered anywhere, shortened or grown', () => {
    for (let at = 0; at < signature.length; at += 131) {
      const flipped = altered(signature, at, Buffer.of((signature[at] ?? 0) ^ 1));
      assert.notEqual(why(flipped), 'good', `byte ${at}`);
    }
    for (const bytes of [0, 3, 4, 11, 12, 1291, signature.length - 1]) {
      assert.notEqual(why(signature.subarray(0, bytes)), 'good', `${bytes} bytes`);
    }
    assert.match(why(Buffer.concat([signature, Buffer.alloc(1)])), /2645 bytes, 2644 are due/);
  });

  it('says what is wrong', () => {
    const typeAt = 4 + 4 + 4 + 32 * 35;
    assert.match(why(altered(signature, 0, Buffer.of(0, 0, 0, 0))), /has 1296 bytes|are due|levels/);
    assert.match(why(altered(signature, 0, Buffer.of(0, 0, 0, 9))), /claims 9 signed keys/);
    assert.match(why(altered(signature, 4, Buffer.of(0, 0, 1, 0))), /leaf 256 is not in a tree of 2\^5/);
    assert.match(why(altered(signature, 8, Buffer.of(0, 0, 0, 77))), /LM-OTS type 77 is unknown/);
    assert.match(why(altered(signature, typeAt, Buffer.of(0, 0, 0, 99))), /LMS type 99 is unknown/);
    assert.match(
      why(signature, altered(rfc.publicKey, 0, Buffer.of(0, 0, 0, 3))),
      /has 2 levels, the key has 3/,
    );
    assert.match(why(signature, Buffer.alloc(60)), /no HSS public key/);
    assert.match(why(signature, altered(rfc.publicKey, 30, Buffer.of(0))), /level 1 of 2: .*another root/);
  });

  it('knows twenty trees and sixteen one-time signatures, with the sizes of their standards', () => {
    assert.equal(lmsSets.length, 20);
    assert.equal(lmOtsSets.length, 16);
    assert.deepEqual(
      lmOtsSets.map(({ type, p, ls }) => [type, p, ls]),
      [
        ...[1, 9].flatMap((type) => [
          [type, 265, 7],
          [type + 1, 133, 6],
          [type + 2, 67, 4],
          [type + 3, 34, 0],
        ]),
        ...[5, 13].flatMap((type) => [
          [type, 200, 8],
          [type + 1, 101, 6],
          [type + 2, 51, 4],
          [type + 3, 26, 0],
        ]),
      ].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)),
    );
    const [h5, w8] = [lmsSets[0], lmOtsSets[3]];
    assert.ok(h5 && w8);
    assert.equal(lmsSignatureBytes(h5, w8), rfc.firstSignature.length);
  });

  it('takes what a one-leaf key pair signs, in every family of hashes, and nothing else of it', () => {
    const random = (label: string, bytes: number): Buffer => Buffer.alloc(bytes, label);
    for (const ots of lmOtsSets.filter(({ w }) => w === 4)) {
      const set = lmsSets.find(({ family, m, h }) => family === ots.family && m === ots.n && h === 10);
      assert.ok(set);
      const { publicKey, signature: once } = signOnce(set, ots, 513, message, random);
      assert.deepEqual(verifyLms(publicKey, message, once), { good: true }, ots.name);
      const other = verifyLms(publicKey, bytesSource(Buffer.from('another message')), once);
      assert.match(other.good ? 'good' : other.why, /another root/, ots.name);
    }
  });

  it('never throws, whatever the bytes', () => {
    for (let length = 0; length < 80; length += 1) {
      const bytes = Buffer.alloc(length, length);
      assert.equal(verifyLms(bytes, message, bytes).good, false);
      assert.equal(verifyHss(bytes, message, bytes).good, false);
      assert.equal(readHssPublicKey(bytes), undefined);
      readHssSignature(bytes);
      readLmsSignature(bytes);
    }
  });
});
