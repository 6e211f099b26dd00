import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource, joined, materialise, sameBytes, slice, type ByteSource } from './byte-source.ts';
import { digestOf, type DigestAlgorithm } from './digest.ts';
import { mapped, overwrite, patched, PatchSet, type Insert, type Patch } from './patch-set.ts';
import { counting } from './test/contract.ts';

/** Sources of every make, several deep, over one small base. */
const bases = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes): ByteSource => bytesSource(bytes));
const sources = bases.chain((base) =>
  fc
    .array(fc.tuple(fc.constantFrom('slice', 'join', 'patch'), fc.nat(80), fc.nat(80), fc.nat(255)), {
      maxLength: 5,
    })
    .map((steps) =>
      steps.reduce<ByteSource[]>(
        (made, [kind, a, b, byte]) => {
          const last = made.at(-1) ?? base;
          const [start, end] = [Math.min(a, b, last.size), Math.min(Math.max(a, b), last.size)];
          if (kind === 'slice') return [...made, slice(last, start, end)];
          if (kind === 'join') return [...made, joined([last, made[a % made.length] ?? base])];
          const insert: Insert[] = [
            { kind: 'fill', byte, count: a % 5 },
            { kind: 'copy', start, end },
            { kind: 'bytes', bytes: Uint8Array.of(byte, a) },
          ];
          const patch: Patch = { at: start, remove: end - start, insert };
          return [...made, patched(last, new PatchSet(last.size, [patch]))];
        },
        [base],
      ),
    ),
);
const algorithms = fc.constantFrom<DigestAlgorithm>('sha1', 'sha256', 'sha384', 'sha512');

describe('digests', () => {
  it('are those of the bytes, whatever was hashed before and however the source is made', () => {
    fc.assert(
      fc.property(
        sources,
        fc.array(fc.tuple(fc.nat(4), fc.nat(150), fc.nat(150), algorithms), { minLength: 1, maxLength: 12 }),
        (made, questions) => {
          for (const [which, a, b, algorithm] of questions) {
            const source = made[which % made.length];
            assert.ok(source);
            const [start, end] = [Math.min(a, b), Math.max(a, b)];
            const bytes = materialise(source).subarray(start, end);
            const wanted = createHash(algorithm).update(bytes).digest('hex');
            assert.equal(digestOf(source, algorithm, { start, end }).toString('hex'), wanted);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('hash a byte once: of the base, of what differs late, and of two that begin alike', () => {
    const megabytes = 40;
    const base = counting(Buffer.alloc(megabytes * 1024 * 1024, 3));
    const bytesOf = (source: ByteSource): number => {
      const before = base.bytesRead;
      digestOf(source);
      return (base.bytesRead - before) / 1024 / 1024;
    };
    const altered = (...patches: Patch[]): ByteSource => patched(base, new PatchSet(base.size, patches));
    assert.equal(bytesOf(base), megabytes);
    assert.equal(bytesOf(base), 0);
    assert.ok(bytesOf(altered(overwrite(base.size - 5, Buffer.of(9)))) <= 8);
    assert.ok(bytesOf(slice(base, 0, base.size - 1)) <= 8);
    const early = overwrite(1, Buffer.of(9));
    assert.ok(bytesOf(altered(early)) >= megabytes - 1, 'an early change is hashed to its end');
    const late = overwrite(base.size - 5, Buffer.of(7));
    assert.ok(bytesOf(altered(early, late)) <= 8, 'and once only, when the end differs too');
  });

  it('of two sources with equal sizes and other bytes differ', () => {
    const [one, other] = [bytesSource(Buffer.from('one')), bytesSource(Buffer.from('two'))];
    assert.notDeepEqual(digestOf(one), digestOf(other));
  });
});

describe('sources made of others', () => {
  it('are compared by their bytes', () => {
    fc.assert(
      fc.property(sources, sources, (some, others) => {
        for (const a of some) {
          for (const b of others) {
            const same = Buffer.compare(materialise(a), materialise(b)) === 0;
            assert.equal(sameBytes(a, b), same);
            assert.ok(sameBytes(a, bytesSource(materialise(a))));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('say where a place of the base went', () => {
    const set = new PatchSet(10, [
      { at: 2, remove: 0, insert: [{ kind: 'fill', byte: 1, count: 3 }] },
      { at: 4, remove: 2, insert: [{ kind: 'fill', byte: 1, count: 1 }] },
      { at: 8, remove: 1, insert: [] },
    ]);
    assert.deepEqual(
      [0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => mapped(set, at)),
      [0, 1, 5, 7, 8, 8, 10, 10, 11],
    );
  });
});
