import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { before, describe, it } from 'mocha';
import { bytesSource, materialise } from '../../byte-source.ts';
import { scanCpio } from '../../codec/cpio.ts';
import { attackSet, type AttackSet } from '../../generate.ts';
import type { Policy } from '../../policy.ts';
import { makeTestAuthority, type TestAuthority, type TestSigner } from '../../test/test-ca.ts';
import type { PublicKey } from '../../trust.ts';
import { swupdate } from './index.ts';
import { parseSwupdate } from './parse.ts';
import { buildSwupdate } from './test/builder.ts';
import { cmsBy, cmsByTwo, trusted } from './test/samples.ts';

describe('signers of SWUpdate images', () => {
  let ca: TestAuthority;
  let one: Buffer;
  let two: Buffer;
  before(async () => {
    ca = await makeTestAuthority();
    one = buildSwupdate({ signature: cmsBy(ca.valid) });
    two = buildSwupdate({ signature: cmsByTwo(ca) });
  });

  interface Given {
    policy?: Policy;
    testKey?: TestSigner;
    keys?: readonly PublicKey[];
  }

  function attack(image: Buffer, id: string, { policy = {}, testKey, keys }: Given): AttackSet {
    const test = testKey && {
      testKey: { kind: 'classic', key: testKey.privateKey, chain: testKey.chain, name: 'test' } as const,
    };
    return attackSet(
      { name: 'golden.swu', source: bytesSource(image) },
      {
        ids: [id],
        seed: Buffer.alloc(32, 6),
        format: swupdate,
        trustedKeys: keys ?? [trusted(ca.root)],
        policy,
        ...test,
      },
    );
  }

  /** What is expected of the attack, or why it was not made. */
  function make(image: Buffer, id: string, given: Given = {}): string {
    const { images, notApplicable } = attack(image, id, given);
    return images[0]?.expectation.class ?? notApplicable[0]?.why ?? '';
  }

  /** With the authority for a test key. */
  function made(image: Buffer, id: string, given: Given = {}): Buffer {
    const [first] = attack(image, id, { testKey: ca.intermediate, ...given }).images;
    assert.ok(first);
    return Buffer.from(materialise(first.source));
  }

  const signerCommonNames = (bytes: Buffer): (string | undefined)[] => {
    const { cms } = parseSwupdate(bytesSource(bytes));
    return (cms?.certificates ?? []).map(
      ({ certificate }) => /CN=(.*)/.exec(certificate?.subject ?? '')?.[1],
    );
  };

  it('must be as many as are declared, each with a key of its own', () => {
    for (const id of ['one-removed', 'same-signer-twice', 'same-signer-other-name']) {
      const attack = `swupdate-threshold-${id}`;
      assert.equal(make(two, attack, { policy: { threshold: 2 } }), 'must-reject', id);
      assert.equal(make(two, attack, { policy: { threshold: 2 }, keys: [] }), 'must-reject', id);
      assert.equal(make(two, attack), 'the declaration names no threshold');
      assert.equal(make(one, attack), 'the declaration names no threshold');
    }
  });

  it('have the genuine names where the test key issues them, but where the name is what is wrong', () => {
    const control = made(one, 'swupdate-signed-control');
    assert.deepEqual(signerCommonNames(control), ['Release Signer', 'Release CA']);
    const otherName = made(one, 'swupdate-certificate-other-name');
    assert.deepEqual(signerCommonNames(otherName), ['Fieldproof Other Product', 'Release CA']);
    const testKey = ca.intermediate;
    const named = (signerName: 'checked' | 'unchecked'): string =>
      make(one, 'swupdate-certificate-other-name', { testKey, policy: { signerName } });
    assert.equal(named('checked'), 'must-reject');
    assert.equal(named('unchecked'), 'must-accept');
    assert.equal(make(one, 'swupdate-certificate-other-name', { testKey }), 'policy');
  });

  it('are all made anew where several are needed, and not made where the test key is one signer’s', () => {
    const control = made(two, 'swupdate-signed-control', { policy: { threshold: 2, signerName: 'checked' } });
    assert.deepEqual(signerCommonNames(control), ['Release Signer', 'Release CA', 'Other Signer']);
    assert.match(
      make(two, 'swupdate-signed-control', { testKey: ca.other, policy: { threshold: 2 } }),
      /wants 2 signers/,
    );
    assert.match(
      make(one, 'swupdate-signed-control', { testKey: ca.other, policy: { signerName: 'checked' } }),
      /checks the names/,
    );
    assert.equal(make(one, 'swupdate-signed-control', { testKey: ca.other }), 'must-accept');
    assert.equal(make(two, 'swupdate-signed-control', { testKey: ca.other }), 'must-accept');
  });

  it('lead to the root by what the image brings, unless more is trusted', () => {
    const id = 'swupdate-certificate-intermediate-missing';
    assert.equal(make(one, id), 'must-reject');
    assert.match(make(one, id, { keys: [trusted(ca.root), trusted(ca.intermediate)] }), /trusts the signer/);
    assert.match(make(one, id, { keys: [] }), /trusts the signer/);
    const direct = buildSwupdate({ signature: cmsBy(ca.direct) });
    assert.match(make(direct, id), /cannot|not of a kind/);
  });

  it('sign what hurts: a bomb, and a path out', () => {
    for (const json of [false, true]) {
      const image = buildSwupdate({ signature: cmsBy(ca.valid), json });
      const bomb = made(image, 'swupdate-signed-bomb');
      const packed = scanCpio(bytesSource(bomb)).entries.find(({ name }) => name === 'kernel.img');
      assert.ok(packed && packed.dataEnd - packed.dataStart < 32_768);
      const zeros = gunzipSync(bomb.subarray(packed.dataStart, packed.dataEnd));
      assert.equal(zeros.length, 16 * 1024 * 1024);
      assert.equal(make(image, 'swupdate-signed-bomb', { testKey: ca.intermediate }), 'no-crash-only');

      const up = parseSwupdate(bytesSource(made(image, 'swupdate-signed-path-up')));
      assert.deepEqual(
        up.description?.artifacts.map(({ filename }) => filename),
        ['rootfs.img', 'kernel.img', '../fieldproof'],
      );
      assert.deepEqual(up.issues, []);
      assert.ok(up.entries.some(({ name }) => name === '../fieldproof'));
    }
  });
});
