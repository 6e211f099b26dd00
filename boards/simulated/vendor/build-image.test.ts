import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { dataPath } from '../paths.ts';
import { buildImage, type ImageRecipe } from './build-image.ts';

const key = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-p256.pem')));

describe('simulated gateway: the vendor’s images', () => {
  const recipes: [string, Omit<ImageRecipe, 'key'>][] = [
    ['golden-1.2.0.bin', { version: '1.2.0', counter: 5 }],
    ['equal-counter-1.1.5.bin', { version: '1.1.5', counter: 5 }],
    ['hanging-1.3.3.bin', { version: '1.3.3', counter: 6, behaviour: 'hang' }],
  ];
  for (const [file, recipe] of recipes) {
    it(`${file} can be made again, byte for byte`, () => {
      assert.ok(buildImage({ ...recipe, key }).equals(readFileSync(dataPath('images', file))));
    });
  }
});
