import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { dataPath } from '../paths.ts';
import { altered } from '../testing/bench.ts';
import { DEFECT_NAMES, type DefectName } from './defects.ts';
import { verifyImage } from './image-verifier.ts';
import { loadTrustedKeys } from './trusted-keys.ts';
import { AT, IMAGE, imageFile } from './testing/bench.ts';
import { buildImage } from './vendor/build-image.ts';
import { IMAGES } from './vendor/images.ts';
import { loadOrMakeKeys } from './vendor/signing-keys.ts';

const keys = loadTrustedKeys();

/** Version when it is taken, reason when not. */
function verdict(bytes: Buffer, defects: readonly DefectName[] = [], floor = 3): string {
  const seen = verifyImage(bytes, { keys, floor, defects: new Set(defects) });
  return seen.ok ? seen.version : seen.reason;
}

/** Header bytes changed and everything signed anew by the vendor: only the field itself can be the reason. */
const resigned = (recipe: Partial<Parameters<typeof buildImage>[0]>): Buffer =>
  buildImage({ version: '2.1.0', counter: 3, keys: loadOrMakeKeys(), ...recipe });

describe('simulated transmitter: image verifier', () => {
  it('takes genuine images, an equal counter among them, whatever the version text', () => {
    assert.equal(verdict(IMAGE.golden), '2.1.0');
    assert.equal(verdict(IMAGE.newer), '2.2.0');
    assert.equal(verdict(IMAGE.equalCounter), '2.0.9');
  });

  const blank = (start: number, end: number): Buffer => Buffer.from(IMAGE.golden).fill(0xff, start, end);
  const REFUSED: readonly (readonly [string, Buffer, string])[] = [
    ['an altered payload', altered(IMAGE.golden, AT.payload), 'ed25519'],
    ['an altered counter', altered(IMAGE.golden, 11, 0x04), 'ed25519'],
    ['an altered Ed25519 signature', altered(IMAGE.golden, AT.ed25519), 'ed25519'],
    ['an altered ML-DSA signature', altered(IMAGE.golden, AT.mlDsa), 'ml-dsa'],
    ['a blank ML-DSA signature', blank(AT.ed25519 + 1, IMAGE.golden.length), 'ml-dsa'],
    ['an image without signatures', IMAGE.golden.subarray(0, -2484), 'truncated'],
    ['an image without its second signature', IMAGE.golden.subarray(0, -2420), 'truncated'],
    ['an image one byte short', IMAGE.golden.subarray(0, -1), 'truncated'],
    ['an empty file', Buffer.alloc(0), 'truncated'],
    ['a byte behind the image', Buffer.concat([IMAGE.golden, Buffer.of(0)]), 'size'],
    ['another magic', altered(IMAGE.golden, 0), 'format'],
    ['set reserved bytes', altered(IMAGE.golden, 15), 'format'],
    ['a signed version that is none', resigned({ version: '2.x' }), 'format'],
    ['a signed empty payload', resigned({ payloadBytes: 0 }), 'size'],
    ['a signed length that overflows', IMAGE.lengthOverflow, 'size'],
    ['more than a slot holds', IMAGE.oversize, 'size'],
    ['other hardware', IMAGE.otherHardware, 'hardware'],
    ['a lower counter', IMAGE.older, 'counter'],
    ['a lower counter under a higher version', IMAGE.lowerCounter, 'counter'],
    ['more counter than the device can hold', IMAGE.maximumCounter, 'counter'],
    ['no counter', IMAGE.noCounter, 'no-counter'],
  ];
  for (const [what, bytes, reason] of REFUSED) {
    it(`refuses ${what}: ${reason}`, () => assert.equal(verdict(bytes), reason));
  }

  it('tr-one-leg-suffices: takes either signature alone, and neither together', () => {
    const defects = ['tr-one-leg-suffices'] as const;
    assert.equal(verdict(altered(IMAGE.golden, AT.ed25519), defects), '2.1.0');
    assert.equal(verdict(altered(IMAGE.golden, AT.mlDsa), defects), '2.1.0');
    assert.equal(verdict(altered(altered(IMAGE.golden, AT.mlDsa), AT.ed25519), defects), 'ed25519');
    assert.equal(verdict(altered(IMAGE.golden, AT.payload), defects), 'ed25519');
  });

  it('tr-ignores-ml-dsa: takes any second signature, and checks the first', () => {
    const defects = ['tr-ignores-ml-dsa'] as const;
    assert.equal(verdict(altered(IMAGE.golden, AT.mlDsa), defects), '2.1.0');
    assert.equal(verdict(altered(IMAGE.golden, AT.ed25519), defects), 'ed25519');
  });

  it('tr-ignores-counter: takes an older release, and none without a counter', () => {
    assert.equal(verdict(IMAGE.older, ['tr-ignores-counter']), '2.0.0');
    assert.equal(verdict(IMAGE.noCounter, ['tr-ignores-counter']), 'no-counter');
  });

  it('tr-accept-appended: takes bytes behind the image, and alterations no more than before', () => {
    const defects = ['tr-accept-appended'] as const;
    assert.equal(verdict(Buffer.concat([IMAGE.golden, Buffer.alloc(99)]), defects), '2.1.0');
    assert.equal(verdict(altered(IMAGE.golden, AT.payload), defects), 'ed25519');
  });

  it('has no defect in what is left', () => {
    for (const defect of DEFECT_NAMES)
      assert.equal(verdict(altered(IMAGE.golden, AT.payload), [defect]), 'ed25519', defect);
  });
});

describe('simulated transmitter: the list of defects', () => {
  it('describes every defect that the program knows, and no other', () => {
    const { defects } = parse(readFileSync(dataPath('defects.yaml'), 'utf8')) as {
      defects: { name: string; board?: string }[];
    };
    const own = defects.filter(({ board }) => board === 'simulated-transmitter').map(({ name }) => name);
    assert.deepEqual(own.sort(), [...DEFECT_NAMES].sort());
  });
});

describe('simulated transmitter: committed images', () => {
  it('are what the vendor’s tool makes with the committed keys', () => {
    for (const listed of IMAGES) {
      const made = buildImage({ ...listed, keys: loadOrMakeKeys() });
      assert.ok(made.equals(imageFile(listed.file)), listed.file);
    }
  });
});
