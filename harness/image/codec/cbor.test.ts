import assert from 'node:assert/strict';
import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { counting } from '../test/contract.ts';
import {
  cborBytes,
  cborEntries,
  cborHead,
  cborInt,
  cborText,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
  encodeCborTag,
  encodeCborText,
  harmlessCbor,
  scanCbor,
  type CborItem,
} from './cbor.ts';

/** What a scanned item means, in the terms of the library. */
function valueOf(bytes: Uint8Array, item: CborItem): unknown {
  const source = bytesSource(bytes);
  switch (item.major) {
    case 0:
    case 1: {
      const number = cborInt(item) ?? 0n;
      return number >= Number.MIN_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
    }
    case 2:
      return Uint8Array.from(cborBytes(source, item) ?? []);
    case 3:
      return cborText(source, item);
    case 4:
      return item.children.map((child) => valueOf(bytes, child));
    case 5:
      return new Map(cborEntries(item).map(({ key, value }) => [valueOf(bytes, key), valueOf(bytes, value)]));
    default:
      return { 20: false, 21: true, 22: null }[Number(item.argument)];
  }
}

const strict = { strict: true, allowIndefinite: false, useMaps: true, rejectDuplicateMapKeys: true } as const;

function decoded(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: decode(bytes, strict) };
  } catch {
    return undefined;
  }
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const scan = (bytes: Uint8Array): ReturnType<typeof scanCbor> => scanCbor(bytesSource(bytes));
const codes = (bytes: Uint8Array): string[] => scan(bytes).issues.map(({ code }) => code);

const { any } = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer(),
    fc
      .bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n })
      .map((value) =>
        value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value,
      ),
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(true, false, null),
    fc.array(tie('any'), { maxLength: 30 }),
    fc
      .uniqueArray(fc.tuple(fc.integer(), tie('any')), { maxLength: 30, selector: ([key]) => key })
      .map((entries) => new Map(entries)),
  ),
}));

describe('CBOR scanner', () => {
  it('reads what a library wrote, to the same values and the last byte', () => {
    fc.assert(
      fc.property(any, (value) => {
        const bytes = encode(value);
        const { item, issues } = scan(bytes);
        assert.ok(item?.complete);
        assert.equal(item.end, bytes.length);
        // Libraries sort keys by length first (RFC 7049, 3.9).
        assert.deepEqual(
          issues.filter(({ code }) => code !== 'cbor-key-order'),
          [],
        );
        assert.deepEqual(valueOf(bytes, item), value);
      }),
      { numRuns: 300 },
    );
  });

  it('says of any bytes what a strict library says', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .array(
          fc.constantFrom(
            0x00,
            0x01,
            0x18,
            0x20,
            0x40,
            0x41,
            0x58,
            0x61,
            0x80,
            0x82,
            0xa1,
            0xf6,
            0x5f,
            0xff,
            0x9f,
          ),
        )
        .map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(some, (bytes) => {
        const { item, issues } = scan(bytes);
        const fine = item?.complete === true && item.end === bytes.length;
        const clean = issues.every(({ code }) => code === 'cbor-key-order');
        const library = decoded(bytes);
        if (library !== undefined) assert.ok(fine && clean, JSON.stringify(issues));
        if (!fine || !clean || hasOther(item)) return;
        assert.ok(library, `the library refuses ${Buffer.from(bytes).toString('hex')}`);
        assert.deepEqual(valueOf(bytes, item), library.value);
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps the place of every head and value', () => {
    const bytes = hex('d86ba2024341aabb03820118ff');
    const { item } = scan(bytes);
    const [map] = item?.children ?? [];
    assert.deepEqual([item?.major, item?.argument, item?.headEnd], [6, 107n, 2]);
    const [first, second] = cborEntries(map);
    assert.deepEqual(
      [first?.key.start, first?.value.start, first?.value.headEnd, first?.value.end],
      [3, 4, 5, 8],
    );
    assert.deepEqual([second?.value.start, second?.value.headEnd, second?.value.end], [9, 10, 13]);
    assert.equal(cborInt(second?.value.children[1]), 255n);
  });

  it('says which heads are longer than they need be, indefinite, out of order or there twice', () => {
    assert.deepEqual(codes(hex('1817')), ['cbor-long-head']);
    assert.deepEqual(codes(hex('1818')), []);
    assert.deepEqual(codes(hex('590001aa')), ['cbor-long-head']);
    assert.deepEqual(codes(hex('1b00000000ffffffff')), ['cbor-long-head']);
    assert.deepEqual(codes(hex('9f01ff')), ['cbor-indefinite']);
    assert.deepEqual(codes(hex('5f41014102ff')), ['cbor-indefinite']);
    assert.deepEqual(codes(hex('a202000100')), ['cbor-key-order']);
    assert.deepEqual(codes(hex('a201000100')), ['cbor-duplicate-key']);
    for (const code of ['cbor-long-head', 'cbor-indefinite', 'cbor-key-order', 'cbor-duplicate-key']) {
      assert.ok(harmlessCbor.has(code));
    }
    const joined = scan(hex('5f41014102ff')).item;
    assert.deepEqual(cborBytes(bytesSource(hex('5f41014102ff')), joined), hex('0102'));
  });

  it('says what is no CBOR', () => {
    const cases: [bytes: string, code: string][] = [
      ['', 'cbor-truncated'],
      ['19ff', 'cbor-truncated'],
      ['4401', 'cbor-truncated'],
      ['8201', 'cbor-truncated'],
      ['9f01', 'cbor-truncated'],
      ['5bffffffffffffffff00', 'cbor-truncated'],
      ['9bffffffffffffffff00', 'cbor-truncated'],
      ['1c', 'cbor-head'],
      ['1f', 'cbor-head'],
      ['df00', 'cbor-head'],
      ['f818', 'cbor-head'],
      ['ff', 'cbor-break'],
      ['81ff', 'cbor-break'],
      ['bf01ff', 'cbor-map'],
      ['5f00ff', 'cbor-chunk'],
      ['5f5f4100ffff', 'cbor-chunk'],
    ];
    for (const [bytes, code] of cases) {
      assert.ok(codes(hex(bytes)).includes(code), `${bytes}: ${codes(hex(bytes)).join(' ')}`);
      assert.equal(harmlessCbor.has(code), false);
    }
  });

  it('stops at its limits, whatever the bytes say', () => {
    const deep = Buffer.alloc(100_000, 0x81);
    assert.ok(codes(deep).includes('cbor-depth'));
    const source = counting(Buffer.concat([cborHead(4, 1_000_000), Buffer.alloc(1_000_000)]));
    const { item, issues } = scanCbor(source);
    assert.deepEqual(
      issues.map(({ code }) => code),
      ['cbor-too-many'],
    );
    assert.equal(item?.complete, false);
    assert.ok(source.reads < 20_010, `${source.reads} reads`);
    assert.deepEqual(scanCbor(source, {}, { items: 5 }).item?.children.length, 4);
  });

  it('encodes the shortest heads, or the width that is wanted', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }), (value) => {
        assert.deepEqual(encodeCborInt(value), Buffer.from(encode(value)));
      }),
    );
    assert.deepEqual(encodeCborText('é'), hex('62c3a9'));
    assert.deepEqual(encodeCborBytes(hex('01'), hex('02')), hex('420102'));
    assert.deepEqual(
      encodeCborTag(107, encodeCborMap([encodeCborInt(2), encodeCborArray()])),
      hex('d86ba10280'),
    );
    assert.deepEqual(cborHead(2, 3, 1), hex('5803'));
    assert.deepEqual(cborHead(2, 3, 8), hex('5b0000000000000003'));
  });
});

/** Tags, floats and simple values, which the comparison leaves out; strings that are no UTF-8. */
function hasOther(item: CborItem): boolean {
  const named = item.argument >= 20n && item.argument <= 22n && item.headEnd === item.start + 1;
  return item.major === 6 || (item.major === 7 && !named) || item.major === 3 || item.children.some(hasOther);
}
