/** What must be refused is refused by the model of MCUboot's own validation, and what is harmless it runs unchanged. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { attackImages, eachAttack, type AttackImage } from '../../generate.ts';
import type { Sample } from '../../test/sample.ts';
import { mcuboot } from './index.ts';
import { loaderTakes, type LoaderBuild } from './test/loader-model.ts';
import { buildMcuboot } from './test/builder.ts';
import { mcubootSamples, sampleKeys } from './test/samples.ts';

/** Of the image's signed part, by its header alone. */
function executed(bytes: Buffer, bigEndian: boolean): string {
  const u = (at: number, width: number): number =>
    bigEndian ? bytes.readUIntBE(at, width) : bytes.readUIntLE(at, width);
  return createHash('sha256')
    .update(bytes.subarray(0, u(8, 2) + u(10, 2) + u(12, 4)))
    .digest('hex');
}

function buildFor({ bytes, testKey }: Sample, options: Partial<LoaderBuild>): LoaderBuild {
  assert.ok(testKey?.kind === 'classic');
  const image = mcuboot.parse(bytesSource(bytes));
  const has = (name: string): boolean => image.tlvs.some((tlv) => tlv.name === name);
  return {
    key: testKey.key,
    hash: has('SHA384') ? 'sha384' : 'sha256',
    pure: has('SIG_PURE'),
    allowList: false,
    bypassKeyMatch: false,
    bigEndian: image.endian === 'big',
    ...options,
  };
}

function attacks({ bytes, second, keys, testKey, policy }: Sample): AttackImage[] {
  const base = { name: 'golden.bin', source: bytesSource(bytes) };
  const made = eachAttack(base, {
    seed: Buffer.alloc(32, 9),
    trustedKeys: keys,
    ...(second === undefined ? {} : { second: { name: 'older.bin', source: bytesSource(second) } }),
    ...(testKey === undefined ? {} : { testKey }),
    ...(policy === undefined ? {} : { policy }),
  });
  return [...made].flatMap((one) => ('notApplicable' in one ? [] : [one]));
}

/** Decided by more than validation: the state of the device, its policy beyond MCUboot’s, the form of DER. */
const beyond = ['rollback', 'encoding', 'appended', 'counter', 'compatibility'];

describe('attacks on MCUboot images, held against a model of its validation', () => {
  const samples = mcubootSamples().filter(({ testKey }) => testKey !== undefined);
  for (const sample of samples) {
    it(`${sample.name}: what must be refused is refused, however it was built`, () => {
      const allowList = sample.policy?.unsignedMetadata === 'refuse';
      const made = attacks(sample);
      for (const bypassKeyMatch of [false, true]) {
        const build = buildFor(sample, { bypassKeyMatch, allowList });
        assert.ok(loaderTakes(build, sample.bytes), 'the genuine one is taken');
        const golden = executed(Buffer.from(sample.bytes), build.bigEndian);
        for (const { mutation, expectation, source } of made) {
          if (mutation.needs.includes('test-key')) continue;
          const bytes = Buffer.from(materialise(source));
          const taken = loaderTakes(build, bytes);
          if (expectation.class === 'must-reject' && !beyond.includes(mutation.kind)) {
            assert.ok(!taken, `${mutation.id} is taken`);
          }
          // Whatever else it takes is what the maker signed; rollback is another matter.
          if (taken && mutation.kind !== 'rollback') {
            assert.equal(executed(bytes, build.bigEndian), golden, mutation.id);
          }
        }
      }
    });
  }

  it('tells a truncated image from one whose last bytes erased flash gives back', () => {
    // Ends with a wrapped key of 9 erased bytes; its length, 09 00, goes before them.
    const encrypted = [0x32, Buffer.alloc(9, 0xff)] as const;
    const { bytes } = buildMcuboot({ key: sampleKeys.p256, encrypted, flags: 4 });
    const base = { name: 'golden.bin', source: bytesSource(bytes) };
    const [attack] = attackImages(base, {
      seed: Buffer.alloc(32, 9),
      ids: ['mcuboot-truncated-one-byte'],
    });
    assert.equal(attack?.source.size, bytes.length - 11);
  });

  function made(sampleName: string, id: string): { sample: Sample; bytes: Buffer } {
    const sample = samples.find(({ name }) => name === sampleName);
    assert.ok(sample);
    const attack = attacks(sample).find(({ mutation }) => mutation.id === id);
    assert.ok(attack);
    return { sample, bytes: Buffer.from(materialise(attack.source)) };
  }

  it('gets an altered payload past a loader whose sizes wrap round, and past no other', () => {
    const { sample, bytes } = made('ECDSA P-256, in a header of 512 bytes', 'mcuboot-resigned-length-wraps');
    assert.ok(!loaderTakes(buildFor(sample, {}), bytes));
    assert.ok(loaderTakes(buildFor(sample, { wraps: true, allowList: true, counter: 7 }), bytes));
    assert.equal(bytes[512], (sample.bytes[512] ?? 0) ^ 1);
  });

  it('shows an unprotected counter to loaders without an allow-list, which believe it', () => {
    const { sample, bytes } = made(
      'ECDSA P-256, everything refused that may be',
      'mcuboot-resigned-unprotected-counter',
    );
    assert.ok(!loaderTakes(buildFor(sample, { counter: 7, allowList: true }), bytes));
    assert.ok(loaderTakes(buildFor(sample, { counter: 8 }), bytes));
    assert.ok(!loaderTakes(buildFor(sample, { counter: 9 }), bytes), 'it is one above the genuine one');
  });

  it('shows which are taken by a loader without an allow-list', () => {
    const sample = samples.find(({ name }) => name === 'Ed25519');
    assert.ok(sample);
    const open = { ...sample, policy: {} };
    const build = buildFor(open, {});
    const taken = attacks(open)
      .filter(
        ({ mutation, source }) => mutation.kind !== 'rollback' && loaderTakes(build, materialise(source)),
      )
      .filter(({ mutation }) => !mutation.needs.includes('test-key'))
      .map(({ mutation, expectation }) => `${mutation.id}: ${expectation.class}`);
    assert.deepEqual(
      taken.filter((line) => line.endsWith('must-reject')),
      [],
    );
    for (const expected of [
      'mcuboot-appended-4096: benign-accept',
      'mcuboot-bad-signature-then-good: benign-accept',
      'mcuboot-genuine-then-stranger: benign-accept',
      'mcuboot-key-hash-0-bytes: benign-accept',
      'mcuboot-unprotected-vendor: policy',
      'mcuboot-length-unprotected-area-one-less: no-crash-only',
    ]) {
      assert.ok(taken.includes(expected), `${expected} in ${taken.join('\n')}`);
    }
  });
});
