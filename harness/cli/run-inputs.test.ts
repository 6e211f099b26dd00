import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { sha256Hex } from '../record/digest.ts';
import type { Prepared } from './prepare.ts';
import { inputFiles } from './run-inputs.ts';

describe('What a run keeps of its inputs', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'inputs-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const written = (name: string, text: string): { path: string; sha256: string } => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return { path, sha256: sha256Hex(Buffer.from(text)) };
  };

  it('names a profile module so that a package can hold it, whatever its file is called', () => {
    const board = written('bench.yaml', 'board: bench\n');
    const declaration = written('d.yaml', 'declaration: 1\n');
    const module = written('gerät über 測試.ts', 'export const profile = {};\n');
    const inputs = inputFiles({
      board: { module: module.path, declaration: declaration.path },
      sources: { file: board.path, environment: [] },
      loaded: { sha256: board.sha256 },
      declarationSha256: declaration.sha256,
      catalogue: { data: { files: [] } },
    } as unknown as Prepared);
    const kept = inputs.find(({ text }) => text.startsWith('export const profile'));
    assert.deepEqual([kept?.name, kept?.mediaType], ['module/profile.ts', 'text/plain; charset=utf-8']);
    assert.ok(inputs.every(({ name }) => /^[\x21-\x7e]+$/.test(name)));
  });
});
