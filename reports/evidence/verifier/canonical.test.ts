/** The verifier's look at bytes, held against its parser: what it calls canonical must be so. */

import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { canonicalize } from '../../../harness/record/jcs.ts';
import { verifierPath } from '../test/made-up-package.ts';

const { endOfValue, parseCanonical } = (await import(verifierPath.href)) as {
  endOfValue: (bytes: Buffer, at: number) => number;
  parseCanonical: (text: string) => unknown;
};

/** Whether the look at bytes finds the end of a canonical value just before the line feed. */
const isSurely = (text: string | Buffer): boolean => {
  const bytes = Buffer.concat([Buffer.from(text), Buffer.from('\n')]);
  return endOfValue(bytes, 0) === bytes.length - 1;
};
const isCanonical = (text: string): boolean => parseCanonical(text) !== undefined;

describe('canonical JSON in bytes', () => {
  it('is known at sight, in all forms that are common', () => {
    const values = [
      ...[0, 7, 10, 313.946, 0.000001, 123456789012345, 0.5, -1, -0.25, 1029.2262740000006, 1e21, 1e-7],
      ...['', 'a', 'ä 🙂 \u2028', '"', '\\', '/', '\b\f\n\r\t', '\\"\\\\', '\u007f', true, false, null],
      ...[
        {},
        [],
        [[]],
        [{}],
        [1, 'a', null],
        { a: 1 },
        { a: { b: [] }, ab: 1, b: '' },
        { A: 1, a: 2, b: 'é' },
      ],
      { '': 1, '10': 2, '9': 3, a: { z: 'x' } },
    ];
    for (const value of values) assert.ok(isSurely(canonicalize(value)), canonicalize(value));
  });

  it('is not known at sight in any text that has another form', () => {
    const texts = [
      ...[
        '',
        ' 1',
        '1 ',
        '01',
        '-0',
        '1.0',
        '1.',
        '.5',
        '+1',
        '1e5',
        '1E5',
        '1e21',
        '0.0000001',
        '1e-07',
        '-',
      ],
      ...[
        '123456789012345678',
        '0.1234567890123456789',
        '12345678901.1234560',
        'NaN',
        'Infinity',
        'e',
        'tru',
      ],
      ...['"', '"\\u0061"', '"\\/"', '"\\u000a"', '"\\ud800"', '"a\u0001"', '"a\tb"', '"\\', "'a'", '"a"b"'],
      ...['{', '[', '[1', '[1,]', '[,1]', '[1 ,2]', '[1,2', ']', '{"a"}', '{"a":}', '{"a":1,}', '{"a" :1}'],
      ...[
        '{"a":1,"a":2}',
        '{"b":1,"a":2}',
        '{"ab":1,"a":2}',
        '{a:1}',
        '{"a":1}}',
        '{"a":{"b":1,"a":2}}',
        'nullnull',
      ],
    ];
    for (const text of texts) {
      assert.ok(!isSurely(text), text);
      assert.ok(!isCanonical(text), text);
    }
  });

  it('leaves to the parser what is rare', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    for (const text of ['"\\u0001"', '{"é":1,"ü":2}', '{"a\\n":1,"a\\r":2}', nested(64)])
      assert.deepEqual([isSurely(text), isCanonical(text)], [false, true], text);
    assert.ok(isSurely(nested(16)));
    assert.ok(!isSurely(nested(200_000)));
  });

  it('is never seen where the parser sees none, whatever byte was changed', () => {
    const spots = fc.array(
      fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...Buffer.from(' "\\{}[],:0159.eE+-abu/\nté'))),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    let seen = 0;
    const property = fc.property(fc.jsonValue({ maxDepth: 3 }), spots, (value, changes) => {
      let bytes = Buffer.from(canonicalize(value));
      assert.ok(isSurely(bytes) || isCanonical(bytes.toString()));
      for (const [spot, way, byte] of changes) {
        const at = spot % (bytes.length + 1);
        const middle = way === 0 ? [] : [byte];
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(middle),
          bytes.subarray(way === 2 ? at : at + 1),
        ]);
      }
      if (!isUtf8(bytes) || !isSurely(bytes)) return;
      seen += 1;
      assert.ok(isCanonical(bytes.toString()), JSON.stringify(bytes.toString()));
    });
    fc.assert(property, { numRuns: 20_000, seed: 8785 });
    assert.ok(seen > 1000, `${seen} of the changed texts were canonical again`);
  });
});
