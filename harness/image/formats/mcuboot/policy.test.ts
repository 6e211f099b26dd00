/** What a device declares decides: expectations, and the reference verifier with them. */

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { attackSet, type AttackOptions, type AttackSet } from '../../generate.ts';
import type { Policy } from '../../policy.ts';
import type { Sample } from '../../test/sample.ts';
import { mcuboot } from './index.ts';
import { buildMcuboot, type BuildOptions } from './test/builder.ts';
import { manyProtected, mcubootSamples, sampleKeys } from './test/samples.ts';

const { p256: key, ed25519, p384 } = sampleKeys;

interface Attacks {
  /** Class of the expectation of an attack. */
  of: (id: string) => string;
  /** Why it was not made. */
  not: (id: string) => string | undefined;
}

function attacks(
  policy: Policy,
  older: Partial<BuildOptions> = {},
  newer: Partial<BuildOptions> = {},
): Attacks {
  const keys = [{ kind: 'classic', key: createPublicKey(key), name: 'maker' } as const];
  const base = bytesSource(buildMcuboot({ ...newer, key }).bytes);
  const second = bytesSource(buildMcuboot({ ...newer, key, version: [1, 0, 0, 0], ...older }).bytes);
  const only = (id: string): AttackSet => {
    const options: AttackOptions = {
      ids: [`mcuboot-${id}`],
      seed: Buffer.alloc(32, 1),
      trustedKeys: keys,
      second: { name: 'older.bin', source: second },
      testKey: { kind: 'classic', key, chain: [], name: 'test' },
      policy,
    };
    return attackSet({ name: 'golden.bin', source: base }, options);
  };
  return {
    of: (id) => only(id).images[0]?.expectation.class ?? 'not made',
    not: (id) => only(id).notApplicable[0]?.why,
  };
}

describe('MCUboot attacks under a policy', () => {
  it('a lower security counter is refused where counters count, and open where nobody says so', () => {
    assert.equal(attacks({}, { counter: 6 }).of('rollback-lower-counter'), 'policy');
    for (const equalCounter of ['accept', 'refuse'] as const) {
      const { of, not } = attacks({ equalCounter, lowerVersion: 'accept' }, { counter: 6 });
      assert.equal(of('rollback-lower-counter'), 'must-reject');
      assert.equal(of('resigned-counter-lower'), 'must-reject');
      assert.equal(not('rollback-lower-version'), 'its security counter decides');
    }
  });

  it('an equal security counter is what the device declares', () => {
    assert.equal(attacks({}).of('rollback-equal-counter'), 'policy');
    assert.equal(attacks({ equalCounter: 'refuse' }).of('rollback-equal-counter'), 'must-reject');
    const taken = attacks({ equalCounter: 'accept', lowerVersion: 'accept' });
    assert.equal(taken.of('rollback-equal-counter'), 'must-accept');
    assert.equal(taken.of('rollback-lower-version'), 'must-accept');
    assert.equal(taken.of('resigned-counter-equal'), 'must-accept');
  });

  it('a lower version is refused where downgrade prevention is by version', () => {
    const older = { equalCounter: 'accept', lowerVersion: 'refuse' } as const;
    assert.equal(attacks(older).of('rollback-lower-version'), 'must-reject');
    assert.equal(attacks(older).of('resigned-version-lower'), 'must-reject');
    assert.equal(attacks({}).of('rollback-lower-version'), 'policy');
    const higher = attacks(older, { version: [9, 0, 0, 0] });
    assert.equal(higher.not('rollback-lower-version'), 'its version is not lower');
  });

  it('an image from before there were counters is refused, whatever unsigned counter it gets', () => {
    const { of } = attacks({ equalCounter: 'accept' }, { protectedTlvs: [] });
    assert.equal(of('rollback-no-counter'), 'must-reject');
    assert.equal(of('rollback-counter-added'), 'must-reject');
  });

  it('unsigned entries are refused by an allow-list only', () => {
    for (const [unsignedMetadata, expected] of [
      ['refuse', 'must-reject'],
      ['ignore', 'benign-accept'],
      ['use', 'policy'],
      [undefined, 'policy'],
    ] as const) {
      const { of } = attacks(unsignedMetadata === undefined ? {} : { unsignedMetadata });
      assert.equal(of('unprotected-vendor'), expected);
      assert.equal(of('unprotected-counter-high'), expected);
    }
  });

  it('data behind the image is harmless unless the device says that it refuses it', () => {
    assert.equal(attacks({}).of('appended-1'), 'benign-accept');
    assert.equal(attacks({ appendedData: 'ignore' }).of('appended-4096'), 'benign-accept');
    const padded = attacks({ appendedData: 'refuse' }, {}, { slotBytes: 2048 });
    assert.equal(padded.of('appended-4096'), 'must-reject');
    assert.equal(padded.of('trailer-image-ok'), 'benign-accept');
  });

  it('other encodings of a good signature are refused only where one form counts', () => {
    for (const id of ['ecdsa-s-negated', 'ecdsa-trailing', 'ecdsa-long-length', 'ecdsa-raw']) {
      assert.equal(attacks({}).of(id), 'policy', id);
      assert.equal(attacks({ malleableSignatures: 'refuse' }).of(id), 'must-reject', id);
    }
  });

  it('ids of hardware are signed for one product', () => {
    const options = { protectedTlvs: manyProtected };
    const checked = { hardwareCompatibility: 'checked', equalCounter: 'accept' } as const;
    assert.equal(attacks(checked, {}, options).of('resigned-other-class'), 'must-reject');
    assert.equal(attacks({}, {}, options).of('resigned-other-class'), 'policy');
  });
});

describe('MCUboot attacks without the maker’s public key', () => {
  const samples: Sample[] = mcubootSamples().filter(({ name }) => !name.startsWith('RSA-3072'));
  for (const sample of samples) {
    it(`are what they are said to be: ${sample.name}`, () => {
      const { images } = attackSet(
        { name: 'golden.bin', source: bytesSource(sample.bytes) },
        {
          seed: Buffer.alloc(32, 2),
          ...(sample.second === undefined
            ? {}
            : { second: { name: 'older.bin', source: bytesSource(sample.second) } }),
          ...(sample.policy === undefined ? {} : { policy: sample.policy }),
        },
      );
      assert.ok(images.length > 100);
    });
  }
});

describe('what MCUboot images say of themselves', () => {
  it('tells version, counter, hardware, algorithms, flags and dependencies, in either byte order', () => {
    const facts = (options: BuildOptions): ReturnType<typeof mcuboot.facts> => {
      const source = bytesSource(buildMcuboot(options).bytes);
      return mcuboot.facts(source, mcuboot.parse(source));
    };
    const told = facts({ key: ed25519, pure: true, protectedTlvs: manyProtected, flags: 0x30 });
    assert.equal(told.version, '1.2.3+4');
    assert.equal(told.counter, 7n);
    assert.deepEqual(told.algorithms, ['SHA256', 'ED25519']);
    assert.deepEqual(
      told.hardware.map(({ name }) => name),
      ['vendor id', 'class id'],
    );
    const other = told.other.map(({ name, value }) => `${name}: ${value}`);
    assert.deepEqual(other, [
      'load address: 0x20000000',
      'flag: NON_BOOTABLE',
      'flag: RAM_LOAD',
      'signed: the image itself (SIG_PURE), not its digest',
      'depends on: image 1, version 1.2.3+4 or higher',
      'boot record: 15 bytes of CBOR',
    ]);
    const big = facts({ key: p384, hash: 'sha384', bigEndian: true, counter: 0x01020304, slotBytes: 1024 });
    assert.equal(big.version, '1.2.3+4');
    assert.equal(big.counter, 0x01020304n);
    assert.deepEqual(big.algorithms, ['SHA384', 'ECDSA']);
    assert.deepEqual(
      big.other.map(({ name }) => name),
      ['byte order', 'load address', 'slot trailer'],
    );
  });

  it('tells a published sample key, which is no fault of the image', () => {
    const bytes = Buffer.from(buildMcuboot({ key: ed25519 }).bytes);
    const image = mcuboot.parse(bytesSource(bytes));
    const name = image.tlvs.find(({ name: one }) => one === 'KEYHASH');
    assert.ok(name);
    bytes.write('c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c', name.valueStart, 'hex');
    const source = bytesSource(bytes);
    const parsed = mcuboot.parse(source);
    assert.deepEqual(parsed.issues, []);
    assert.deepEqual(mcuboot.facts(source, parsed).other.at(-1), {
      name: 'published sample key',
      value: 'MCUboot root-ed25519, github.com/mcu-tools/mcuboot, sim/mcuboot-sys/csupport/keys.c',
    });
  });
});
