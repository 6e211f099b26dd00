/**
 * A profile in a file of its own, so that the boards of one device model share it: `profile: my-model.profile.yaml`.
 * Its content stands in the board as if it were written there; what is wrong in it is told at its own place.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { KeyPath } from './problem.ts';
import type { BoardScalars } from './scalars.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** Where the profile of a board comes from, when not from the board file. */
export interface ProfileFile {
  /** Absolute. */
  file: string;
  bytes: Buffer;
  /** Of the file's bytes, lower-case hex. */
  sha256: string;
}

export interface ProfiledSource {
  /** The board file with the profile in it; each value is found at its place, in whichever file. */
  source: YamlSource;
  profile?: ProfileFile;
  /** True when a profile file is named, and nothing could be read from it. */
  unreadable: boolean;
}

/**
 * Reads the profile's file, if the board file names one.
 *
 * Never throws: what is wrong is among the problems of the source.
 *
 * @param scalars of the board file, so that secrets and variables of both files come together
 */
export async function withProfile(board: YamlSource, scalars: BoardScalars): Promise<ProfiledSource> {
  const content = board.value as Readonly<Record<string, unknown>> | null | undefined;
  const written = typeof content === 'object' ? content?.['profile'] : undefined;
  if (typeof written !== 'string') return { source: board, unreadable: false };
  const file = path.resolve(path.dirname(board.file), written);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    board.problems.push(board.problem(['profile'], `cannot read the profile ${file}: ${String(error)}`));
    return { source: board, unreadable: true };
  }
  const shown = path.isAbsolute(written) ? written : path.join(path.dirname(board.file), written);
  const own = readYaml(shown, bytes.toString('utf8'), scalars.within(path.dirname(file), ['profile']));
  return {
    source: joined({ ...board, value: { ...content, profile: own.value } }, own),
    profile: { file, bytes, sha256: createHash('sha256').update(bytes).digest('hex') },
    unreadable: own.value === undefined,
  };
}

/** Paths below `profile` lead into the profile's file, where they begin without that word. */
function joined(board: YamlSource, profile: YamlSource): YamlSource {
  const sourceOf = (at: KeyPath): [YamlSource, KeyPath] =>
    at[0] === 'profile' ? [profile, at.slice(1)] : [board, at];
  const place = (how: 'at' | 'atKey') => (at: KeyPath) => {
    const [source, own] = sourceOf(at);
    return source[how](own);
  };
  return {
    file: board.file,
    value: board.value,
    problems: [...board.problems, ...profile.problems],
    at: place('at'),
    atKey: place('atKey'),
    problem: (at, message, where) => {
      const [source, own] = sourceOf(at);
      return source.problem(own, message, where);
    },
  };
}
