/** What every image format must keep, whatever it looks like inside. One suite, called from each format's tests. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { bytesSource, materialise, type ByteSource } from '../byte-source.ts';
import type { ImageFormat } from '../format.ts';
import { attackSet } from '../generate.ts';
import type { ParsedImage } from '../image.ts';
import { attackKinds } from '../mutation.ts';
import { rebuildAttack } from '../provenance.ts';
import { formatOf } from '../recognise.ts';
import type { Sample } from './sample.ts';

const seed = Buffer.alloc(32, 7);

/** Regions tile the file: in order, without gap, overlap or repeated name. */
export function assertTiles(image: ParsedImage): void {
  let at = 0;
  for (const { name, start, end } of image.regions) {
    assert.equal(start, at, `${name} starts where the one before ends`);
    assert.ok(end > start, `${name} is not empty`);
    at = end;
  }
  assert.equal(at, image.size, 'the last region ends with the file');
  assert.equal(new Set(image.regions.map(({ name }) => name)).size, image.regions.length, 'names are unique');
  for (const { at: where, code } of image.issues) {
    assert.ok(where >= 0 && Number.isSafeInteger(where), `issue ${code} at ${where}`);
  }
}

/** Counts what is read of it, so that "bounded" means something. */
export function counting(bytes: Uint8Array): ByteSource & { reads: number; bytesRead: number } {
  const source = bytesSource(bytes);
  const counted = {
    size: source.size,
    reads: 0,
    bytesRead: 0,
    read(start: number, end: number) {
      const read = source.read(start, end);
      counted.reads += 1;
      counted.bytesRead += read.length;
      return read;
    },
    readInto(target: Uint8Array, start: number) {
      const bytesRead = source.readInto(target, start);
      counted.reads += 1;
      counted.bytesRead += bytesRead;
      return bytesRead;
    },
  };
  return counted;
}

/** Parsing and verifying may read so much of a file of so many bytes, however hostile. */
export function readingLimit(size: number): { reads: number; bytes: number } {
  return { reads: 4000 + 4 * size, bytes: 1_000_000 + 64 * size };
}

/**
 * Whatever the bytes: a parsed result that tiles, facts and a verdict, with bounded reading; and what the reference
 * verifier accepts executes the bytes of the sample. Throws when not.
 */
export function assertTolerant(format: ImageFormat, sample: Sample, bytes: Uint8Array): void {
  const source = counting(bytes);
  format.claims(source);
  const image = format.parse(source);
  assertTiles(image);
  format.facts(source, image);
  const executed = format.executedDigest(source, image);
  const verdict = verifierFor(format, sample)(source);
  const limit = readingLimit(bytes.length);
  assert.ok(source.reads <= limit.reads, `${source.reads} reads of ${bytes.length} bytes`);
  assert.ok(source.bytesRead <= limit.bytes, `${source.bytesRead} bytes read of ${bytes.length}`);
  if (!verdict.accepted) return;
  const genuine = bytesSource(sample.bytes);
  const wanted = format.executedDigest(genuine, format.parse(genuine));
  assert.equal(executed, wanted, 'accepted, and executes other bytes');
}

export function verifierFor(format: ImageFormat, sample: Sample): ReturnType<ImageFormat['verifier']> {
  return format.verifier({
    keys: sample.keys,
    ...(sample.crls === undefined ? {} : { crls: sample.crls }),
    genuine: sample.keys.length === 0 ? [bytesSource(sample.bytes)] : [],
    policy: sample.policy ?? {},
  });
}

function attacksOf(format: ImageFormat, sample: Sample): ReturnType<typeof attackSet> {
  return attackSet(
    { name: 'golden.bin', source: bytesSource(sample.bytes) },
    {
      seed,
      format,
      trustedKeys: sample.keys,
      ...(sample.crls === undefined ? {} : { crls: sample.crls }),
      ...(sample.second === undefined
        ? {}
        : { second: { name: 'older.bin', source: bytesSource(sample.second) } }),
      ...(sample.testKey === undefined ? {} : { testKey: sample.testKey }),
      ...(sample.policy === undefined ? {} : { policy: sample.policy }),
    },
  );
}

/**
 * @param format under test
 * @param samples made once, before the tests; each must be genuine
 * @param options `recognised` false for formats that are chosen, not recognised by content
 */
export function imageFormatContract(
  format: ImageFormat,
  samples: () => Promise<readonly Sample[]> | readonly Sample[],
  options: { recognised?: boolean } = {},
): void {
  describe(`${format.title}: the contract of image formats`, function () {
    this.timeout(120_000);
    let all: readonly Sample[] = [];
    before(async () => {
      all = await samples();
      assert.ok(all.length > 0);
    });

    it('describes every attack', () => {
      const ids = format.mutations.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'ids are unique');
      for (const mutation of format.mutations) {
        assert.match(mutation.id, new RegExp(`^${format.name}-[a-z0-9-]+$`));
        assert.ok(mutation.name.length > 5 && mutation.rationale.length > 20, mutation.id);
        assert.ok(mutation.references.length > 0, `${mutation.id} says where it comes from`);
        assert.ok(attackKinds.includes(mutation.kind), mutation.id);
      }
    });

    it('recognises its images, names every byte of them without an issue, and verifies them', () => {
      for (const sample of all) {
        const source = bytesSource(sample.bytes);
        if (options.recognised !== false) assert.equal(formatOf(source)?.name, format.name, sample.name);
        const image = format.parse(source);
        assertTiles(image);
        assert.deepEqual(image.issues, [], sample.name);
        assert.deepEqual(verifierFor(format, sample)(source), { accepted: true }, sample.name);
        const genuineOnly = verifierFor(format, { ...sample, keys: [] });
        assert.deepEqual(genuineOnly(source), { accepted: true }, `${sample.name}, without keys`);
      }
    });

    it('makes every attack that applies, each as its expectation says, and each again from its record', () => {
      const made = new Set<string>();
      for (const sample of all) {
        const base = { name: 'golden.bin', source: bytesSource(sample.bytes) };
        const { images, notApplicable } = attacksOf(format, sample);
        assert.equal(images.length + notApplicable.length, format.mutations.length);
        for (const { mutation, source, sha256, provenance } of images) {
          made.add(mutation.id);
          const bytes = materialise(source);
          assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, mutation.id);
          const record = JSON.parse(JSON.stringify(provenance)) as typeof provenance;
          const { second } = sample;
          const other = second && { name: 'older.bin', source: bytesSource(second) };
          assert.equal(rebuildAttack(base, record, other).sha256, sha256, mutation.id);
        }
      }
      const never = format.mutations
        .filter(({ id, huge }) => huge !== true && !made.has(id))
        .map(({ id }) => id);
      assert.deepEqual(never, [], 'attacks for which no sample is good');
    });

    it('gives something for any beginning of an image', () => {
      for (const sample of all) {
        const { length } = sample.bytes;
        const ends = new Set([...Array(Math.min(length, 600)).keys()]);
        for (let i = 0; i < 200; i += 1) ends.add(Math.floor((length * i) / 200));
        for (const end of ends) {
          assertTolerant(format, sample, sample.bytes.subarray(0, end));
        }
      }
    });

    it('gives something for any change of bits, lengths and pieces', () => {
      for (const sample of all) {
        fc.assert(
          fc.property(damage(sample.bytes), (bytes) => assertTolerant(format, sample, bytes)),
          { numRuns: 150 },
        );
      }
    });

    it('gives something for anything', () => {
      const [sample] = all;
      assert.ok(sample);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assertTolerant(format, sample, bytes)),
        { numRuns: 150 },
      );
    });
  });
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** The image with some numbers overwritten, pieces moved, and cut or grown. */
export function damage(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(Math.max(0, bytes.length - 1));
  const change = fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at, value: fc.nat(7) }),
    fc.record({ kind: fc.constant('u8' as const), at, value: fc.constantFrom(...interesting) }),
    fc.record({ kind: fc.constant('u16' as const), at, value: fc.constantFrom(...interesting) }),
    fc.record({ kind: fc.constant('u32' as const), at, value: fc.constantFrom(...interesting) }),
    fc.record({ kind: fc.constant('u32le' as const), at, value: fc.constantFrom(...interesting) }),
    fc.record({ kind: fc.constant('remove' as const), at, value: fc.nat(64) }),
    fc.record({ kind: fc.constant('repeat' as const), at, value: fc.nat(300) }),
  );
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let damaged = Buffer.from(bytes);
    for (const { kind, at: wanted, value } of changes) {
      const where = Math.min(wanted, damaged.length);
      const room = damaged.length - where;
      if (kind === 'bit' && room >= 1) damaged[where] = (damaged[where] ?? 0) ^ (1 << value);
      if (kind === 'u8' && room >= 1) damaged[where] = value & 0xff;
      if (kind === 'u16' && room >= 2) damaged.writeUInt16BE(value & 0xffff, where);
      if (kind === 'u32' && room >= 4) damaged.writeUInt32BE(value, where);
      if (kind === 'u32le' && room >= 4) damaged.writeUInt32LE(value, where);
      if (kind === 'remove') damaged = without(damaged, where, value);
      if (kind === 'repeat') damaged = repeated(damaged, where, value);
    }
    return damaged;
  });
}

function without(bytes: Buffer, at: number, count: number): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
}

function repeated(bytes: Buffer, at: number, count: number): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, at + count), bytes.subarray(at)]);
}
