import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { notObservable, seen, type FirmwareState } from '../capabilities.ts';
import { changes, looksLike } from './state.ts';
import { image } from './test/fake-run.ts';

const hidden = notObservable<never>('hidden by the test');
const state = (version: string, digest: FirmwareState['digest']): FirmwareState => ({
  version: seen(version),
  digest,
  securityCounter: hidden,
  confirmation: hidden,
});

describe('a state beside an image', () => {
  const golden = image('golden');
  const opaque = {
    name: 'opaque',
    bytes: Buffer.from('no format that anybody reads'),
    sha256: 'f'.repeat(64),
  };

  it('looks like it by its version, and like any of an unknown format for want of a digest', () => {
    assert.ok(looksLike(state('1.2.0+0', hidden), golden));
    assert.ok(!looksLike(state('9.9.9+0', hidden), golden));
    assert.ok(looksLike(state('1.2.0+0', hidden), opaque));
    assert.ok(!looksLike(state('1.2.0+0', seen('a'.repeat(64))), opaque));
    assert.ok(looksLike(state('1.2.0+0', seen(opaque.sha256)), opaque));
  });

  it('shows the whole of two digests whose beginnings are alike', () => {
    const [a, b] = ['a'.repeat(64), `${'a'.repeat(63)}b`];
    assert.deepEqual(changes(state('1', seen(a)), state('1', seen(b))), [`digest: ${a} → ${b}`]);
    assert.match(
      changes(state('1', seen(a)), state('1', seen('c'.repeat(64))))[0] ?? '',
      /^digest: a{16}… → c{16}…$/,
    );
  });
});
