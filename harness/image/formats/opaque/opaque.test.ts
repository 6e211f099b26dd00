import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { attackSet } from '../../generate.ts';
import { recognise } from '../../recognise.ts';
import { imageFormatContract } from '../../test/contract.ts';
import { opaque } from './index.ts';
import { contentEnd } from './parse.ts';
import { noise, opaqueSamples } from './test/samples.ts';

imageFormatContract(opaque, opaqueSamples, { recognised: false });

const bytes = Buffer.concat([noise('contents', 3000), Buffer.alloc(500, 0xff)]);

function made(id: string, image: Uint8Array = bytes): Uint8Array {
  const base = { name: 'golden', source: bytesSource(image) };
  const second = { name: 'older', source: bytesSource(noise('second', 3100)) };
  const [one] = attackSet(base, { seed: Buffer.alloc(16), format: opaque, ids: [id], second }).images;
  return materialise(one?.source ?? assert.fail(id));
}

describe('images of unknown format', () => {
  it('are never recognised', () => {
    assert.deepEqual(recognise(bytesSource(bytes)).candidates, []);
    assert.equal(opaque.claims(bytesSource(bytes)), undefined);
  });

  it('are good when they are the genuine one, to the last byte', () => {
    const genuine = [bytesSource(bytes), bytesSource(noise('second', 10))];
    const verdict = (image: Uint8Array, lowerVersion?: 'refuse'): unknown =>
      opaque.verifier({ keys: [], genuine, policy: lowerVersion ? { lowerVersion } : {} })(
        bytesSource(image),
      );
    assert.deepEqual(verdict(Buffer.from(bytes)), { accepted: true });
    assert.deepEqual(verdict(noise('second', 10)), { accepted: true });
    const detail = 'the genuine image of another release';
    assert.deepEqual(verdict(noise('second', 10), 'refuse'), { accepted: false, reason: 'older', detail });
    const altered = verdict(bytes.subarray(1)) as { reason: string };
    assert.equal(altered.reason, 'altered');
  });

  it('end before their padding, which attacks leave alone', () => {
    assert.equal(contentEnd(bytesSource(bytes)), 3000);
    assert.equal(contentEnd(bytesSource(Buffer.concat([noise('contents', 3000), Buffer.alloc(9)]))), 3009);
    assert.equal(contentEnd(bytesSource(Buffer.alloc(200_000))), 200_000);
    assert.equal(contentEnd(bytesSource(Buffer.concat([Buffer.of(1), Buffer.alloc(200_000)]))), 1);
    assert.equal(contentEnd(bytesSource(Buffer.alloc(0))), 0);
    const differs = made('opaque-payload-last-bit').findIndex((byte, at) => byte !== bytes[at]);
    assert.equal(differs, 2999);
    assert.equal(made('opaque-truncated-one-byte').length, 2999);
    for (let index = 1; index <= 16; index += 1) {
      const altered = made(`opaque-payload-seeded-bit-${index}`);
      assert.ok(altered.findIndex((byte, at) => byte !== bytes[at]) < 3000);
    }
  });

  it('are cut, doubled and joined as their names say', () => {
    assert.equal(made('opaque-truncated-to-nothing').length, 0);
    assert.equal(made('opaque-truncated-to-1024').length, 1024);
    assert.deepEqual(Buffer.from(made('opaque-doubled')), Buffer.concat([bytes, bytes]));
    assert.deepEqual(Buffer.from(made('opaque-older-release')), noise('second', 3100));
    const joined = Buffer.concat([bytes.subarray(0, 1500), noise('second', 3100).subarray(1500)]);
    assert.deepEqual(Buffer.from(made('opaque-halves-of-two')), joined);
    const swapped = made('opaque-blocks-swapped');
    assert.deepEqual(Buffer.from(swapped.subarray(0, 750)), bytes.subarray(1500, 2250));
    assert.deepEqual(Buffer.from(made('opaque-block-zeroed').subarray(1500, 2250)), Buffer.alloc(750));
  });
});
