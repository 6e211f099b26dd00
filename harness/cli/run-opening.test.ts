import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { BoardFile, Declaration } from '../board/index.ts';
import { repository } from './test/command.ts';
import { readSeries } from './run-opening.ts';

describe('The stock of ever newer images', () => {
  const files = ['golden-1.2.0', 'pair-1.2.1', 'newer-1.3.0'];
  const board = {
    images: { series: files.map((name) => ({ path: `${repository}/boards/simulated/images/${name}.bin` })) },
  } as unknown as BoardFile;
  const left = (controls: Declaration['controls']): string[] =>
    readSeries(board, { controls } as Declaration).map(({ name }) => name);

  it('starts at its unused end: the device would refuse the used ones as old', () => {
    const all = ['series 1 (golden-1.2.0.bin)', 'series 2 (pair-1.2.1.bin)', 'series 3 (newer-1.3.0.bin)'];
    assert.deepEqual(left({ way: 'series', left: 3 }), all);
    assert.deepEqual(left({ way: 'series', left: 1 }), all.slice(2));
    assert.deepEqual(left({ way: 'series', left: 0 }), []);
    assert.deepEqual(left({ way: 'pair', left: 1 }), all, 'that counts installations, not images');
  });
});
