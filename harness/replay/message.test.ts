import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BoardFileError, DriverError, FrameError } from '../errors.ts';
import { buildMessage, messageBytes, parseMessage, type FieldType, type MessageLayout } from './message.ts';

/** The command message of the simulated gateway (boards/simulated/README.md). */
const command: MessageLayout = {
  fields: [
    { name: 'counter', type: 'u32' },
    { name: 'timestamp', type: 'u64' },
    { name: 'code', type: 'u16' },
    { name: 'value', type: 'i16' },
  ],
  mac: { algorithm: 'hmac-sha256', bytes: 16 },
  byteOrder: 'big',
};
const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const values = { counter: 7, timestamp: 1_700_000_000_123n, code: 1, value: -5 };
/** Made with Python 3 (struct.pack('>IQHh', …)); MAC by openssl dgst -sha256 -mac hmac, leftmost half. */
const wanted = '000000070000018bcfe5687b0001fffb' + 'fa79789ac4cf4b2ee645c6bdb1ae612a';

const ranges: Record<FieldType, [least: bigint, most: bigint]> = {
  u8: [0n, 255n],
  u16: [0n, 65_535n],
  u32: [0n, 4_294_967_295n],
  u64: [0n, 18_446_744_073_709_551_615n],
  i8: [-128n, 127n],
  i16: [-32_768n, 32_767n],
  i32: [-2_147_483_648n, 2_147_483_647n],
  i64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};
const types = Object.keys(ranges) as FieldType[];

describe('authenticated messages', () => {
  it('have the bytes that other tools compute', () => {
    const bytes = buildMessage(command, values, key);
    assert.equal(Buffer.from(bytes).toString('hex'), wanted);
    assert.equal(messageBytes(command), 32);
  });

  it('take numbers for 64-bit fields too', () => {
    assert.deepEqual(
      buildMessage(command, { ...values, timestamp: 1_700_000_000_123 }, key),
      buildMessage(command, values, key),
    );
  });

  it('come back as they were built, in both byte orders, and no flipped bit passes the MAC', () => {
    const built = fc
      .array(
        fc
          .constantFrom(...types)
          .chain((type) => fc.bigInt(...ranges[type]).map((value) => ({ type, value }))),
        {
          minLength: 1,
          maxLength: 8,
        },
      )
      .map((fields) => ({
        fields: fields.map(({ type }, index) => ({ name: `f${index}`, type })),
        values: Object.fromEntries(fields.map(({ value }, index) => [`f${index}`, value])),
      }));
    fc.assert(
      fc.property(
        built,
        fc.constantFrom('big' as const, 'little' as const),
        fc.nat(),
        (made, byteOrder, flip) => {
          const layout: MessageLayout = {
            fields: made.fields,
            byteOrder,
            mac: { algorithm: 'hmac-sha256', bytes: 16 },
          };
          const bytes = buildMessage(layout, made.values, key);
          const parsed = parseMessage(layout, bytes, key);
          assert.ok(parsed.macValid);
          for (const [name, value] of Object.entries(made.values))
            assert.equal(BigInt(parsed.values[name] ?? -1), value);
          const bit = flip % (bytes.length * 8);
          const altered = Uint8Array.from(bytes);
          altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          assert.equal(parseMessage(layout, altered, key).macValid, false);
        },
      ),
    );
  });

  it('have little-endian fields where declared', () => {
    const layout: MessageLayout = {
      fields: [
        { name: 'a', type: 'u16' },
        { name: 'b', type: 'i32' },
      ],
      byteOrder: 'little',
    };
    assert.equal(
      Buffer.from(buildMessage(layout, { a: 0x1234, b: -2 }, key)).toString('hex'),
      '3412feffffff',
    );
    const { values: read, macValid } = parseMessage(layout, Buffer.from('3412feffffff', 'hex'), key);
    assert.deepEqual(read, { a: 0x1234, b: -2 });
    assert.equal(macValid, true, 'without a MAC nothing can be wrong');
  });

  it('refuse values outside their field, saying what it holds', () => {
    for (const type of types) {
      const layout: MessageLayout = { fields: [{ name: 'x', type }], byteOrder: 'big' };
      const [least, most] = ranges[type];
      buildMessage(layout, { x: least }, key);
      buildMessage(layout, { x: most }, key);
      for (const value of [least - 1n, most + 1n]) {
        assert.throws(
          () => buildMessage(layout, { x: value }, key),
          (error: unknown) => {
            assert.ok(error instanceof DriverError);
            assert.equal(error.message, `message: x is ${value}; a ${type} holds ${least} to ${most}`);
            return true;
          },
        );
      }
    }
    for (const value of [1.5, NaN, Infinity, 2 ** 53]) {
      assert.throws(() => buildMessage(command, { ...values, timestamp: value }, key), {
        code: 'not-an-integer',
      });
    }
  });

  it('refuse missing and unknown values, other lengths and senseless layouts', () => {
    const { code: _code, ...incomplete } = values;
    assert.throws(() => buildMessage(command, incomplete, key), { code: 'missing-field' });
    assert.throws(() => buildMessage(command, { ...values, Counter: 1 }, key), { code: 'unknown-field' });
    for (const length of [0, 31, 33]) {
      assert.throws(() => parseMessage(command, Buffer.alloc(length), key), FrameError);
    }
    const layouts: MessageLayout[] = [
      { ...command, fields: [] },
      { ...command, fields: [...command.fields, { name: 'code', type: 'u8' }] },
      { ...command, fields: [{ name: 'x', type: 'u24' as FieldType }] },
      { ...command, mac: { algorithm: 'hmac-sha256', bytes: 33 } },
      { ...command, mac: { algorithm: 'hmac-sha256', bytes: 0 } },
      { ...command, mac: { algorithm: 'md5' as 'hmac-sha256', bytes: 8 } },
    ];
    for (const layout of layouts) {
      assert.throws(() => messageBytes(layout), BoardFileError, JSON.stringify(layout));
    }
  });
});
