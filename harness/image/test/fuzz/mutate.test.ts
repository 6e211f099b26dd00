import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { minimise } from './minimise.ts';
import { mutate, mutators, type MutationContext, type Structured } from './mutate.ts';
import { seededRandom } from './random.ts';

const input: Structured = {
  bytes: Buffer.from('head0012size=0x20;payload-of-the-image'),
  parts: [
    { start: 0, end: 4 },
    { start: 4, end: 8 },
    { start: 8, end: 18 },
    { start: 18, end: 38 },
  ],
};
const other: Structured = { ...input, bytes: Buffer.from('HEAD0099SIZE=0x77;another-pay-of-the-image') };
const empty: Structured = { bytes: new Uint8Array(), parts: [] };

function context(seed: string): MutationContext {
  return { random: seededRandom(seed), other, maxBytes: 500 };
}

describe('mutators of the fuzzer', () => {
  for (const [name, mutator] of Object.entries(mutators)) {
    it(`${name} makes other inputs, leaves its own alone, and bears an empty one`, () => {
      const before = Buffer.from(input.bytes).toString('hex');
      const made = new Set<string>();
      for (let round = 0; round < 200; round += 1) {
        made.add(Buffer.from(mutator(input, context(`${name} ${round}`))).toString('hex'));
        mutator(empty, context(`${name} ${round}`));
        mutator({ ...input, parts: [] }, context(`${name} ${round}`));
      }
      made.delete(before);
      assert.ok(made.size >= 2, `${made.size} different ones`);
      assert.equal(Buffer.from(input.bytes).toString('hex'), before);
    });
  }

  it('stay below the longest input', () => {
    for (let round = 0; round < 500; round += 1) {
      assert.ok(mutate(input, context(`${round}`)).length <= 500);
    }
  });

  it('are the same for the same seed, and others for another', () => {
    const hex = (seed: string): string => Buffer.from(mutate(input, context(seed))).toString('hex');
    assert.equal(hex('one'), hex('one'));
    assert.notEqual(hex('one'), hex('two'));
  });
});

describe('a minimised input', () => {
  it('has what makes it fail and nothing else', () => {
    const failing = Buffer.from('some text around the BUG in the middle of it');
    const small = minimise(failing, (bytes) => Buffer.from(bytes).includes('BUG'));
    assert.equal(Buffer.from(small).toString(), 'BUG');
  });

  it('costs no more tries than allowed', () => {
    let tries = 0;
    minimise(
      Buffer.alloc(5000, 1),
      () => {
        tries += 1;
        return false;
      },
      100,
    );
    assert.ok(tries <= 100);
  });
});
