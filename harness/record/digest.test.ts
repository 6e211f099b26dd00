import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { digestFile, digestTwiceHex, leafHash, merkleRoot } from './digest.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** RFC 9162, 2.1.1, written the way the document writes it. */
function recursiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Uint8Array.of(1), recursiveRoot(leaves.slice(0, k)), recursiveRoot(leaves.slice(k)));
}

describe('Digests', () => {
  it('are those of FIPS 180-4 for "abc"', () => {
    const abc = digestTwiceHex(Buffer.from('abc'));
    assert.equal(abc, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('give the known tree heads of certificate transparency (its reference test data)', () => {
    const inputs = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    const leaves = inputs.map((text) => leafHash(Buffer.from(text, 'hex')));
    assert.equal(
      hex(merkleRoot(leaves.slice(0, 1))),
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    assert.equal(hex(merkleRoot(leaves)), '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('build the tree of the recursive definition for every count up to 40', () => {
    const leaves = Array.from({ length: 40 }, (_, index) => leafHash(Uint8Array.of(index)));
    for (let count = 0; count <= 40; count += 1) {
      const some = leaves.slice(0, count);
      assert.equal(hex(merkleRoot(some)), hex(recursiveRoot(some)), `${count} leaves`);
    }
  });

  it('say how much of a file both implementations agree on', () => {
    const dir = mkdtempSync(join(tmpdir(), 'digest-'));
    try {
      const path = join(dir, 'image.bin');
      const bytes = Buffer.alloc(3_000_000, 7);
      writeFileSync(path, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      assert.deepEqual(digestFile(path), { sha256, crossCheckedBytes: 3_000_000 });
      assert.deepEqual(digestFile(path, 1000), { sha256, crossCheckedBytes: 1000 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
