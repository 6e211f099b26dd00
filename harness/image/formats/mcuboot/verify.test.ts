import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bytesSource } from '../../byte-source.ts';
import { regionNamed } from '../../image.ts';
import { buildMcuboot, type BuildOptions } from './test/builder.ts';
import { genuineSignatures } from './signatures.ts';
import { verifyMcuboot, type McubootTrust } from './verify.ts';
import { parseMcuboot } from './parse.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const publicOf = (key: KeyObject): KeyObject => createPublicKey(key);
const keys = [p256, p384, ed25519, rsa2048].map(publicOf);

function reason(bytes: Uint8Array, trust: McubootTrust = { keys }): string {
  const verdict = verifyMcuboot(bytesSource(bytes), trust);
  return verdict.accepted ? 'accepted' : verdict.reason;
}

const kinds: [name: string, options: BuildOptions][] = [
  ['ECDSA P-256', { key: p256 }],
  ['ECDSA P-384 with SHA-384', { key: p384, hash: 'sha384' }],
  ['Ed25519 over SHA-256', { key: ed25519 }],
  ['Ed25519 over SHA-512', { key: ed25519, hash: 'sha512' }],
  ['pure Ed25519', { key: ed25519, pure: true }],
  ['RSA-2048 PSS', { key: rsa2048 }],
];

describe('MCUboot reference verifier', () => {
  for (const [name, options] of kinds) {
    it(`accepts ${name}, and refuses it altered, unsigned, or for a stranger`, () => {
      const bytes = Buffer.from(buildMcuboot(options).bytes);
      assert.equal(reason(bytes), 'accepted');
      const image = parseMcuboot(bytesSource(bytes));
      const flip = (region: string, back = 1): Buffer => {
        const { end } = regionNamed(image, region) ?? { end: 0 };
        const altered = Buffer.from(bytes);
        altered[end - back] = (altered[end - back] ?? 0) ^ 1;
        return altered;
      };
      const signature = image.regions.find(({ coverage }) => coverage === 'signature')?.name ?? '';
      assert.equal(reason(flip('payload')), 'digest');
      assert.equal(reason(flip(signature)), 'signature');
      assert.equal(reason(flip('unprotected.KEYHASH.value')), 'unknown-key');
      const strangers = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      assert.equal(reason(bytes, { keys: [strangers.publicKey] }), 'unknown-key');
    });
  }

  it('accepts nothing that differs in one bit before its end', () => {
    const bytes = Buffer.from(buildMcuboot({ key: p256, trailing: Buffer.alloc(3) }).bytes);
    const { imageEnd } = parseMcuboot(bytesSource(bytes));
    fc.assert(
      fc.property(fc.nat(imageEnd - 1), fc.nat(7), (at, bit) => {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        assert.notEqual(reason(altered), 'accepted', `bit ${bit} at ${at}`);
      }),
      { numRuns: 400 },
    );
  });

  it('accepts nothing cut short, and ignores what lies behind', () => {
    const { bytes } = buildMcuboot({ key: p256 });
    for (let length = 0; length < bytes.length; length += 1) {
      assert.notEqual(reason(bytes.subarray(0, length)), 'accepted', `${length} bytes`);
    }
    assert.equal(reason(Buffer.concat([bytes, Buffer.alloc(4096, 0xff)])), 'accepted');
  });

  it('tells a missing counter from a low one', () => {
    const { bytes } = buildMcuboot({ key: p256 }); // counter 7
    assert.equal(reason(bytes, { keys, counterFloor: 7 }), 'accepted');
    assert.equal(reason(bytes, { keys, counterFloor: 8 }), 'counter');
    const without = buildMcuboot({ key: p256, protectedTlvs: [] }).bytes;
    assert.equal(reason(without), 'accepted');
    assert.equal(reason(without, { keys, needsCounter: true }), 'no-counter');
    assert.equal(reason(without, { keys, counterFloor: 0 }), 'no-counter');
  });

  it('trusts exactly the signatures of genuine images when there is no public key', () => {
    const { bytes } = buildMcuboot({ key: p256 });
    const trust = { genuine: genuineSignatures(bytesSource(bytes)) };
    assert.equal(reason(bytes, trust), 'accepted');
    const other = buildMcuboot({ key: p256, version: [9, 9, 9, 9] }).bytes;
    assert.equal(reason(other, trust), 'signature');
    assert.equal(reason(buildMcuboot({ key: ed25519 }).bytes, trust), 'unknown-key');
  });

  it('takes no genuine signature for one of another type, or over something else', () => {
    const bytes = Buffer.from(buildMcuboot({ key: ed25519, pure: true }).bytes);
    const trust = { genuine: genuineSignatures(bytesSource(bytes)) };
    assert.equal(reason(bytes, trust), 'accepted');
    const { tlvs } = parseMcuboot(bytesSource(bytes));
    const at = (name: string): { start: number; valueStart: number } => {
      const tlv = tlvs.find((one) => one.name === name);
      assert.ok(tlv);
      return tlv;
    };
    const notPure = Buffer.from(bytes);
    notPure[at('SIG_PURE').valueStart] = 0;
    assert.equal(reason(notPure, trust), 'signature');
    const otherType = Buffer.from(bytes);
    otherType[at('ED25519').start] = 0x22;
    assert.equal(reason(otherType, trust), 'signature');
  });

  it('checks encrypted images by genuine ones, down to the wrapped key', () => {
    const options: BuildOptions = { key: p256, flags: 4, encrypted: [0x32, Buffer.alloc(113, 1)] };
    const bytes = Buffer.from(buildMcuboot(options).bytes);
    const trust = { keys, images: [bytesSource(Buffer.from(bytes))] };
    assert.equal(reason(bytes, { keys }), 'digest');
    assert.equal(reason(bytes, trust), 'accepted');
    const altered = (at: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    assert.equal(reason(altered(70), trust), 'digest');
    assert.equal(reason(altered(bytes.length - 1), trust), 'encryption');
    // Marked as encrypted and sent in the clear (imgtool --clear).
    assert.equal(reason(buildMcuboot({ key: p256, flags: 4 }).bytes), 'accepted');
  });
});
