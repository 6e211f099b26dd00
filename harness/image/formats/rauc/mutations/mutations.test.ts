import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { bytesSource, slice, type ByteSource } from '../../../byte-source.ts';
import { checkVerity } from '../../../codec/verity.ts';
import { verifyCms } from '../../../crypto/cms.ts';
import { attackImages, attackSet, type AttackImage } from '../../../generate.ts';
import { expectationOf } from '../../../mutation.ts';
import { patched, PatchSet } from '../../../patch-set.ts';
import type { Sample } from '../../../test/sample.ts';
import { rauc } from '../index.ts';
import { manifestHex32, manifestValue } from '../manifest.ts';
import { parseRauc, type RaucImage } from '../parse.ts';
import { raucSamples } from '../test/samples.ts';
import { oversizeMutations } from './oversize.ts';

let samples: Sample[];
before(async () => {
  samples = await raucSamples();
});

function sampleOf(name: string): Sample {
  const sample = samples.find((candidate) => candidate.name.startsWith(name));
  assert.ok(sample, name);
  return sample;
}

function attack(sample: Sample, id: string): AttackImage {
  const { bytes, second, keys, crls, testKey, policy } = sample;
  const [made] = attackImages(
    { name: 'golden.raucb', source: bytesSource(bytes) },
    {
      ids: [id],
      seed: Buffer.alloc(32, 3),
      format: rauc,
      trustedKeys: keys,
      ...(crls === undefined ? {} : { crls }),
      ...(second === undefined ? {} : { second: { name: 'older.raucb', source: bytesSource(second) } }),
      ...(testKey === undefined ? {} : { testKey }),
      ...(policy === undefined ? {} : { policy }),
    },
  );
  assert.ok(made);
  return made;
}

function parsed(sample: Sample, id: string): { source: ByteSource; image: RaucImage } {
  const { source } = attack(sample, id);
  return { source, image: parseRauc(source) };
}

/** Whether its signatures are good over what a verifier is told that they are over. */
function signed(sample: Sample, source: ByteSource, image: RaucImage, content?: ByteSource): boolean {
  assert.ok(image.cms);
  return verifyCms(source, image.cms, content, { keys: sample.keys, policy: {} }).accepted;
}

describe('attacks on RAUC bundles', () => {
  it('leave a fresh tree right, and the root hash alone wrong', () => {
    const { source, image } = parsed(sampleOf('verity, two'), 'rauc-payload-last-bit-fresh-tree');
    const salt = manifestHex32(image.manifest, 'verity-salt');
    const root = manifestHex32(image.manifest, 'verity-hash');
    assert.ok(image.tree && salt && root);
    assert.equal(image.tree.levels.length, 2);
    assert.equal(checkVerity(source, image.tree, salt, root)?.kind, 'root');
  });

  it('leave tree and manifest right, and the signature alone wrong', () => {
    const { source, image } = parsed(sampleOf('verity, two'), 'rauc-payload-first-bit-fresh-digest');
    const salt = manifestHex32(image.manifest, 'verity-salt');
    const root = manifestHex32(image.manifest, 'verity-hash');
    assert.ok(image.tree && salt && root);
    assert.equal(checkVerity(source, image.tree, salt, root), undefined);
  });

  it('move the genuine payload into a signature that is good for it', () => {
    const sample = sampleOf('plain');
    const { source, image } = parsed({ ...sample, policy: {} }, 'rauc-plain-content-attached');
    assert.equal(image.bundleFormat, 'verity', 'for whoever goes by the CMS');
    assert.ok(signed(sample, source, image), 'its signature is good, for what it carries');
  });

  it('make a plain bundle of a manifest, with a good signature', () => {
    const sample = { ...sampleOf('verity, two'), policy: {} };
    const { source, image } = parsed(sample, 'rauc-verity-manifest-as-payload');
    assert.equal(image.bundleFormat, 'plain');
    assert.ok(signed(sample, source, image, slice(source, 0, image.payloadEnd)));
  });

  it('make content of signed attributes, with a good signature', () => {
    for (const name of ['plain', 'verity, two']) {
      const sample = sampleOf(name);
      const { source, image } = parsed(sample, 'rauc-attributes-as-content');
      const content = image.cms?.content === undefined ? slice(source, 0, image.payloadEnd) : undefined;
      assert.ok(signed(sample, source, image, content), name);
    }
  });

  it('bring the manifest of another release with its signature', () => {
    const sample = sampleOf('verity, RSA');
    const { source, image } = parsed(sample, 'rauc-signature-transplanted');
    assert.equal(manifestValue(image.manifest, 'update', 'version'), '1.1.0');
    assert.ok(signed(sample, source, image), 'only the payload tells');
  });

  it('sign a lower version so that nothing but the version is wrong', () => {
    const sample = sampleOf('verity, RSA');
    const { expectation, source } = attack(sample, 'rauc-resigned-lower-version');
    assert.equal(expectation.class, 'must-reject');
    const verify = (lowerVersion: 'refuse' | 'accept'): boolean =>
      rauc.verifier({ keys: sample.keys, genuine: [bytesSource(sample.bytes)], policy: { lowerVersion } })(
        source,
      ).accepted;
    assert.equal(verify('accept'), true);
    assert.equal(verify('refuse'), false);
  });

  it('leave open what the device does not declare', () => {
    const open = rauc.mutations
      .filter((mutation) => expectationOf(mutation, {}).class === 'policy')
      .map(({ id }) => id);
    assert.deepEqual(open, [
      'rauc-older-release',
      'rauc-resigned-lower-version',
      'rauc-resigned-lower-version-reads-higher',
      'rauc-resigned-no-version',
      'rauc-resigned-other-compatible',
      'rauc-resigned-as-plain',
      'rauc-certificate-expired',
      'rauc-certificate-not-yet-valid',
      'rauc-certificate-wrong-purpose',
      'rauc-certificate-other-name',
    ]);
    const lower = rauc.mutations.find(({ id }) => id === 'rauc-resigned-lower-version');
    assert.ok(lower);
    assert.equal(expectationOf(lower, { lowerVersion: 'accept' }).class, 'benign-accept');
  });

  it('are made without a public key too, each for its own reason', () => {
    for (const { name, bytes, second, policy } of ['plain', 'verity, two', 'crypt'].map(sampleOf)) {
      assert.ok(second);
      const { images } = attackSet(
        { name: 'golden.raucb', source: bytesSource(bytes) },
        {
          seed: Buffer.alloc(32, 4),
          format: rauc,
          second: { name: 'older.raucb', source: bytesSource(second) },
          ...(policy === undefined ? {} : { policy }),
        },
      );
      assert.ok(images.length > 40, `${name}: ${images.length}`);
    }
  });

  it('name the standard attacks alike', () => {
    const standard = rauc.mutations.filter(({ depth }) => depth === 'standard').map(({ id }) => id);
    for (const part of [
      'strip-signature',
      'payload-first-bit',
      'payload-middle-bit',
      'payload-last-bit',
      'signature-first-byte-plus-one',
      'signature-transplanted',
      'unknown-key',
      'appended-1',
      'appended-4096',
      'truncated-one-byte',
      'truncated-half',
      'truncated-before-signature',
    ]) {
      assert.ok(
        standard.some((id) => id.includes(part)),
        part,
      );
    }
  });
});

describe('RAUC bundles beyond 2 GiB', () => {
  for (const mutation of oversizeMutations) {
    it(`${mutation.name}: made without disk and memory, with a signature over a few bytes of it`, () => {
      const sample = sampleOf('plain');
      const base = bytesSource(sample.bytes);
      assert.ok(sample.testKey);
      const plan = mutation.plan({
        base,
        image: parseRauc(base),
        testKey: sample.testKey,
        policy: {},
        random: (_label, bytes) => Buffer.alloc(bytes, 1),
      });
      assert.ok('patches' in plan);
      const source = patched(base, new PatchSet(base.size, plan.patches));
      const image = parseRauc(source);
      assert.deepEqual(image.issues, []);
      assert.equal(image.bundleFormat, 'plain');
      assert.equal(image.payloadEnd, plan.facts?.['payloadBytes']);
      assert.ok(image.payloadEnd >= 2 ** 31);
      assert.equal(plan.refusedFor, 'digest');

      // What a verifier hashes whose length went through a signed 32-bit number, and for a negative one strlen().
      const wrapped = BigInt.asIntN(32, BigInt(image.payloadEnd));
      const zero = source.read(0, 4096).indexOf(0);
      const bytes = wrapped < 0n ? zero : Number(wrapped);
      assert.equal(bytes, plan.facts?.['signedBytes']);
      assert.ok(signed(sample, source, image, slice(source, 0, bytes)), 'a broken verifier takes it');
    });
  }
});
