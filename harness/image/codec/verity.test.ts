import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { hashTree } from '../formats/rauc/test/builder.ts';
import { overwrite, patched, PatchSet } from '../patch-set.ts';
import { checkVerity, updateVerity, verityLayout, verityLayoutOfWhole } from './verity.ts';

const salt = Buffer.alloc(32, 0xa5);

/** Zeros, with a word in the second block. */
function dataOf(blocks: number): Buffer {
  const data = Buffer.alloc(blocks * 4096);
  data.write('fieldproof', 5000);
  return data;
}

/** By veritysetup 2.6.1: format --no-superblock --hash sha256, blocks of 4096, over `dataOf` with `salt`. */
const made = [
  {
    blocks: 2,
    root: '75912e3f9d91d44034e4c6966816b572ff3823eec23172ba25f409f51a43a1a3',
    tree: 'c5e0d82883b6bbdbe679a8498a916b25bf6e89debe6a04ce8f4049e4cb31c2da',
    treeBytes: 4096,
  },
  {
    blocks: 129,
    root: 'b6919e93a50db51b9c5fda1c0e3ddf1733286bb1f8a30c9d6990da3884312bc4',
    tree: 'abed21a911254b440d06f699c07759366bdcb3047cfa82877ba48163a073d783',
    treeBytes: 12_288,
  },
  {
    blocks: 16_385,
    root: 'bb92f02a6d977c13785ae555300e3d8fb75761110494ca9075f6b977a6a7c555',
    tree: '157ac8690dc66019ba1347062c704ee080f2ed10f9e85b1fdbc7b88d4d62929a',
    treeBytes: 540_672,
  },
];

describe('hash tree of dm-verity', () => {
  for (const { blocks, root, tree, treeBytes } of made) {
    it(`finds no fault in what veritysetup makes over ${blocks} blocks, and every fault beside it`, () => {
      const data = dataOf(blocks);
      const whole = hashTree(data, salt);
      assert.equal(createHash('sha256').update(whole.tree).digest('hex'), tree, 'the tree is veritysetup’s');
      const layout = verityLayout(blocks);
      assert.equal(layout.treeBytes, treeBytes);
      const source = bytesSource(Buffer.concat([data, whole.tree]));
      assert.equal(checkVerity(source, layout, salt, Buffer.from(root, 'hex')), undefined);
      assert.equal(checkVerity(source, layout, salt, Buffer.alloc(32))?.kind, 'root');
      assert.equal(checkVerity(source, layout, Buffer.alloc(32), Buffer.from(root, 'hex'))?.kind, 'data');
    });
  }

  it('lays out levels from the top down, the digests of the data last', () => {
    const { levels } = verityLayout(129);
    assert.deepEqual(levels, [
      { start: 130 * 4096, blocks: 2, digests: 129 },
      { start: 129 * 4096, blocks: 1, digests: 2 },
    ]);
    assert.deepEqual(verityLayout(1), { dataBlocks: 1, levels: [], treeBytes: 0 });
    assert.equal(verityLayout(128).levels.length, 1);
    assert.equal(verityLayout(2 ** 33).levels.at(-1)?.start, 2 ** 45, 'beyond 32 bits');
  });

  it('finds data and tree by their size together, where there are such', () => {
    for (let blocks = 1; blocks < 20_000; blocks += 1) {
      const { treeBytes } = verityLayout(blocks);
      assert.equal(verityLayoutOfWhole(blocks + treeBytes / 4096)?.dataBlocks, blocks);
    }
    assert.equal(
      verityLayoutOfWhole(2),
      undefined,
      'one block of data has no tree, two have one of one block',
    );
    assert.equal(verityLayoutOfWhole(0), undefined);
  });

  it('sees any bit of data or tree that is flipped', () => {
    const data = dataOf(130);
    const { tree, root } = hashTree(data, salt);
    const bytes = Buffer.concat([data, tree]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        const fault = checkVerity(bytesSource(altered), verityLayout(130), salt, root);
        assert.ok(fault, `bit ${bit} at ${at}`);
        if (at < data.length)
          assert.match(fault.detail, new RegExp(`^block ${Math.floor(at / 4096)} of 130`));
      }),
      { numRuns: 60 },
    );
  });

  it('tells data, each level and the root apart', () => {
    const data = dataOf(130);
    const { tree, root } = hashTree(data, salt);
    const bytes = Buffer.concat([data, tree]);
    const layout = verityLayout(130);
    const [lowest, highest] = layout.levels;
    assert.ok(lowest && highest);
    const kindAt = (at: number): string | undefined => {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      return checkVerity(bytesSource(altered), layout, salt, root)?.kind;
    };
    assert.equal(kindAt(0), 'data');
    assert.equal(kindAt(lowest.start), 'data', 'the digest of the first block');
    assert.equal(kindAt(lowest.start + 130 * 32), 'tree', 'behind the last digest of data');
    assert.equal(kindAt(highest.start), 'tree', 'the digest of the first hash block');
    assert.equal(kindAt(highest.start + 2 * 32), 'tree', 'behind the digests of hash blocks');
  });

  it('recomputes what a change of data makes of the tree, as a tree made anew has it', () => {
    const data = dataOf(300);
    const { tree } = hashTree(data, salt);
    const base = bytesSource(Buffer.concat([data, tree]));
    const layout = verityLayout(300);
    fc.assert(
      fc.property(
        fc.nat(data.length - 10_000),
        fc.uint8Array({ minLength: 1, maxLength: 9000 }),
        (at, bytes) => {
          const change = overwrite(at, bytes);
          const altered = patched(base, new PatchSet(base.size, [change]));
          const { digests, root } = updateVerity(altered, layout, salt, {
            start: at,
            end: at + bytes.length,
          });
          const anew = Buffer.from(data);
          anew.set(bytes, at);
          const wanted = hashTree(anew, salt);
          assert.deepEqual(root, wanted.root);
          const patches = [change, ...digests.map(({ at: where, digest }) => overwrite(where, digest))];
          const repaired = patched(base, new PatchSet(base.size, patches));
          assert.equal(checkVerity(repaired, layout, salt, wanted.root), undefined);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('hashes the data of a base once, however many images are made of it', () => {
    const data = dataOf(256);
    const { tree, root } = hashTree(data, salt);
    const bytes = Buffer.concat([data, tree]);
    let bytesRead = 0;
    const plain = bytesSource(bytes);
    const base = {
      ...plain,
      readInto(target: Uint8Array, start: number) {
        bytesRead += target.length;
        return plain.readInto(target, start);
      },
    };
    const layout = verityLayout(256);
    assert.equal(checkVerity(base, layout, salt, root), undefined);
    const once = bytesRead;
    const change = overwrite(data.length - 1, Buffer.of(1));
    const altered = patched(base, new PatchSet(base.size, [change]));
    assert.equal(checkVerity(altered, layout, salt, root)?.kind, 'data');
    assert.ok(bytesRead - once < data.length * 0.6, `${bytesRead - once} bytes read again`);
  });
});
