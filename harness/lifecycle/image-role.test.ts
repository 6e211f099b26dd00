import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ImageFacts, Policy } from '../image/index.ts';
import { fitsRole } from './image-role.ts';

/** Version, counter, hardware; a dash stands for none. */
type Short = [version: string, counter?: number, hardware?: string];

const facts = ([version, counter, hardware]: Short): ImageFacts => ({
  ...(version === '-' ? {} : { version }),
  ...(counter === undefined ? {} : { counter: BigInt(counter) }),
  hardware: hardware === undefined ? [] : [{ name: 'class id', value: hardware }],
  algorithms: [],
  signers: [],
  digests: [],
  other: [],
});

describe('an image in its role', () => {
  const rows: [role: string, golden: Short, image: Short, kind: string, policy?: Policy][] = [
    ['older', ['1.2.0', 5], ['1.1.0', 4], 'fits'],
    ['older', ['1.2.0', 5], ['1.2.1', 5], 'differs'],
    ['older', ['1.2.0', 5], ['1.1.0', 5], 'differs'],
    ['older', ['1.2.0', 5], ['1.1.0', 5], 'fits', { lowerVersion: 'refuse' }],
    ['older', ['1.2.0', 5], ['1.1.0'], 'differs'],
    ['older', ['1.2.0', 5], ['1.9.0', 4], 'differs'],
    // A counter that nobody counts with decides nothing.
    ['older', ['1.2.0', 0], ['1.1.0', 0], 'fits'],
    ['older', ['1.2.0'], ['1.1.0'], 'fits'],
    ['older', ['1.2.0'], ['1.2.0'], 'differs'],
    ['older', ['build 12'], ['build 11'], 'unknown'],
    ['older', ['-'], ['-'], 'unknown'],
    ['lowerCounter', ['1.2.0', 5], ['1.9.0', 4], 'fits'],
    ['lowerCounter', ['1.2.0', 5], ['1.9.0', 5], 'differs'],
    ['lowerCounter', ['1.2.0', 5], ['1.1.0', 4], 'differs'],
    ['lowerCounter', ['-', 5], ['-', 4], 'fits'],
    ['equalCounter', ['1.2.0', 5], ['1.1.5', 5], 'fits'],
    ['equalCounter', ['1.2.0', 5], ['1.1.5', 6], 'differs'],
    ['equalCounter', ['1.2.0', 5], ['1.2.0', 5], 'differs'],
    ['noCounter', ['1.2.0', 5], ['1.4.0'], 'fits'],
    ['noCounter', ['1.2.0', 5], ['1.4.0', 0], 'fits'],
    ['noCounter', ['1.2.0', 5], ['1.4.0', 6], 'differs'],
    ['noCounter', ['1.2.0'], ['1.4.0'], 'unknown'],
    ['maximumCounter', ['1.2.0', 5], ['1.3.2', 0xffffffff], 'fits'],
    ['maximumCounter', ['1.2.0', 5], ['1.3.2', 5], 'differs'],
    ['otherHardware', ['1.2.0', 5, 'a'], ['1.3.0', 6, 'b'], 'fits'],
    ['otherHardware', ['1.2.0', 5, 'a'], ['1.3.0', 6, 'a'], 'differs'],
    ['otherHardware', ['1.2.0', 5], ['1.3.0', 6], 'unknown'],
    ['lowerNumber', ['1.10.0'], ['1.9.0'], 'fits'],
    ['lowerNumber', ['1.2.0'], ['1.1.0'], 'differs'],
    ['preRelease', ['1.10.0'], ['1.10.0-rc.1'], 'fits'],
    ['preRelease', ['1.10.0'], ['1.10.1-rc.1'], 'differs'],
    ['noVersion', ['1.10.0'], ['-'], 'fits'],
    ['noVersion', ['1.10.0'], ['1.9.0'], 'differs'],
    ['expired', ['1.10.0'], ['1.10.0'], 'fits'],
    ['expired', ['1.10.0'], ['1.11.0'], 'differs'],
    ['newer', ['1.2.0', 5], ['1.3.0', 6], 'fits'],
    ['newer', ['1.2.0', 5], ['1.3.0', 5], 'fits'],
    ['newer', ['1.2.0', 5], ['1.3.0', 4], 'differs'],
    ['newer', ['1.2.0', 5], ['1.1.0', 6], 'fits'],
    ['newer', ['1.2.0', 5], ['1.1.0', 6], 'differs', { lowerVersion: 'refuse' }],
    ['crashing', ['1.2.0', 5], ['1.2.0', 5], 'differs'],
    ['bomb', ['1.2.0', 5], ['1.2.0', 5], 'unknown'],
    ['constructor', ['1.2.0', 5], ['1.2.0', 5], 'unknown'],
  ];
  for (const [role, golden, image, kind, policy = {}] of rows) {
    it(`${role}: ${image.join(' ')} beside golden ${golden.join(' ')}${policy.lowerVersion ? ', versions decide' : ''}: ${kind}`, () => {
      assert.equal(fitsRole(role, facts(golden), facts(image), policy).kind, kind);
    });
  }

  it('says what it is, and what the role demands', () => {
    const fit = fitsRole('older', facts(['1.2.0', 5]), facts(['1.2.1', 5]), {});
    assert.equal(
      fit.kind === 'differs' ? fit.detail : '',
      'it has version 1.2.1, counter 5; golden has version 1.2.0, counter 5; the role demands a lower version than golden’s and, where images carry counters, a lower counter',
    );
  });
});
