import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource, slice, type ByteSource } from '../../byte-source.ts';
import { attackSet } from '../../generate.ts';
import { regionNamed } from '../../image.ts';
import type { Policy } from '../../policy.ts';
import type { PublicKey } from '../../trust.ts';
import { verifySignature } from '../../crypto/signature.ts';
import { detachedFormat, guessLayout, splitDetached, type DetachedLayoutInput } from './index.ts';
import {
  detached,
  ecdsaSigner,
  ed25519Signer,
  hashBasedSigner,
  payloadOf,
  postQuantumSigner,
  rsaSigner,
  type Signer,
} from './test/builder.ts';

const payload = payloadOf('release 2');
const ed25519 = ed25519Signer();
const ecdsa = ecdsaSigner('P-256', 'sha256', 'der');
const appendedEd25519: DetachedLayoutInput = {
  placement: 'appended',
  signatures: [{ scheme: { type: 'ed25519' } }],
};
const detachedEcdsa: DetachedLayoutInput = {
  placement: 'detached',
  signatures: [{ scheme: { type: 'ecdsa', curve: 'p256', hash: 'sha256', encoding: 'der' } }],
};

function verdict(
  layout: DetachedLayoutInput,
  bytes: Uint8Array,
  keys: readonly PublicKey[],
  policy: Policy = {},
  genuine: readonly ByteSource[] = [],
): string {
  const verify = detachedFormat(layout).verifier({ keys, genuine, policy });
  const result = verify(bytesSource(bytes));
  return result.accepted ? 'accepted' : `${result.reason}: ${result.detail}`;
}

const appended = (signer: Signer): Buffer => Buffer.concat([payload, signer.sign(payload)]);

describe('detached and appended signatures: parser and verifier', function () {
  this.timeout(60_000);

  it('names every byte of a trailer, and what is wrong with it', () => {
    const layout: DetachedLayoutInput = {
      ...appendedEd25519,
      frame: [
        { field: 'magic', hex: '53494731' },
        { field: 'signature', of: 0 },
        { field: 'length', of: 'frame', type: 'u16', order: 'le' },
      ],
    };
    const bytes = Buffer.concat([payload, Buffer.from('SIG1'), ed25519.sign(payload), Buffer.of(70, 0)]);
    const image = detachedFormat(layout).parse(bytesSource(bytes));
    assert.deepEqual(
      image.regions.map(({ name, start, end, coverage }) => [name, start, end, coverage]),
      [
        ['payload', 0, 3000, 'signed'],
        ['frame.magic', 3000, 3004, 'unsigned'],
        ['signature.ed25519', 3004, 3068, 'signature'],
        ['frame.length', 3068, 3070, 'unsigned'],
      ],
    );
    assert.equal(verdict(layout, bytes, [ed25519.publicKey]), 'accepted');
    const lying = Buffer.from(bytes);
    lying[3068] = 71;
    assert.match(verdict(layout, lying, [ed25519.publicKey]), /^format: the magic number is/);
    lying.writeUInt16LE(0xffff, 3068);
    assert.match(verdict(layout, lying, [ed25519.publicKey]), /^truncated: signature.ed25519 has 3068 of/);
  });

  it('says why it refuses', () => {
    const keys = [ed25519.publicKey];
    const bytes = appended(ed25519);
    assert.equal(verdict(appendedEd25519, bytes, keys), 'accepted');
    assert.match(
      verdict(appendedEd25519, bytes, [ecdsa.publicKey]),
      /^no-key: no trusted key is for Ed25519/,
    );
    assert.match(
      verdict(appendedEd25519, bytes, [ed25519Signer().publicKey]),
      /^signature: .*does not verify/,
    );
    assert.match(verdict(appendedEd25519, bytes.subarray(0, 63), keys), /^truncated: .*has 63 of 64 bytes/);
    assert.match(verdict(detachedEcdsa, detached(payload, Buffer.alloc(0)), [ecdsa.publicKey]), /^unsigned/);
    assert.match(verdict(detachedEcdsa, payload, [ecdsa.publicKey]), /^unsigned/);
    assert.equal(verdict(appendedEd25519, bytes, [], {}, [bytesSource(bytes)]), 'accepted');
    assert.match(
      verdict(appendedEd25519, bytes, [], {}, [bytesSource(payload)]),
      /^signature: no genuine image/,
    );
  });

  it('honours what is declared about malleable signatures', () => {
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const scheme = { type: 'ecdsa', curve: 'p256', hash: 'sha256', encoding: 'p1363' } as const;
    const layout: DetachedLayoutInput = { placement: 'appended', signatures: [{ scheme }] };
    const signer = ecdsaSigner('P-256', 'sha256', 'ieee-p1363');
    const one = signer.sign(payload);
    const other = Buffer.from(one);
    const s = BigInt(`0x${one.subarray(32).toString('hex')}`);
    Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex').copy(other, 32);
    const outcomes = [one, other].map((signature) => {
      const bytes = Buffer.concat([payload, signature]);
      const keys = [signer.publicKey];
      assert.equal(verdict(layout, bytes, keys), 'accepted');
      assert.equal(verdict(layout, bytes, keys, { malleableSignatures: 'accept' }), 'accepted');
      return verdict(layout, bytes, keys, { malleableSignatures: 'refuse' });
    });
    assert.equal(outcomes.filter((outcome) => outcome === 'accepted').length, 1);
    assert.ok(outcomes.some((outcome) => /above half the order/.test(outcome)));
  });

  it('needs a signer each for two signatures of one scheme', () => {
    const [one, two] = [ed25519Signer(), ed25519Signer()];
    const layout: DetachedLayoutInput = {
      placement: 'appended',
      signatures: [
        { name: 'first', scheme: { type: 'ed25519' } },
        { name: 'second', scheme: { type: 'ed25519' } },
      ],
    };
    const keys = [one.publicKey, two.publicKey];
    const by = (...signers: Signer[]): Buffer =>
      Buffer.concat([payload, ...signers.map((signer) => signer.sign(payload))]);
    assert.equal(verdict(layout, by(one, two), keys), 'accepted');
    assert.match(verdict(layout, by(one, one), keys), /^signature: second/);
  });

  it('refuses layouts that contradict themselves', () => {
    const signatures = [{ scheme: { type: 'rsa-pkcs1', hash: 'sha256' } as const }];
    assert.throws(() => detachedFormat({ placement: 'appended', signatures }), /needs its bytes/);
    assert.throws(
      () => detachedFormat({ ...appendedEd25519, frame: [{ field: 'magic', hex: '00' }] }),
      /signature 0 is 0 times in the frame/,
    );
    assert.throws(
      () => detachedFormat({ ...appendedEd25519, covers: 'header+payload' }),
      /no header to cover/,
    );
  });
});

describe('detached and appended signatures: attacks', function () {
  this.timeout(60_000);

  function attacksOn(layout: DetachedLayoutInput, bytes: Uint8Array, signer: Signer, policy: Policy = {}) {
    const format = detachedFormat(layout);
    return attackSet(
      { name: 'base.bin', source: bytesSource(bytes) },
      {
        seed: Buffer.alloc(32, 3),
        format,
        trustedKeys: [signer.publicKey],
        policy,
        ...(signer.testKey === undefined ? {} : { testKey: signer.testKey }),
      },
    ).images;
  }

  it('leaves payload and framing right in every attack on a signature', () => {
    const base = detached(payload, ecdsa.sign(payload));
    let seen = 0;
    for (const { mutation, source } of attacksOn(detachedEcdsa, base, ecdsa)) {
      if (!/^detached-(ecdsa|signature|unknown)/.test(mutation.id)) continue;
      const files = splitDetached(source);
      assert.ok(files, mutation.id);
      assert.ok(payload.equals(files.payload.read(0, files.payload.size)), mutation.id);
      const image = detachedFormat(detachedEcdsa).parse(source);
      assert.deepEqual(image.issues, [], mutation.id);
      seen += 1;
    }
    assert.ok(seen > 40, `${seen} attacks`);
  });

  it('makes what its expectations say under every declaration, with and without keys', () => {
    for (const malleableSignatures of ['refuse', 'accept'] as const) {
      for (const unsignedMetadata of ['refuse', 'ignore', 'use'] as const) {
        const policy: Policy = { malleableSignatures, unsignedMetadata, appendedData: 'refuse' };
        const signature = lowS();
        const images = attacksOn(detachedEcdsa, detached(payload, signature), ecdsa, policy);
        const negated = images.find(({ mutation }) => mutation.id === 'detached-ecdsa-s-negated');
        assert.equal(
          negated?.expectation.class,
          malleableSignatures === 'refuse' ? 'must-reject' : 'benign-accept',
        );
        const { images: withoutKeys } = attackSet(
          { name: 'base.bin', source: bytesSource(detached(payload, signature)) },
          { seed: Buffer.alloc(32, 3), format: detachedFormat(detachedEcdsa), policy },
        );
        assert.ok(withoutKeys.length > 50);
      }
    }
  });

  /** A signature that a device takes that refuses the other one of the two. */
  function lowS(): Buffer {
    for (;;) {
      const signature = ecdsa.sign(payload);
      const bytes = detached(payload, signature);
      if (verdict(detachedEcdsa, bytes, [ecdsa.publicKey], { malleableSignatures: 'refuse' }) === 'accepted')
        return signature;
    }
  }

  it('forges for e = 3 a signature whose padding begins like a good one', () => {
    const signer = rsaSigner('pkcs1', 3);
    const layout: DetachedLayoutInput = {
      placement: 'detached',
      signatures: [{ scheme: { type: 'rsa-pkcs1', hash: 'sha256' } }],
    };
    const images = attacksOn(layout, detached(payload, signer.sign(payload)), signer);
    const forged = images.find(({ mutation }) => mutation.id === 'detached-rsa-cube-root');
    assert.ok(forged);
    const value = splitDetached(forged.source)?.signature.read(0, 256) ?? new Uint8Array(0);
    const cube = BigInt(`0x${Buffer.from(value).toString('hex')}`) ** 3n;
    const block = cube.toString(16).padStart(512, '0');
    assert.match(block, /^0001f{16}003031300d060960864801650304020105000420/);
  });

  it('signs by other variants so that only the variant is wrong', () => {
    const bytes = appended(ed25519);
    const images = attacksOn(appendedEd25519, bytes, ed25519);
    const signedAs = images.find(({ mutation }) => mutation.id === 'detached-ed25519-signed-as-ed25519ph');
    assert.ok(signedAs);
    const signature = signedAs.source.read(payload.length, payload.length + 64);
    const message = bytesSource(payload);
    const good = (type: 'ed25519' | 'ed25519ph'): boolean =>
      verifySignature(ed25519.publicKey, { type }, message, signature).good;
    assert.deepEqual([good('ed25519'), good('ed25519ph')], [false, true]);
  });

  it('reads a large payload in pieces', () => {
    const bytes = 300 * 1024 * 1024;
    const largest = { read: 0 };
    const big: ByteSource = {
      size: bytes,
      read(start, end) {
        largest.read = Math.max(largest.read, Math.min(end, bytes) - start);
        return new Uint8Array(Math.max(0, Math.min(end, bytes) - start));
      },
      readInto(target, start) {
        largest.read = Math.max(largest.read, target.length);
        return Math.min(target.length, bytes - start);
      },
    };
    for (const signer of [ed25519, postQuantumSigner('ml-dsa-44')]) {
      const type = signer.publicKey.kind === 'raw' ? 'ml-dsa-44' : 'ed25519';
      const length = type === 'ed25519' ? 64 : 2420;
      const signature = signer.sign(Buffer.alloc(9));
      assert.equal(signature.length, length);
      verifySignature(signer.publicKey, { type }, slice(big, 0, 40_000_000), signature);
    }
    assert.ok(largest.read <= 1024 * 1024, `${largest.read} bytes at once`);
  });
});

describe('layouts found by trying', function () {
  this.timeout(60_000);

  it('finds appended and detached signatures of every scheme', () => {
    const signers: Signer[] = [
      ed25519,
      ecdsa,
      ecdsaSigner('P-384', 'sha384', 'ieee-p1363'),
      rsaSigner('pkcs1'),
      rsaSigner('pss'),
      postQuantumSigner('ml-dsa-65'),
      hashBasedSigner('lms'),
      hashBasedSigner('hss'),
    ];
    const keys = signers.map(({ publicKey }) => publicKey);
    for (const signer of signers) {
      for (const bytes of [appended(signer), detached(payload, signer.sign(payload))]) {
        const guess = guessLayout(bytesSource(bytes), keys);
        assert.ok(guess.found === 'layout', `${signer.publicKey.name}: ${guess.why}`);
        assert.equal(verdict(guess.layout, bytes, keys), 'accepted');
      }
      const signature = signer.sign(payload);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(signature.length);
      const framed = Buffer.concat([payload, signature, length]);
      const guess = guessLayout(bytesSource(framed), keys);
      assert.ok(guess.found === 'layout' && guess.layout.frame?.length === 2, guess.why);
      const image = detachedFormat(guess.layout).parse(bytesSource(framed));
      assert.deepEqual(image.issues, []);
      assert.equal(regionNamed(image, 'payload')?.end, payload.length);
    }
  });

  it('names a Linux module signature, and says what it tried otherwise', () => {
    const info = Buffer.from([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    const module = Buffer.concat([
      payload,
      Buffer.alloc(256),
      info,
      Buffer.from('~Module signature appended~\n'),
    ]);
    const guess = guessLayout(bytesSource(module), []);
    assert.ok(guess.found === 'other' && guess.name === 'linux-module');
    assert.match(guess.why, /PKCS #7, 256 bytes/);
    const nothing = guessLayout(bytesSource(payload), [ed25519.publicKey]);
    assert.deepEqual(nothing.found, 'nothing');
    assert.match(nothing.why, /tried: Ed25519, Ed25519ph/);
    assert.match(guessLayout(bytesSource(payload), []).why, /no keys to try/);
  });
});
