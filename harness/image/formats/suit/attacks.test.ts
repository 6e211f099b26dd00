import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { decode } from 'cborg';
import { describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { attackSet, type AttackImage } from '../../generate.ts';
import { expectationOf } from '../../mutation.ts';
import type { Policy } from '../../policy.ts';
import { suit } from './index.ts';
import { parseSuit } from './parse.ts';
import { buildSuit, type BuildOptions } from './test/builder.ts';
import { suitSamples } from './test/samples.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const payload = Buffer.from('payload of the test image, and more of it');
const seed = Buffer.alloc(32, 9);

function made(id: string, options: Partial<BuildOptions> = {}, policy: Policy = {}): AttackImage {
  const build = { key, payload, severedInstall: true, text: 'Text.', ...options };
  const { images, notApplicable } = attackSet(
    { name: 'golden.suit', source: bytesSource(buildSuit(build)) },
    {
      seed,
      format: suit,
      ids: [id],
      trustedKeys: [{ kind: 'classic', key: createPublicKey(key), name: 'maker' }],
      testKey: { kind: 'classic', key, chain: [], name: 'test' },
      second: {
        name: 'older.suit',
        source: bytesSource(buildSuit({ ...build, sequenceNumber: 3, payload: payload.subarray(5) })),
      },
      policy,
    },
  );
  return images[0] ?? assert.fail(`${id}: ${notApplicable[0]?.why}`);
}

const bytesOf = (attack: AttackImage): Uint8Array => materialise(attack.source);
const parsed = (attack: AttackImage): ReturnType<typeof parseSuit> => parseSuit(attack.source);

/** The envelope as a library sees it, without its tag. */
function envelope(attack: AttackImage): Map<unknown, Uint8Array> {
  return decode(bytesOf(attack).subarray(2), { useMaps: true, rejectDuplicateMapKeys: true }) as Map<
    unknown,
    Uint8Array
  >;
}

const policies: Policy[] = [
  {},
  {
    appendedData: 'refuse',
    equalCounter: 'refuse',
    lowerVersion: 'refuse',
    unsignedMetadata: 'refuse',
    hardwareCompatibility: 'checked',
    malleableSignatures: 'refuse',
  },
  {
    appendedData: 'ignore',
    equalCounter: 'accept',
    lowerVersion: 'accept',
    unsignedMetadata: 'use',
    hardwareCompatibility: 'unchecked',
    malleableSignatures: 'accept',
  },
];

describe('SUIT attacks', () => {
  it('are what their expectations say under any policy, with the maker’s key and without', () => {
    const [first, ...others] = suitSamples();
    assert.ok(first);
    for (const { bytes, second, keys, testKey } of [first, ...others.slice(-1)]) {
      for (const policy of policies) {
        for (const trustedKeys of keys.length > 0 ? [keys, []] : [[]]) {
          const older =
            second === undefined ? {} : { second: { name: 'older', source: bytesSource(second) } };
          // Without the maker’s key there is none to tell that a test key is trusted.
          const test = trustedKeys.length > 0 && testKey !== undefined ? { testKey } : {};
          const options = { seed, format: suit, trustedKeys, policy, ...older, ...test };
          const { images } = attackSet({ name: 'golden', source: bytesSource(bytes) }, options);
          assert.ok(images.length > 60, `${images.length} attacks`);
        }
      }
    }
  });

  it('keep every length right around what they change', () => {
    for (const id of ['suit-uri', 'suit-sequence-number-largest', 'suit-reference-uri']) {
      const options = { severedInstall: false, referenceUri: 'https://example.com' };
      const attack = made(`${id}-fresh-digest`, options);
      assert.deepEqual(parsed(attack).issues, [], id);
      assert.equal(parsed(attack).envelopeEnd, attack.source.size);
      assert.deepEqual([...envelope(attack).keys()], [2, 3, 23, '#firmware']);
    }
    assert.equal(
      parsed(made('suit-sequence-number-largest-fresh-digest')).manifest?.sequenceNumber,
      0xffff_ffff_ffff_ffffn,
    );
  });

  it('recompute the image digest and the size of a payload of another length', () => {
    const attack = made('suit-payload-of-older-fresh-digests');
    const { manifest, program } = parsed(attack);
    const [match] = program.matches;
    assert.equal(match?.sizes[0], BigInt(payload.length - 5));
    assert.ok(manifest);
    assert.deepEqual(envelope(attack).get('#firmware'), Uint8Array.from(payload.subarray(5)));
  });

  it('sign anew with one signature, whatever was there', () => {
    const attack = made('suit-manifest-version-resigned', { several: true, withMac: true });
    assert.deepEqual(
      parsed(attack).auth?.blocks.map(({ kind }) => kind),
      ['sign1'],
    );
    assert.equal(parsed(attack).manifest?.version, 2n);
  });

  it('put two manifests or payloads of one key side by side', () => {
    for (const id of ['suit-manifest-twice-before', 'suit-payload-twice-after']) {
      const attack = made(id);
      assert.throws(() => envelope(attack), /duplicate|repeat/i, id);
      const codes = parsed(attack).issues.map(({ code }) => code);
      assert.ok(codes.includes('cbor-duplicate-key'), codes.join(' '));
      assert.equal(parsed(attack).manifest?.sequenceNumber, 7n);
    }
  });

  it('write the same envelope in other heads', () => {
    for (const id of [
      'suit-envelope-indefinite',
      'suit-envelope-long-head',
      'suit-keys-long',
      'suit-auth-long-head',
    ]) {
      const attack = made(id);
      assert.ok(
        attack.source.size > buildSuit({ key, payload, severedInstall: true, text: 'Text.' }).length,
        id,
      );
      const [first] = parsed(attack).issues;
      assert.match(first?.code ?? '', /^cbor-(indefinite|long-head)$/, id);
      assert.deepEqual(parsed(attack).broken, {}, id);
    }
    assert.deepEqual([...envelope(made('suit-keys-reversed')).keys()], ['#firmware', 23, 20, 3, 2]);
  });

  it('leave r and s as they are meant to be', () => {
    const signature = (id: string, policy?: Policy): Buffer => {
      const attack = made(id, {}, policy);
      const [one] = parsed(attack).auth?.blocks[0]?.signatures ?? [];
      return Buffer.from(attack.source.read(one?.signature.headEnd ?? 0, one?.signature.end ?? 0));
    };
    assert.deepEqual(signature('suit-ecdsa-both-zero'), Buffer.alloc(64));
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    assert.equal(signature('suit-ecdsa-both-order').toString('hex'), order + order);
    assert.equal(signature('suit-ecdsa-der')[0], 0x30);
    assert.equal(signature('suit-ecdsa-longer').length, 66);
  });

  it('leave no code beside a signature that is no longer good', () => {
    for (const id of ['suit-ecdsa-both-zero', 'suit-algorithm-none', 'suit-algorithm-moved']) {
      assert.deepEqual(
        parsed(made(id, { withMac: true })).auth?.blocks.map(({ kind }) => kind),
        ['sign1'],
        id,
      );
    }
  });

  it('cut nothing that is only text and call that dangerous', () => {
    const { images, notApplicable } = attackSet(
      { name: 'golden', source: bytesSource(buildSuit({ key, text: 'Text that comes last.' })) },
      { seed, format: suit, ids: ['suit-truncated-one-byte', 'suit-truncated-before-signature'] },
    );
    assert.deepEqual(
      images.map(({ mutation }) => mutation.id),
      ['suit-truncated-before-signature'],
    );
    assert.match(notApplicable[0]?.why ?? '', /text/);
  });

  it('expect what the device declares', () => {
    const expected = (id: string, policy: Policy): string => {
      const mutation = suit.mutations.find((one) => one.id === id) ?? assert.fail(id);
      return expectationOf(mutation, policy).class;
    };
    assert.equal(expected('suit-ecdsa-s-negated', {}), 'policy');
    assert.equal(expected('suit-ecdsa-s-negated', { malleableSignatures: 'refuse' }), 'must-reject');
    assert.equal(expected('suit-ecdsa-s-negated', { malleableSignatures: 'accept' }), 'benign-accept');
    assert.equal(expected('suit-vendor-id-resigned', {}), 'policy');
    assert.equal(expected('suit-vendor-id-resigned', { hardwareCompatibility: 'checked' }), 'must-reject');
    assert.equal(expected('suit-older-release', {}), 'must-reject');
    assert.equal(expected('suit-appended-1', {}), 'benign-accept');
    assert.equal(expected('suit-appended-1', { appendedData: 'refuse' }), 'must-reject');
    assert.equal(expected('suit-severed-undeclared', { unsignedMetadata: 'refuse' }), 'must-reject');
    assert.equal(expected('suit-severed-undeclared', {}), 'benign-accept');
  });
});
