/** What a run is made with, as texts that a stranger can read beside its record. */

import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { BoardFileError } from '../errors.ts';
import { sha256Hex } from '../record/digest.ts';
import { catalogueDir } from './paths.ts';
import type { Plan } from './plan-text.ts';
import type { Prepared } from './prepare.ts';

/** A text with its secrets still in it: only the record, which blanks them, may keep it. */
export interface RunInput {
  name: string;
  text: string;
  mediaType: string;
}

const yaml = 'application/yaml';
const json = 'application/json';

/**
 * The files that the run was prepared from, read once more, and the values that came from the environment.
 *
 * @throws BoardFileError when a file is no longer what the run was prepared from
 */
export function inputFiles({ board, sources, loaded, declarationSha256, catalogue }: Prepared): RunInput[] {
  const environment = sources.environment.map(({ name, path, value }) => ({
    name,
    path: path.join('.'),
    ...(value === undefined ? { secret: true } : { value }),
  }));
  return [
    ...boardTexts(loaded, sources.file),
    ...(board.module === undefined ? [] : [moduleOf(board.module)]),
    { name: 'environment.json', text: inJson(environment), mediaType: json },
    {
      name: 'declaration.yaml',
      text: unchanged(board.declaration, declarationSha256),
      mediaType: yaml,
    },
    ...catalogue.data.files.map(({ name, sha256 }) => ({
      name: `catalogue/${name}`,
      text: unchanged(join(catalogueDir, name), sha256),
      mediaType: yaml,
    })),
  ];
}

/** The board file, and its profile where that is a file of its own; one digest covers both, in this order. */
function boardTexts({ sha256, profile }: Prepared['loaded'], boardFile: string): RunInput[] {
  const files = [boardFile, ...(profile === undefined ? [] : [profile.file])];
  const texts = files.map((file) => readFileSync(file));
  mustBeUnchanged(boardFile, sha256Hex(Buffer.concat(texts)), sha256);
  const names = ['board.yaml', 'profile.yaml'];
  return texts.map((bytes, n) => ({ name: names[n] ?? '', text: bytes.toString('utf8'), mediaType: yaml }));
}

/** The plan of `fieldproof plan --json` for the same selection. */
export function planInput(plan: Plan): RunInput {
  return { name: 'plan.json', text: inJson(plan), mediaType: json };
}

const inJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Its own name may have letters that no package can hold; the board file, which is kept too, says what it is. */
function moduleOf(file: string): RunInput {
  return {
    name: `module/profile${extname(file)}`,
    text: readFileSync(file, 'utf8'),
    mediaType: 'text/plain; charset=utf-8',
  };
}

function unchanged(file: string, sha256: string): string {
  const bytes = readFileSync(file);
  mustBeUnchanged(file, sha256Hex(bytes), sha256);
  return bytes.toString('utf8');
}

function mustBeUnchanged(file: string, is: string, was: string): void {
  if (is === was) return;
  throw new BoardFileError('file-changed', `${file} was changed while the run was being prepared`, {
    hint: 'Start again.',
  });
}
