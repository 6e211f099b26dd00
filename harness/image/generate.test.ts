import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { FirmwareImage } from '../capabilities.ts';
import { BenchError, NotExecuted } from '../errors.ts';
import { bytesSource } from './byte-source.ts';
import { parseMcuboot } from './formats/mcuboot/parse.ts';
import { verifyMcuboot } from './formats/mcuboot/verify.ts';
import { freshKey } from './fresh-key.ts';
import {
  attackImages,
  attackSeed,
  attackSet,
  attacksOn,
  inMemory,
  genuine,
  type AttackImage,
  type AttackSet,
} from './generate.ts';
import { regionNamed } from './image.ts';
import type { Expectation, Mutation, Plan } from './mutation.ts';
import { overwrite, patched, PatchSet } from './patch-set.ts';
import { formatOf } from './recognise.ts';
import { rebuildAttack } from './provenance.ts';
import type { PublicKey } from './trust.ts';
import { selfCheck } from './self-check.ts';
import { buildMcuboot, type BuildOptions } from './formats/mcuboot/test/builder.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const seed = Buffer.alloc(32, 5);

const base = buildMcuboot({ key: p256, name: 'golden-1.2.0.bin' });
const second = buildMcuboot({ key: p256, version: [1, 1, 0, 0], name: 'older-1.1.0.bin' });
const trustedKeys: PublicKey[] = [{ kind: 'classic', key: createPublicKey(p256), name: 'maker' }];

function one(
  id: string,
  from = base,
  other: FirmwareImage | undefined = second,
): AttackImage & { image: FirmwareImage } {
  const [attack] = attackImages(genuine(from), { ids: [id], seed, second: genuine(other) });
  assert.ok(attack);
  return { ...attack, image: inMemory(attack) };
}

const ids = attacksOn('mcuboot')
  .filter(({ depth }) => depth === 'standard')
  .map(({ id }) => id);

/** Sample keys of other kinds than the image's key make no attack of it; nothing else may fail to. */
const otherKind = /^the image is not signed with a key of kind (p256|p384|ed25519|rsa2048|rsa3072)$/;
function unexpected({ notApplicable }: AttackSet): AttackSet['notApplicable'] {
  return notApplicable.filter(({ id, why }) => !(id.includes('-sample-key-') && otherKind.test(why)));
}

describe('attack images', () => {
  it('has the attacks of every run, under stable ids', () => {
    assert.deepEqual(ids, [
      'mcuboot-strip-signature',
      'mcuboot-signature-first-byte-plus-one',
      'mcuboot-signature-transplanted',
      'mcuboot-unknown-key',
      'mcuboot-unknown-key-trusted-hash',
      'mcuboot-sample-key-mcuboot-ec-p256',
      'mcuboot-sample-key-mcuboot-cypress-ec-p256',
      'mcuboot-sample-key-tf-m-psoc64',
      'mcuboot-sample-key-tf-a-rotpk-ecdsa',
      'mcuboot-sample-key-mcuboot-ec-p384',
      'mcuboot-sample-key-mcuboot-ed25519-unknown',
      'mcuboot-sample-key-u-boot-binman-dev',
      'mcuboot-sample-key-tf-a-rotpk-rsa',
      'mcuboot-sample-key-tf-a-rotpk-rsa-3072',
      'mcuboot-payload-first-bit-stale-digest',
      'mcuboot-payload-first-bit-fresh-digest',
      'mcuboot-payload-middle-bit-stale-digest',
      'mcuboot-payload-middle-bit-fresh-digest',
      'mcuboot-payload-last-bit-stale-digest',
      'mcuboot-payload-last-bit-fresh-digest',
      'mcuboot-header-version-stale-digest',
      'mcuboot-header-version-fresh-digest',
      'mcuboot-header-load-addr-stale-digest',
      'mcuboot-header-load-addr-fresh-digest',
      'mcuboot-header-img-size-stale-digest',
      'mcuboot-header-img-size-fresh-digest',
      'mcuboot-header-img-size-lie',
      'mcuboot-appended-1',
      'mcuboot-appended-4096',
      'mcuboot-truncated-one-byte',
      'mcuboot-truncated-half',
      'mcuboot-truncated-before-signature',
    ]);
  });

  const variants: [name: string, options: Omit<BuildOptions, 'key'> & { key: KeyObject }][] = [
    ['ECDSA', { key: p256 }],
    ['Ed25519', { key: ed25519 }],
    ['Ed25519 over SHA-512', { key: ed25519, hash: 'sha512' }],
    ['RSA', { key: rsa2048 }],
    [
      'no protected area, small header, padded to a slot',
      { key: p256, protectedTlvs: [], hdrSize: 32, trailing: Buffer.alloc(9000, 0xff) },
    ],
    ['a payload of one byte', { key: p256, payload: Buffer.of(1) }],
  ];
  for (const [name, options] of variants) {
    it(`makes all of them from an image with ${name}, each refused by a verifier with the real keys`, () => {
      const from = buildMcuboot(options);
      const other = buildMcuboot({ ...options, version: [0, 1, 0, 0] });
      const keys = [createPublicKey(options.key)];
      const trusted = keys.map((key): PublicKey => ({ kind: 'classic', key, name: 'maker' }));
      for (const trust of [{ trustedKeys: trusted }, {}]) {
        const set = { seed, ids, second: genuine(other), ...trust };
        const made = attackSet(genuine(from), set);
        const { images, notApplicable } = made;
        assert.deepEqual(unexpected(made), []);
        assert.equal(images.length + notApplicable.length, ids.length);
        assert.ok(images.some(({ mutation }) => mutation.kind === 'sample-key'));
        for (const attack of images) {
          const { mutation, expectation } = attack;
          const image = inMemory(attack);
          const accepted = verifyMcuboot(bytesSource(image.bytes), { keys }).accepted;
          assert.equal(accepted, expectation.class === 'benign-accept', mutation.id);
          assert.equal(createHash('sha256').update(image.bytes).digest('hex'), image.sha256);
        }
      }
    });
  }

  it('changes only what the name says: a payload bit, and with a fresh digest the digest', () => {
    const differing = (bytes: Uint8Array): string[] => {
      const image = parseMcuboot(bytesSource(base.bytes));
      return image.regions
        .filter(
          ({ start, end }) =>
            Buffer.compare(bytes.subarray(start, end), base.bytes.subarray(start, end)) !== 0,
        )
        .map(({ name }) => name);
    };
    for (const where of ['first', 'middle', 'last']) {
      const stale = one(`mcuboot-payload-${where}-bit-stale-digest`).image.bytes;
      const fresh = one(`mcuboot-payload-${where}-bit-fresh-digest`).image.bytes;
      assert.deepEqual(differing(stale), ['payload']);
      assert.deepEqual(differing(fresh), ['payload', 'unprotected.SHA256.value']);
    }
    assert.deepEqual(differing(one('mcuboot-header-version-stale-digest').image.bytes), [
      'header.version.minor',
    ]);
    assert.deepEqual(differing(one('mcuboot-signature-first-byte-plus-one').image.bytes), [
      'unprotected.ECDSA.value',
    ]);
    const { start, end } = regionNamed(parseMcuboot(bytesSource(base.bytes)), 'payload') ?? {
      start: 0,
      end: 0,
    };
    const offsets = ['first', 'middle', 'last'].map(
      (where) => one(`mcuboot-payload-${where}-bit-stale-digest`).provenance.facts['offset'],
    );
    assert.deepEqual(offsets, [start, start + Math.floor((end - start) / 2), end - 1]);
  });

  it('keeps the stripped image well-formed', () => {
    const image = parseMcuboot(bytesSource(one('mcuboot-strip-signature').image.bytes));
    assert.deepEqual(image.issues, []);
    assert.deepEqual(
      image.tlvs.map(({ name }) => name),
      ['SEC_CNT', 'SHA256', 'KEYHASH'],
    );
  });

  it('truncates the image, not what pads it', () => {
    const padded = buildMcuboot({ key: p256, trailing: Buffer.alloc(9000, 0xff) });
    const { imageEnd } = parseMcuboot(bytesSource(padded.bytes));
    assert.equal(one('mcuboot-truncated-one-byte', padded).image.bytes.length, imageEnd - 1);
    assert.equal(one('mcuboot-truncated-half', padded).image.bytes.length, Math.floor(imageEnd / 2));
  });

  it('re-signs with a key that fits its own hash, so that only trust can refuse it', () => {
    const attack = one('mcuboot-unknown-key');
    const stranger = createPublicKey(String(attack.provenance.facts['publicKey']));
    assert.deepEqual(verifyMcuboot(bytesSource(attack.image.bytes), { keys: [stranger] }), {
      accepted: true,
    });
  });

  it('makes the same image from the same seed, and other attacks never shift it', () => {
    const again = attackSet(genuine(base), { seed, second: genuine(second), trustedKeys }).images;
    for (const { mutation, sha256 } of again) {
      assert.equal(one(mutation.id).sha256, sha256, mutation.id);
    }
    const otherSeed = attackImages(genuine(base), {
      ids: ['mcuboot-unknown-key'],
      seed: Buffer.alloc(32, 6),
    });
    assert.notEqual(otherSeed[0]?.sha256, one('mcuboot-unknown-key').sha256);
    const [first, other] = [genuine(base).source, genuine(second).source];
    assert.notDeepEqual(attackSeed(seed, 'a', first), attackSeed(seed, 'b', first));
    assert.notDeepEqual(attackSeed(seed, 'a', first), attackSeed(seed, 'a', other));
  });

  it('can be rebuilt from base and provenance alone, through JSON', () => {
    for (const { provenance, sha256, name } of attackSet(genuine(base), { seed, second: genuine(second) })
      .images) {
      const record = JSON.parse(JSON.stringify(provenance)) as typeof provenance;
      const rebuilt = rebuildAttack(genuine(base), record, genuine(second));
      assert.equal(rebuilt.sha256, sha256);
      assert.equal(rebuilt.name, name);
      assert.throws(() => rebuildAttack(genuine(second), record), { code: 'other-digest' });
    }
  });

  it('reports what does not apply, and refuses it when asked for by name', () => {
    assert.deepEqual(unexpected(attackSet(genuine(base), { seed, ids })), [
      { id: 'mcuboot-signature-transplanted', why: 'it needs a second genuine image' },
    ]);
    const same = (): unknown => one('mcuboot-signature-transplanted', base, base);
    assert.throws(same, (error: unknown) => {
      assert.ok(error instanceof NotExecuted);
      assert.match(error.message, /the second image is signed over the same bytes/);
      return true;
    });
    const bare = buildMcuboot({ key: ed25519, pure: true, noDigest: true });
    assert.throws(() => one('mcuboot-payload-first-bit-fresh-digest', bare), NotExecuted);
  });

  it('starts only from what is genuine, and says what is wrong', () => {
    const broken = { ...base, bytes: base.bytes.subarray(0, 150) };
    assert.throws(() => attackImages(genuine(broken), { seed }), { code: 'base-refused' });
    const stranger = createPublicKey(ed25519);
    assert.throws(
      () =>
        attackImages(genuine(base), {
          seed,
          trustedKeys: [{ kind: 'classic', key: stranger, name: 'stranger' }],
        }),
      /base-refused|unknown-key/,
    );
    const text = { name: 'notes.txt', bytes: Buffer.from('not an image'), sha256: '' };
    assert.throws(() => attackImages(genuine(text), { seed }), { code: 'unknown-format' });
    assert.throws(() => attackImages(genuine(base), { seed, ids: ['mcuboot-strip'] }), {
      code: 'unknown-attack',
    });
    assert.throws(() => attackImages(genuine(base), { seed: Buffer.alloc(8) }), { code: 'short-seed' });
  });

  it('names images so that they can be told apart on a wire', () => {
    assert.equal(one('mcuboot-appended-1').image.name, 'golden-1.2.0.mcuboot-appended-1.bin');
  });
});

describe('self-check of attack images', () => {
  const source = bytesSource(base.bytes);
  const format = formatOf(source);
  const image = parseMcuboot(source);
  const payloadAt = regionNamed(image, 'payload')?.start ?? 0;

  function check(plan: Plan, expectation: Expectation): void {
    assert.ok(format);
    const mutation: Mutation = {
      id: 'planted',
      name: '',
      rationale: '',
      references: [],
      kind: 'payload',
      attackerModel: 'network',
      needs: [],
      expectation,
      plan: () => plan,
    };
    const set = new PatchSet(source.size, plan.patches);
    const altered = patched(source, set);
    const verifyWith = format.verifier({ keys: trustedKeys, genuine: [], policy: {} });
    selfCheck({ mutation, expectation, plan, set, source, image, format, altered, verify: verifyWith });
  }
  const flipped = overwrite(payloadAt, Buffer.of((base.bytes[payloadAt] ?? 0) ^ 1));
  const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;

  it('passes an honest one', () => {
    check({ patches: [flipped], touches: ['payload'], refusedFor: 'digest' }, mustReject);
  });

  const planted: [name: string, plan: Plan, expectation: Expectation, message: RegExp][] = [
    ['no difference', { patches: [], touches: [] }, mustReject, /does not differ/],
    [
      'a region it leaves alone',
      { patches: [flipped], touches: ['payload', 'header.flags'] },
      mustReject,
      /means to change header\.flags, and does not/,
    ],
    [
      'a region overwritten with itself',
      {
        patches: [flipped, overwrite(16, base.bytes.subarray(16, 20))],
        touches: ['payload', 'header.flags'],
      },
      mustReject,
      /means to change header\.flags, and does not/,
    ],
    [
      'a region beside the intended one',
      { patches: [overwrite(payloadAt - 1, Buffer.of(9, 9))], touches: ['payload'] },
      mustReject,
      /also changes header\.padding/,
    ],
    [
      'a region that is not there',
      { patches: [flipped], touches: ['payload', 'nowhere'] },
      mustReject,
      /nowhere, which the image does not have/,
    ],
    [
      'an acceptable image said to be forged',
      {
        patches: [{ at: source.size, remove: 0, insert: [{ kind: 'fill', byte: 1, count: 1 }] }],
        touches: ['end-of-file'],
      },
      mustReject,
      /our own verifier accepts it/,
    ],
    [
      'a forged image said to be harmless',
      { patches: [flipped], touches: ['payload'] },
      { class: 'benign-accept' },
      /our own verifier refuses it: digest/,
    ],
    [
      'a refusal for another reason',
      { patches: [flipped], touches: ['payload'], refusedFor: 'signature' },
      mustReject,
      /refuses it for digest .* not for signature/,
    ],
  ];
  for (const [name, plan, expectation, message] of planted) {
    it(`catches ${name}`, () => {
      assert.throws(
        () => check(plan, expectation),
        (error: unknown) => {
          assert.ok(error instanceof BenchError);
          assert.equal(error.code, 'generator-bug');
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

describe('fresh keys', () => {
  it('sign what node:crypto verifies, the same way each time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), (keySeed, message) => {
        const digest = createHash('sha256').update(message).digest();
        const hash = { algorithm: 'sha256', digest };
        const ec = freshKey('p256', keySeed);
        assert.ok(verify('sha256', message, ec.publicKey, ec.sign([message], hash)));
        assert.deepEqual(ec.sign([message], hash), freshKey('p256', keySeed).sign([message], hash));
        const ed = freshKey('ed25519', keySeed);
        assert.ok(verify(null, digest, ed.publicKey, ed.sign([message], hash)));
      }),
      { numRuns: 25 },
    );
  });
});
