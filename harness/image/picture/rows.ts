/** From regions to rows of a picture: hundreds of regions fold into groups by the dotted beginning of their names. */

import type { Coverage, Region } from '../image.ts';

/** One band: a region, or several that follow one another. */
export interface Row {
  /** The region's name, or what its regions have in common. */
  label: string;
  start: number;
  end: number;
  /** How many regions it stands for. */
  count: number;
  /** Bytes by coverage, in the order of the file's first of each. */
  shares: readonly { coverage: Coverage; bytes: number }[];
}

/** A row with the parts of its name, while it is being folded. */
interface Draft extends Row {
  path: readonly string[];
}

/** @param most rows at the end; at least 1 */
export function rowsOf(regions: readonly Region[], most: number): Row[] {
  let rows = regions.map(leaf);
  const deepest = rows.reduce((depth, { path }) => Math.max(depth, path.length), 0);
  for (let depth = deepest - 1; depth >= 1 && rows.length > most; depth -= 1)
    rows = folded(rows, depth, most);
  return rows.length > most ? merged(rows, most) : rows;
}

function leaf({ name, start, end, coverage }: Region): Draft {
  return {
    label: name,
    path: pathOf(name),
    start,
    end,
    count: 1,
    shares: [{ coverage, bytes: end - start }],
  };
}

/** `a.b/c#2` is a, .b, /c, #2: repeated names belong together, and device trees have their own way of writing paths. */
export function pathOf(name: string): string[] {
  return name.split(/(?=[./])|(?=#\d+(?:\.|$))/);
}

/** Folds runs of rows with the same beginning, those with the most rows first, until there are few enough. */
function folded(rows: readonly Draft[], depth: number, most: number): Draft[] {
  const runs = runsOf(rows, depth);
  const portionsOf = new Map<readonly Draft[], number>();
  let left = rows.length;
  for (const run of [...runs].sort((a, b) => b.length - a.length)) {
    if (left <= most || run.length < 2) break;
    // One run with nearly all the rows would leave a picture of nothing: it becomes several portions.
    const others = left - run.length;
    const portions = others < most / 3 ? Math.ceil(most / 2) - others : 1;
    portionsOf.set(run, Math.min(portions, run.length - 1));
    left = others + portions;
  }
  return runs.flatMap((run) => {
    const portions = portionsOf.get(run);
    if (portions === undefined) return run;
    return portions === 1 ? [together(run, depth)] : merged(run, portions);
  });
}

function runsOf(rows: readonly Draft[], depth: number): Draft[][] {
  const runs: Draft[][] = [];
  let last: string | undefined;
  for (const row of rows) {
    // Rows that are no deeper stay by themselves.
    const key = row.path.length < depth ? undefined : row.path.slice(0, depth).join('');
    const run = runs.at(-1);
    if (run !== undefined && key !== undefined && key === last) run.push(row);
    else runs.push([row]);
    last = key;
  }
  return runs;
}

function together(run: readonly Draft[], depth: number): Draft {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('a run has at least one row');
  const path = first.path.slice(0, depth);
  return { ...sum(run), label: path.join(''), path };
}

/** Neighbours in so many portions, named by their first and last. */
function merged(rows: readonly Draft[], portions: number): Draft[] {
  const each = Math.ceil(rows.length / portions);
  return Array.from({ length: Math.ceil(rows.length / each) }, (_, index) => {
    const run = rows.slice(index * each, (index + 1) * each);
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined || run.length === 1) return first ?? noRow;
    return {
      ...sum(run),
      label: `${first.label} … ${withoutCommon(last.path, first.path)}`,
      path: first.path,
    };
  });
}

const noRow: Draft = { label: '', path: [], start: 0, end: 0, count: 0, shares: [] };

/** `images.kernel-9` beside `images.kernel-0` is kernel-9. */
function withoutCommon(path: readonly string[], other: readonly string[]): string {
  const differs = path.findIndex((part, index) => part !== other[index]);
  return path.slice(Math.max(0, differs)).join('').replace(/^[./]/, '');
}

function sum(run: readonly Draft[]): Omit<Draft, 'label' | 'path'> {
  const bytes = new Map<Coverage, number>();
  for (const { shares } of run) {
    for (const share of shares) bytes.set(share.coverage, (bytes.get(share.coverage) ?? 0) + share.bytes);
  }
  return {
    start: run[0]?.start ?? 0,
    end: run.at(-1)?.end ?? 0,
    count: run.reduce((count, row) => count + row.count, 0),
    shares: [...bytes].map(([coverage, part]) => ({ coverage, bytes: part })),
  };
}
