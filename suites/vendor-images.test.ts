import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'mocha';
import type { BoardImage } from '../harness/board/index.ts';
import { makersKeysOf, testKeyOf } from '../harness/cli/board-keys.ts';
import { prepare } from '../harness/cli/prepare.ts';
import { setCurrentRun } from '../harness/lifecycle/run.ts';
import { fakeRun, judged } from '../harness/lifecycle/test/fake-run.ts';
import { vendorImage } from '../harness/lifecycle/vendor-image.ts';

/** What no format states, or no verifier takes; everything else is checked to the end. */
const untold: Readonly<Record<string, readonly string[]>> = {
  packages: ['olderUnderNewer', 'pathTraversal', 'bomb'],
  transmitter: ['otherHardware', 'lengthOverflow', 'oversize'],
};

describe('special images of the reference boards', () => {
  afterEach(() => setCurrentRun(undefined));
  for (const name of ['gateway', 'console', 'packages', 'threshold', 'transmitter']) {
    it(`${name}: each is what its role demands, and authentic`, async () => {
      const { board, declaration } = await prepare(
        fileURLToPath(new URL(`../boards/simulated-${name}.yaml`, import.meta.url)),
      );
      const { series: _, ...named } = board.images;
      const images = Object.entries(named as Record<string, BoardImage>).map(
        ([role, { path, sha256 }]) => [role, { name: role, bytes: readFileSync(path), sha256 }] as const,
      );
      const run = fakeRun();
      const keys = { makersKeys: makersKeysOf(board), testKey: testKeyOf(board) };
      Object.assign(run, { board, declaration, ...keys, images: new Map(images) });
      const unchecked: string[] = [];
      for (const [role] of images.filter(([one]) => one !== 'golden' && one !== 'pair')) {
        const outcome = await judged(run, async (t) => void vendorImage(t, role));
        assert.equal(outcome.verdict, 'conforms', outcome.reason);
        if (outcome.reason !== 'as required') unchecked.push(role);
      }
      assert.deepEqual(unchecked, untold[name] ?? []);
    });
  }
});
