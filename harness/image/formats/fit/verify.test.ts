import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource, materialise, type ByteSource } from '../../byte-source.ts';
import { property } from '../../codec/fdt.ts';
import { attackImages } from '../../generate.ts';
import { regionNamed } from '../../image.ts';
import type { Policy } from '../../policy.ts';
import { fit } from './index.ts';
import { chosenConfigurations } from './model.ts';
import { parseFit } from './parse.ts';
import { buildFit, type BuildOptions } from './test/builder.ts';
import { captured, capturedKey } from './test/captured.ts';
import { fitVerifier } from './verify.ts';

const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const rsa3072 = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const publicOf = (key: KeyObject): KeyObject => createPublicKey(key);

function reason(source: ByteSource, keys: KeyObject[], policy: Policy = {}): string {
  const verdict = fitVerifier({
    keys: keys.map((key) => ({ kind: 'classic', key, name: 'maker' })),
    genuine: [],
    policy,
  })(source);
  return verdict.accepted ? 'accepted' : verdict.reason;
}

const kinds: [name: string, options: BuildOptions][] = [
  ['RSA-2048 over SHA-256', { key: rsa2048 }],
  ['RSA-2048 over SHA-1', { key: rsa2048, algorithm: 'sha1,rsa2048', hashes: ['sha1'] }],
  ['RSA-2048 PSS', { key: rsa2048, padding: 'pss' }],
  [
    'RSA-3072 PSS over SHA-384',
    { key: rsa3072, algorithm: 'sha384,rsa3072', padding: 'pss', hashes: ['sha384'] },
  ],
  [
    'RSA-3072 over SHA-512',
    { key: rsa3072, algorithm: 'sha512,rsa3072', hashes: ['sha512', 'md5', 'crc32'] },
  ],
  ['ECDSA P-256', { key: p256, algorithm: 'sha256,ecdsa256' }],
];

describe('FIT reference verifier', () => {
  it('accepts what mkimage made, for its key alone', () => {
    const source = bytesSource(captured);
    assert.equal(reason(source, [publicOf(rsa3072), publicOf(rsa2048), capturedKey]), 'accepted');
    assert.equal(reason(source, [publicOf(rsa2048)]), 'signature');
  });

  for (const [name, options] of kinds) {
    for (const where of ['embedded', 'offset', 'position'] as const) {
      it(`accepts ${name}, ${where}, and refuses it altered or for a stranger`, () => {
        const bytes = buildFit({ ...options, where });
        const keys = [publicOf(options.key)];
        assert.equal(reason(bytesSource(bytes), keys), 'accepted');
        const image = parseFit(bytesSource(bytes));
        const flip = (region: string): ByteSource => {
          const { start } = regionNamed(image, region) ?? { start: 0 };
          const altered = Buffer.from(bytes);
          altered[start] = (altered[start] ?? 0) ^ 1;
          return bytesSource(altered);
        };
        const data = where === 'embedded' ? '/images/fdt-1.data' : 'data.fdt-1';
        assert.equal(reason(flip(data), keys), 'hash');
        assert.equal(reason(flip('/images/kernel-1.load'), keys), 'signature');
        assert.equal(reason(flip('/configurations/conf-1/signature-1.value'), keys), 'signature');
        assert.equal(reason(flip('/configurations/conf-1/signature-1.key-name-hint'), keys), 'accepted');
        assert.equal(
          reason(
            bytesSource(bytes),
            [publicOf(rsa2048), publicOf(p256)].filter((key) => !key.equals(keys[0] as KeyObject)),
          ),
          'signature',
        );
      });
    }
  }

  it('accepts nothing that differs in a signed bit', () => {
    const bytes = buildFit({ key: rsa2048 });
    const keys = [publicOf(rsa2048)];
    const signed = parseFit(bytesSource(bytes)).regions.filter(({ coverage }) => coverage !== 'unsigned');
    const place = fc
      .constantFrom(...signed)
      .chain(({ start, end }) => fc.integer({ min: start, max: end - 1 }));
    fc.assert(
      fc.property(place, fc.nat(7), (at, bit) => {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        assert.notEqual(reason(bytesSource(altered), keys), 'accepted', `bit ${bit} at ${at}`);
      }),
      { numRuns: 300 },
    );
  });

  it('makes the list of signed nodes itself', () => {
    const keys = [publicOf(rsa2048)];
    const partly = buildFit({ key: rsa2048, signImages: ['kernel'] });
    assert.equal(reason(bytesSource(partly), keys), 'coverage');
  });

  it('takes a default that is no string for one that is not there', () => {
    const bytes = buildFit({ key: rsa2048, secondConfiguration: true });
    const end = regionNamed(parseFit(bytesSource(bytes)), '/configurations.default')?.end ?? 0;
    bytes[end - 1] = 0x7f;
    assert.equal(reason(bytesSource(bytes), [publicOf(rsa2048)]), 'configuration');
  });

  it('asks for signatures as the policy says, else as the image is signed', () => {
    const keys = [publicOf(rsa2048)];
    const images = bytesSource(buildFit({ key: rsa2048, signs: 'image' }));
    assert.equal(reason(images, keys), 'accepted');
    assert.equal(reason(images, keys, { requiredSignature: 'image' }), 'accepted');
    assert.equal(reason(images, keys, { requiredSignature: 'configuration' }), 'unsigned');
    const configured = bytesSource(buildFit({ key: rsa2048 }));
    assert.equal(reason(configured, keys, { requiredSignature: 'image' }), 'unsigned');
  });

  it('takes what the genuine images are signed as, not what an image says of itself', () => {
    const genuine = bytesSource(buildFit({ key: rsa2048 }));
    const imagesOnly = bytesSource(buildFit({ key: rsa2048, signs: 'image' }));
    const verify = fitVerifier({
      keys: [{ kind: 'classic', key: publicOf(rsa2048), name: 'maker' }],
      genuine: [genuine],
      policy: {},
    });
    const verdict = verify(imagesOnly);
    assert.ok(!verdict.accepted && verdict.reason === 'unsigned');
  });

  it('checks board and appended data where the device does', () => {
    const genuine = buildFit({ key: rsa2048, where: 'offset' });
    const verify = fitVerifier({
      keys: [{ kind: 'classic', key: publicOf(rsa2048), name: 'maker' }],
      genuine: [bytesSource(genuine)],
      policy: { hardwareCompatibility: 'checked', appendedData: 'refuse' },
    });
    const reasonOf = (bytes: Uint8Array): string => {
      const verdict = verify(bytesSource(bytes));
      return verdict.accepted ? 'accepted' : verdict.reason;
    };
    assert.equal(reasonOf(genuine), 'accepted');
    assert.equal(reasonOf(buildFit({ key: rsa2048, compatible: 'acme,other' })), 'hardware');
    assert.equal(reasonOf(Buffer.concat([genuine, Buffer.of(1)])), 'appended');
  });
});

describe('FIT attacks', () => {
  const base = { name: 'golden.itb', source: bytesSource(buildFit({ key: rsa2048, where: 'position' })) };
  const options = {
    seed: Buffer.alloc(32, 3),
    trustedKeys: [{ kind: 'classic' as const, key: publicOf(rsa2048), name: 'maker' }],
  };
  const attack = (id: string): ByteSource => {
    const [made] = attackImages(base, { ...options, ids: [id] });
    assert.ok(made);
    return made.source;
  };

  it('fit-image-clone keeps every signed byte in order, and would boot another kernel', () => {
    const source = attack('fit-image-clone');
    const image = parseFit(source);
    const kernel = chosenConfigurations(image)[0]?.references.find(({ role }) => role === 'kernel')?.image;
    assert.equal(kernel?.data?.kind, 'embedded');
    assert.notEqual(
      fit.executedDigest(source, image),
      fit.executedDigest(base.source, parseFit(base.source)),
    );
    const listed = image.configurations[0]?.signatures[0]?.hashedNodes ?? [];
    assert.ok(listed.includes('/images/aside/kernel-1/hash-1'), listed.join(' '));
    assert.deepEqual(
      image.issues.filter(({ code }) => code.startsWith('fdt-')),
      [],
    );
  });

  it('edits leave a tree that is right, with positions that follow', () => {
    for (const id of ['fit-load-address-added', 'fit-unsigned-copy-beside', 'fit-reservation-added']) {
      const image = parseFit(attack(id));
      assert.deepEqual(image.issues, [], id);
      const [before] = parseFit(base.source).images;
      const [after] = image.images;
      assert.ok(before?.data !== undefined && after?.data !== undefined);
      const grown = (image.tree.header?.totalsize ?? 0) - (parseFit(base.source).tree.header?.totalsize ?? 0);
      assert.equal(after.data.start - before.data.start, grown, id);
    }
  });

  it('fit-legacy-image has good checksums of its own', () => {
    const bytes = Buffer.from(materialise(attack('fit-legacy-image')));
    assert.equal(bytes.readUInt32BE(0), 0x2705_1956);
    assert.match(bytes.toString('latin1', 64), /^kernel of the test image/);
    assert.equal(bytes.readUInt32BE(12), bytes.length - 64);
  });

  it('fit-strip-signature leaves no signature behind', () => {
    const image = parseFit(attack('fit-strip-signature'));
    assert.equal(image.configurations[0]?.signatures.length, 0);
    assert.equal(property(image.root, 'description') === undefined, false);
  });

  it('expects less of a device that goes by the signatures of images', () => {
    const load = fit.mutations.find(({ id }) => id === 'fit-load-address')?.expectation;
    assert.ok(typeof load === 'function');
    assert.equal(load({}).class, 'must-reject');
    assert.equal(load({ requiredSignature: 'configuration' }).class, 'must-reject');
    assert.equal(load({ requiredSignature: 'image' }).class, 'policy');
  });

  it('expects an unsigned default to be refused only of a loader that goes by the default', () => {
    const switched = fit.mutations.find(
      ({ id }) => id === 'fit-default-switched-to-unsigned-copy',
    )?.expectation;
    assert.ok(typeof switched === 'function');
    assert.equal(switched({ bootsConfiguration: 'default' }).class, 'must-reject');
    assert.equal(switched({ bootsConfiguration: 'named' }).class, 'policy');
    assert.equal(switched({}).class, 'policy');
  });
});
