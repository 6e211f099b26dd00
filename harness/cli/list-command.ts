/** `fieldproof list`: what there is. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { globSync } from 'glob';
import { loadCatalogue } from '../catalogue/index.ts';
import { UsageError } from '../errors.ts';
import { nearest } from '../board/index.ts';
import { loadDefects } from './defects.ts';
import { catalogueDir, packageRoot, pathForPeople } from './paths.ts';
import type { GlobalOptions } from './options.ts';
import { driverSpecs } from './registry.ts';

type Row = Readonly<Record<string, string>>;

const lists: Readonly<Record<string, () => Promise<Row[]> | Row[]>> = {
  cases: async () => {
    const { cases } = await loadCatalogue(catalogueDir);
    return cases.map(({ id, severity, built, title }) => ({
      id,
      severity,
      state: built ? 'built' : 'planned',
      title,
    }));
  },
  requirements: async () => {
    const catalogue = await loadCatalogue(catalogueDir);
    const kinds = new Map(catalogue.requirements.map(({ id, kind }) => [id, kind as string]));
    return catalogue.trace().map(({ id, title, coverage, cases }) => ({
      id,
      kind: kinds.get(id) ?? 'claim',
      coverage,
      cases: cases.map((one) => (one.built ? one.id : `(${one.id})`)).join(' ') || '-',
      title,
    }));
  },
  boards,
  drivers: () =>
    driverSpecs.flatMap(({ kind, summary, adapters }) => [
      { name: kind, kind: 'driver', summary },
      ...adapters.map((adapter) => ({
        name: `  ${adapter.name}`,
        kind: adapter.role,
        summary: adapter.summary,
      })),
    ]),
  defects: () =>
    loadDefects().map(({ name, board, expected, description }) => ({
      name,
      board,
      'caught by': Object.keys(expected).join(' '),
      description: description.trim().replace(/\s+/g, ' '),
    })),
};

/** Board files in ./boards and here, and those that come with the package. */
function boards(): Row[] {
  const folders = [resolve('boards'), resolve('.'), join(packageRoot, 'boards')].filter((folder) =>
    existsSync(folder),
  );
  const files = folders.flatMap((folder) => globSync('*.{yaml,yml}', { cwd: folder, absolute: true }).sort());
  return [...new Set(files)].flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (!/^board:/m.test(text)) return []; // some other YAML
    return [{ board: pathForPeople(file), title: /^title:\s*(.*)/m.exec(text)?.[1] ?? '' }];
  });
}

/** @throws UsageError when there is no such list */
export async function listCommand(what: string, options: GlobalOptions): Promise<number> {
  const make = lists[what];
  if (make === undefined) {
    const close = nearest(what, Object.keys(lists));
    throw new UsageError('unknown-list', `there is no list of ${what}`, {
      hint: close === undefined ? `There are ${Object.keys(lists).join(', ')}.` : `Did you mean ${close}?`,
    });
  }
  const rows = await make();
  process.stdout.write(options.json === true ? `${JSON.stringify(rows, null, 2)}\n` : columns(rows));
  return 0;
}

/** Rows as aligned columns; the last one takes what is left. */
function columns(rows: readonly Row[]): string {
  const keys = Object.keys(rows[0] ?? {});
  const widths = keys.map((key) => Math.max(...rows.map((row) => (row[key] ?? '').length)));
  return rows
    .map((row) =>
      keys.map((key, index) => (row[key] ?? '').padEnd(index === keys.length - 1 ? 0 : (widths[index] ?? 0))),
    )
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
}
