import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { BoardFile, Declaration } from '../board/index.ts';
import { repository } from './test/command.ts';
import { bindings, readSeries } from './run-opening.ts';
import type { Prepared } from './prepare.ts';
import type { SessionOptions } from './session.ts';

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

describe('The first entry of a record', () => {
  const sources = { file: '/lab/boards/bench.yaml', directory: '/lab/boards' };
  const header = (profile?: { file: string; sha256: string }) => {
    const board = { board: 'bench', title: 'Bench', declaration: '/lab/boards/d.yaml', images: {} };
    const loaded = { sha256: 'ab', ...(profile === undefined ? {} : { profile }) };
    const prepared = { board, sources, loaded, declaration: { device: {} }, catalogue: {} };
    const options = { selected: [], leftOut: [], command: [], defects: [] };
    return bindings(prepared as unknown as Prepared, options as unknown as SessionOptions);
  };

  it('names the profile of its own file beside the digest that covers both', () => {
    assert.deepEqual(header({ file: '/lab/models/m.profile.yaml', sha256: 'cd' }).board, {
      name: 'bench',
      title: 'Bench',
      file: 'bench.yaml',
      sha256: 'ab',
      profile: { file: '../models/m.profile.yaml', sha256: 'cd' },
    });
    assert.equal(header().board.profile, undefined);
  });
});
