import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { SecretScanner } from './secret-scanner.ts';
import { SecretGuard } from './secrets.ts';

describe('Secrets on a wire', () => {
  it('are found however they are cut into bursts', () => {
    const guard = new SecretGuard([{ name: 'k', bytes: Buffer.from('abcabd') }]);
    const stream = Buffer.from('xxabcabcabdyyabcabd');
    const cuts = fc.uniqueArray(fc.nat(stream.length), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (points) => {
        const scanner = new SecretScanner(guard.patterns);
        const edges = [0, ...points.sort((a, b) => a - b), stream.length];
        const found = edges
          .slice(1)
          .flatMap((edge, index) => scanner.scan(stream.subarray(edges[index], edge)));
        assert.deepEqual(
          found.map(({ from, to }) => [from, to]),
          [
            [5, 11],
            [13, 19],
          ],
        );
      }),
    );
  });

  it('are expected while their beginning stands at the end', () => {
    const guard = new SecretGuard([{ name: 'k', bytes: Buffer.from('abcabd') }]);
    const scanner = new SecretScanner(guard.patterns);
    scanner.scan(Buffer.from('xxabcab'));
    assert.equal(scanner.openBytes, 5);
    scanner.scan(Buffer.from('z'));
    assert.equal(scanner.openBytes, 0);
  });

  it('are found as hex and base64 text', () => {
    const secret = Buffer.from('0123456789abcdef', 'hex');
    const guard = new SecretGuard([{ name: 'k', bytes: secret }]);
    for (const text of [
      secret.toString('hex'),
      secret.toString('hex').toUpperCase(),
      secret.toString('base64'),
    ]) {
      assert.equal(new SecretScanner(guard.patterns).scan(Buffer.from(`key ${text}\r\n`)).length, 1, text);
    }
  });
});
