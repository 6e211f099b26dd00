import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BenchError, EvidenceError } from '../errors.ts';
import { bytesSource, chunks, fileSource, materialise } from './byte-source.ts';
import { digestOf } from './digest.ts';
import {
  cut,
  insertBytes,
  overwrite,
  patched,
  patchesFromRecord,
  patchesToRecord,
  PatchSet,
  type Insert,
  type Patch,
} from './patch-set.ts';

const base = Buffer.from('0123456789');
const apply = (...patches: Patch[]): string =>
  String(Buffer.from(materialise(patched(bytesSource(base), new PatchSet(base.length, patches)))));

/** A base and patches that fit it. */
const bases = fc.uint8Array({ maxLength: 200 });
const basesWithPatches = bases.chain((bytes) => {
  const cuts = fc.uniqueArray(fc.nat(bytes.length), { maxLength: 8 }).map((all) => all.sort((a, b) => a - b));
  const insert: fc.Arbitrary<Insert> = fc.oneof(
    fc.uint8Array({ maxLength: 9 }).map((inserted): Insert => ({ kind: 'bytes', bytes: inserted })),
    fc
      .tuple(fc.nat(bytes.length), fc.nat(bytes.length))
      .map(([a, b]): Insert => ({ kind: 'copy', start: Math.min(a, b), end: Math.max(a, b) })),
    fc.record({ byte: fc.nat(255), count: fc.nat(9) }).map((fill): Insert => ({ kind: 'fill', ...fill })),
  );
  return cuts.chain((at) =>
    fc
      .array(fc.tuple(fc.nat(200), fc.array(insert, { maxLength: 3 })), {
        minLength: at.length,
        maxLength: at.length,
      })
      .map((rest) => ({
        bytes,
        patches: at.map((position, index): Patch => {
          const room = (at[index + 1] ?? bytes.length) - position;
          const [wanted, inserts] = rest[index] ?? [0, []];
          return { at: position, remove: Math.min(wanted, room), insert: inserts };
        }),
      })),
  );
});

/** The plain way: one buffer after another. */
function naive(bytes: Uint8Array, patches: readonly Patch[]): Buffer {
  const out: Uint8Array[] = [];
  let at = 0;
  for (const patch of patches) {
    out.push(bytes.subarray(at, patch.at));
    for (const part of patch.insert) {
      if (part.kind === 'bytes') out.push(part.bytes);
      else if (part.kind === 'copy') out.push(bytes.subarray(part.start, part.end));
      else if (part.kind === 'second') out.push(part.source.read(part.start, part.end));
      else out.push(Buffer.alloc(part.count, part.byte));
    }
    at = patch.at + patch.remove;
  }
  return Buffer.concat([...out, bytes.subarray(at)]);
}

describe('patch set', () => {
  it('overwrites, inserts, cuts, copies and fills in coordinates of the base', () => {
    assert.equal(apply(overwrite(2, Buffer.from('ab'))), '01ab456789');
    assert.equal(apply(insertBytes(0, Buffer.from('<')), insertBytes(10, Buffer.from('>'))), '<0123456789>');
    assert.equal(apply(cut(0, 3), cut(8, 2)), '34567');
    assert.equal(
      apply({
        at: 5,
        remove: 1,
        insert: [
          { kind: 'copy', start: 8, end: 10 },
          { kind: 'fill', byte: 0x2a, count: 3 },
        ],
      }),
      '0123489***6789',
    );
  });

  it('takes patches in any order, and refuses those that meet or lie outside', () => {
    assert.equal(apply(cut(8, 2), cut(0, 3)), '34567');
    const refused: Patch[][] = [
      [cut(0, 3), cut(2, 1)],
      [insertBytes(4, base), insertBytes(4, base)],
      [cut(9, 2)],
      [cut(-1, 1)],
      [cut(0.5, 1)],
      [{ at: 0, remove: 0, insert: [{ kind: 'copy', start: 5, end: 11 }] }],
      [{ at: 0, remove: 0, insert: [{ kind: 'fill', byte: 256, count: 1 }] }],
    ];
    for (const patches of refused) {
      assert.throws(() => apply(...patches), BenchError, JSON.stringify(patches));
    }
    assert.throws(() => patched(bytesSource(base), new PatchSet(9, [])), { code: 'wrong-base' });
  });

  it('is the identity when empty', () => {
    fc.assert(
      fc.property(bases, (bytes) => {
        const set = new PatchSet(bytes.length, []);
        assert.ok(set.empty);
        assert.deepEqual(materialise(patched(bytesSource(bytes), set)), Uint8Array.from(bytes));
      }),
    );
  });

  it('gives the same bytes materialised, streamed, in any window, and from its record', () => {
    fc.assert(
      fc.property(
        basesWithPatches,
        fc.integer({ min: 1, max: 40 }),
        fc.nat(250),
        fc.nat(250),
        (made, step, a, b) => {
          const wanted = naive(made.bytes, made.patches);
          const set = new PatchSet(made.bytes.length, made.patches);
          const source = patched(bytesSource(made.bytes), set);
          assert.equal(source.size, wanted.length);
          assert.deepEqual(Buffer.from(materialise(source)), wanted);
          assert.deepEqual(Buffer.concat([...chunks(source, {}, step)]), wanted);
          assert.deepEqual(
            Buffer.from(source.read(a, b)),
            wanted.subarray(Math.min(a, wanted.length), Math.max(a, b)),
          );
          const again = patchesFromRecord(
            made.bytes.length,
            JSON.parse(JSON.stringify(patchesToRecord(set))) as ReturnType<typeof patchesToRecord>,
          );
          assert.deepEqual(Buffer.from(materialise(patched(bytesSource(made.bytes), again))), wanted);
        },
      ),
    );
  });

  it('makes an image beyond 4 GiB without its bytes', () => {
    const huge = patched(
      bytesSource(base),
      new PatchSet(10, [{ at: 5, remove: 0, insert: [{ kind: 'fill', byte: 0x61, count: 5 * 2 ** 30 }] }]),
    );
    assert.equal(huge.size, 10 + 5 * 2 ** 30);
    assert.equal(String(Buffer.from(huge.read(huge.size - 7, huge.size))), 'aa56789');
  });
});

describe('byte source', () => {
  it('reads a file as needed, and says when it shrinks or is missing', () => {
    const dir = mkdtempSync(join(tmpdir(), 'byte-source-'));
    try {
      const path = join(dir, 'image.bin');
      writeFileSync(path, base);
      const file = fileSource(path);
      try {
        assert.equal(String(Buffer.from(file.read(3, 5))), '34');
        assert.equal(file.read(8, 99).length, 2);
        assert.equal(file.read(-5, -1).length, 0);
        assert.equal(digestOf(file).toString('hex'), digestOf(bytesSource(base)).toString('hex'));
        truncateSync(path, 4);
        assert.throws(() => file.read(0, 10), EvidenceError);
      } finally {
        file.close();
      }
      assert.throws(() => fileSource(join(dir, 'none')), EvidenceError);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
