import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FrameError } from '../errors.ts';
import { Cursor, Writer } from './cursor.ts';
import {
  bytes,
  constant,
  counted,
  frameTable,
  i16,
  i32,
  lengthOf,
  rest,
  u16,
  u32,
  u64,
  u8,
} from './frame-table.ts';

const sample = frameTable('sample frame', {
  magic: constant(u16(), 0xcafe),
  flags: u8(),
  level: i16('little'),
  serial: u32(),
  offset: i32(),
  stamp: u64(),
  tag: bytes(2),
  size: lengthOf(u8(), 'body'),
  body: counted('size'),
  tail: rest(),
});

describe('cursor', () => {
  it('reads in both byte orders', () => {
    const cursor = new Cursor(Buffer.from('0102' + '0102' + '3fc00000' + 'fffe', 'hex'));
    assert.equal(cursor.u16(), 0x0102);
    assert.equal(cursor.u16('x', 'little'), 0x0201);
    assert.equal(cursor.f32(), 1.5);
    assert.equal(cursor.i16(), -2);
    cursor.expectEnd();
  });

  it('says what was missing where, and never moves past the end', () => {
    const cursor = new Cursor(Buffer.from('010203', 'hex'), 'file record');
    cursor.u8();
    assert.throws(
      () => cursor.u32('length'),
      /file record: length needs 4 bytes at byte 1, but 2 of 3 are left/,
    );
    assert.equal(cursor.position, 1);
    assert.throws(() => cursor.expectEnd(), /2 bytes too many after byte 1/);
  });

  it('refuses to write a number that does not fit', () => {
    assert.throws(
      () => new Writer('header').integer(256, 1, 'unit'),
      /header: unit is 256, allowed 0 to 255/,
    );
    assert.throws(() => new Writer('header').integer(1.5, 2, 'count'), FrameError);
    assert.throws(() => new Writer('header').integer(-32769, 2, 'level', 'big', true), FrameError);
  });
});

describe('frame table', () => {
  it('knows the offsets of fields after fixed-size ones', () => {
    assert.equal(sample.offsets.flags, 2);
    assert.equal(sample.offsets.size, 23);
    assert.equal(sample.bytes, undefined);
    assert.equal(frameTable('two', { a: u8(), b: u32() }).bytes, 5);
  });

  it('gives back what it wrote, for any values', () => {
    const input = fc.record({
      flags: fc.integer({ min: 0, max: 255 }),
      level: fc.integer({ min: -32768, max: 32767 }),
      serial: fc.integer({ min: 0, max: 0xffffffff }),
      offset: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
      stamp: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      tag: fc.uint8Array({ minLength: 2, maxLength: 2 }),
      body: fc.uint8Array({ maxLength: 255 }),
      tail: fc.uint8Array({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(input, (values) => {
        const back = sample.read(sample.write(values));
        assert.deepEqual(
          { ...back, tag: [...back.tag], body: [...back.body], tail: [...back.tail] },
          {
            magic: 0xcafe,
            ...values,
            tag: [...values.tag],
            size: values.body.length,
            body: [...values.body],
            tail: [...values.tail],
          },
        );
      }),
    );
  });

  it('refuses a wrong constant, a short frame and surplus bytes, with positions', () => {
    const pair = frameTable('pair', { kind: constant(u8(), 0x0e), value: u16() });
    assert.throws(() => pair.read(Buffer.from('0d0001', 'hex')), /pair: kind at byte 0 is 13, must be 14/);
    assert.throws(
      () => pair.read(Buffer.from('0e00', 'hex')),
      /pair: value needs 2 bytes at byte 1, but 1 of 2 are left/,
    );
    assert.throws(() => pair.read(Buffer.from('0e000102', 'hex')), /1 bytes too many after byte 3/);
    assert.throws(
      () => frameTable('t', { a: bytes(2) }).write({ a: Buffer.alloc(3) }),
      /a has 3 bytes, must have 2/,
    );
  });

  it('reads several frames from one cursor', () => {
    const item = frameTable('item', { size: lengthOf(u8(), 'text'), text: counted('size') });
    const cursor = new Cursor(
      Buffer.concat([item.write({ text: Buffer.from('ab') }), item.write({ text: Buffer.from('c') })]),
    );
    assert.equal(Buffer.from(item.read(cursor).text).toString(), 'ab');
    assert.equal(Buffer.from(item.read(cursor).text).toString(), 'c');
    assert.equal(cursor.left, 0);
  });
});
