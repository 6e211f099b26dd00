import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { concatenated, encodePair, orderOf, readPair, strictEcdsa, tolerantEcdsa } from './ecdsa-encoding.ts';

const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { n } = orderOf(key);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('ECDSA signatures in DER', () => {
  it('are read strictly in one form only', () => {
    const good = hex('30 07 02 02 00 80 02 01 05');
    assert.deepEqual(readPair(good), { r: 128n, s: 5n });
    assert.deepEqual(encodePair({ r: 128n, s: 5n }), good);
    assert.deepEqual(strictEcdsa(good, key), concatenated({ r: 128n, s: 5n }, key));
    assert.equal(strictEcdsa(encodePair({ r: 1n, s: n - 1n }), key), undefined);
  });

  const lenient: [name: string, der: string][] = [
    ['a length in two bytes', '30 81 07 02 02 00 80 02 01 05'],
    ['bytes behind', '30 07 02 02 00 80 02 01 05 00 00'],
    ['no sign byte', '30 06 02 01 80 02 01 05'],
    ['a leading zero', '30 08 02 03 00 00 80 02 01 05'],
  ];
  for (const [name, der] of lenient) {
    it(`are read tolerantly with ${name}`, () => {
      assert.deepEqual(tolerantEcdsa(hex(der), key), concatenated({ r: 128n, s: 5n }, key));
      assert.equal(strictEcdsa(hex(der), key), undefined);
    });
  }

  const broken: [name: string, der: string][] = [
    ['nothing', ''],
    ['another tag', '31 07 02 02 00 80 02 01 05'],
    ['another class', '70 07 02 02 00 80 02 01 05'],
    ['one number', '30 04 02 02 00 80'],
    ['a number that is cut off', '30 07 02 02 00 80 02 05 05'],
    ['a length beyond the end', '30 08 02 02 00 80 02 01 05'],
    ['an indefinite length', '30 80 02 02 00 80 02 01 05 00 00'],
  ];
  for (const [name, der] of broken) {
    it(`are none with ${name}`, () => assert.equal(tolerantEcdsa(hex(der), key), undefined));
  }

  it('are none with numbers wider than the order', () => {
    assert.equal(tolerantEcdsa(encodePair({ r: 1n << 256n, s: 1n }), key), undefined);
  });
});
