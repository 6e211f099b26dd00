/** What the depth of a run leaves out of a selection. */

import { UsageError } from '../errors.ts';
import { depths, type Depth } from '../lifecycle/run.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';

/** Cases to run, and those that only a deeper run has. */
export interface DepthSelection {
  selected: readonly RegisteredCase[];
  leftOut: readonly RegisteredCase[];
}

/**
 * @param chosen what suites and patterns select
 * @param named patterns of the command line; a case that one of them names by its very id runs at every depth
 */
export function withinDepth(
  chosen: readonly RegisteredCase[],
  depth: Depth,
  named: readonly string[] = [],
): DepthSelection {
  const ids = new Set(named.map((pattern) => pattern.trim().toUpperCase()));
  const runs = ({ id, plan }: RegisteredCase): boolean =>
    ids.has(id.toUpperCase()) || depths.indexOf(plan.depth ?? 'smoke') <= depths.indexOf(depth);
  return { selected: chosen.filter(runs), leftOut: chosen.filter((each) => !runs(each)) };
}

/** @throws UsageError when the depth leaves nothing of the selection */
export function mustBeSome(selected: readonly RegisteredCase[], depth: Depth): void {
  if (selected.length > 0) return;
  throw new UsageError('nothing-selected', `every selected case needs more depth than ${depth}`, {
    hint: `Name a case by its very id, or run with --depth ${deeperThan(depth) ?? depth}.`,
  });
}

/** The next depth; undefined for the deepest. */
export function deeperThan(depth: Depth): Depth | undefined {
  return depths[depths.indexOf(depth) + 1];
}

/**
 * The command that makes the same run at another depth, as a person would type it.
 *
 * @param command from the record: program and arguments, without the board and the settings that mocha takes from the
 *   environment
 * @param started by what npm script, if any: `npm start` holds a part of the arguments
 */
export function sameAtDepth(command: readonly string[], depth: Depth, started?: string): string {
  const [program = 'fieldproof', ...given] = command;
  const arguments_ = withoutDepth(given).map(quoted);
  if (program === 'mocha') return [`DEPTH=${depth}`, 'npx', program, ...arguments_].join(' ');
  const [first, ...rest] = arguments_;
  if (started === 'start' && first === 'run') return ['npm start --', ...rest, `--depth ${depth}`].join(' ');
  return [program, ...arguments_, `--depth ${depth}`].join(' ');
}

function withoutDepth(arguments_: readonly string[]): string[] {
  return arguments_.filter(
    (word, index) =>
      word !== '--depth' && arguments_[index - 1] !== '--depth' && !word.startsWith('--depth='),
  );
}

/** For a POSIX shell, quoted only where it must be. Source: POSIX.1-2024, Shell Command Language, 2.2. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
