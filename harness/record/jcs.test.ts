import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { EvidenceError } from '../errors.ts';
import { canonicalize } from './jcs.ts';

describe('JSON canonicalization', () => {
  it('gives the text and the bytes of the example in RFC 8785, 3.2.2 to 3.2.4', () => {
    const input = JSON.parse(
      '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],' +
        '"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",' +
        '"literals": [null, true, false]}',
    ) as unknown;
    const expected = [
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e',
      '333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e',
      '4127425c225c5c5c5c5c222f227d',
    ].join('');
    assert.equal(
      canonicalize(input),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    assert.equal(Buffer.from(canonicalize(input), 'utf8').toString('hex'), expected);
  });

  it('sorts names by UTF-16 code units, as in RFC 8785, 3.2.3', () => {
    const input = JSON.parse(
      '{"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh",' +
        '"1": "One", "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control",' +
        '"\\u00f6": "Latin Small Letter O With Diaeresis"}',
    ) as Record<string, string>;
    const order = Object.values(JSON.parse(canonicalize(input)) as Record<string, string>);
    assert.deepEqual(order, [
      'One',
      'Carriage Return',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  // RFC 8785, appendix B: IEEE 754 bits in hex, and the text that they must give.
  const numbers: readonly (readonly [bits: string, text: string])[] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ];
  it('writes the numbers of RFC 8785, appendix B', () => {
    for (const [bits, text] of numbers) {
      assert.equal(canonicalize(Buffer.from(bits, 'hex').readDoubleBE()), text, bits);
    }
  });

  it('refuses what JSON cannot carry, naming the place', () => {
    const refused: readonly unknown[] = [
      NaN,
      Infinity,
      1n,
      new Uint8Array(2),
      new Map(),
      '\ud800',
      () => 1,
      undefined,
    ];
    for (const value of refused) {
      assert.throws(
        () => canonicalize({ a: [{ b: value === undefined ? [undefined] : value }] }),
        (error) => error instanceof EvidenceError && error.message.includes('$.a[0].b'),
      );
    }
  });

  it('leaves out members that are undefined and keeps those that are null', () => {
    assert.equal(canonicalize({ b: undefined, a: null }), '{"a":null}');
  });
});
