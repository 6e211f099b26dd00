import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isPreReleaseOf, orderOfVersions } from './version-order.ts';

describe('order of versions', () => {
  const rows: [string, string, -1 | 0 | 1 | undefined][] = [
    ['1.9.0', '1.10.0', -1],
    ['1.2.0+0', '1.2.1+0', -1],
    ['v2.0', '1.99.99', 1],
    ['1.2', '1.2.0', 0],
    ['1.2.3.4', '1.2.3.5', -1],
    ['2024.05-1', '2024.06-1', -1],
    // What follows the numbers: a pre-release comes before, a build of git describe after. No scheme is assumed.
    ['1.10.0-rc.1', '1.10.0', undefined],
    ['1.2.0+1', '1.2.0+2', undefined],
    ['release 7', '1.0.0', undefined],
    ['1.0b', '1.1', undefined],
  ];
  for (const [one, other, expected] of rows) {
    it(`${one} beside ${other}: ${expected ?? 'not told'}`, () => {
      assert.equal(orderOfVersions(one, other), expected);
      const turned = orderOfVersions(other, one);
      assert.equal(
        turned === undefined ? undefined : 0 - turned,
        expected === undefined ? undefined : 0 + expected,
      );
    });
  }

  it('knows a pre-release of the same numbers only', () => {
    assert.equal(isPreReleaseOf('1.10.0-rc.1', '1.10.0'), true);
    assert.equal(isPreReleaseOf('1.9.0-rc.1', '1.10.0'), false);
    assert.equal(isPreReleaseOf('1.10.0', '1.10.0'), false);
    assert.equal(isPreReleaseOf('nightly', '1.10.0'), undefined);
  });
});
