import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DriverError } from '../../harness/errors.ts';
import { loadOpcUa } from './library.ts';
import { plainValue, toVariant, type TypedValue } from './values.ts';

describe('opcua values', () => {
  const roundTrip = (value: TypedValue): unknown => {
    const library = loadOpcUa();
    return plainValue(library, new library.ua.Variant(toVariant(library, value)));
  };

  it('keeps each kind through a variant', () => {
    const date = new Date('2026-01-02T03:04:05.678Z');
    for (const [type, value] of [
      ['Boolean', true],
      ['Byte', 255],
      ['Int16', -5],
      ['UInt32', 0xffffffff],
      ['Double', 1.25],
      ['String', 'ü'],
      ['DateTime', date],
      ['LocalizedText', 'text'],
      ['NodeId', 'ns=2;s=A'],
      ['Int64', -1],
      ['Int64', Number.MIN_SAFE_INTEGER],
      ['UInt64', 2 ** 32 + 2],
    ] as const) {
      assert.deepEqual(roundTrip({ type, value }), value, type);
    }
    assert.deepEqual(roundTrip({ type: 'UInt16', value: [1, 2, 3] }), [1, 2, 3]);
    assert.deepEqual(roundTrip({ type: 'Int64', value: [-1, 2 ** 40] }), [-1, 2 ** 40]);
    assert.equal(
      Buffer.from(roundTrip({ type: 'ByteString', value: '00ff' }) as Uint8Array).toString('hex'),
      '00ff',
    );
  });

  it('gives bigints where numbers would lie', () => {
    assert.equal(roundTrip({ type: 'UInt64', value: 2n ** 64n - 1n }), 2n ** 64n - 1n);
    assert.equal(roundTrip({ type: 'Int64', value: '-9223372036854775808' }), -(2n ** 63n));
  });

  it('refuses what a type cannot hold', () => {
    for (const value of [
      { type: 'Byte', value: 256 },
      { type: 'UInt32', value: -1 },
      { type: 'Int16', value: 1.5 },
      { type: 'UInt64', value: 2n ** 64n },
      { type: 'ByteString', value: 'xyz' },
      { type: 'Boolean', value: 'yes' },
      { type: 'DateTime', value: 'soon' },
      { type: 'None such', value: 1 },
    ]) {
      assert.throws(() => toVariant(loadOpcUa(), value), DriverError, JSON.stringify(value.type));
    }
  });
});
