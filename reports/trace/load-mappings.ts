/** The mappings of a report: those of the catalogue, with the user’s own laid over them. */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Catalogue } from '../../harness/catalogue/index.ts';
import { problemsOf } from '../../harness/board/issues.ts';
import { suggestion } from '../../harness/board/nearest.ts';
import { refuseIfAny, type Problem } from '../../harness/board/problem.ts';
import { readYaml, type YamlSource } from '../../harness/board/yaml-source.ts';
import { BoardFileError, UsageError } from '../../harness/errors.ts';
import { sha256Hex } from '../../harness/record/digest.ts';
import { schemaFor, type MappingFile, type MappingRow } from './mapping-schema.ts';

/** A mapping with all that was laid over it. */
export interface Mapping {
  id: string;
  title: string;
  note?: string;
  rows: readonly MappedRow[];
  /** Files that it was made from, the catalogue's first. */
  files: readonly { name: string; sha256: string }[];
}

export interface MappedRow extends MappingRow {
  /** File that gave the clause's text. */
  textFrom?: string;
}

/**
 * @param shipped files of the catalogue's mappings
 * @param own the user's files, in order; a later one wins
 * @throws BoardFileError with file, line and column; UsageError for an overlay over nothing
 */
export async function loadMappings(
  shipped: readonly string[],
  own: readonly string[],
  catalogue: Catalogue,
): Promise<Mapping[]> {
  const mappings = new Map<string, Mapping>();
  for (const file of [...shipped, ...own]) {
    const { content, sha256 } = await readMapping(file, catalogue);
    const source = { name: basename(file), sha256 };
    const made =
      content.extends === undefined ? fresh(content, source, mappings) : laidOver(content, source, mappings);
    mappings.set(made.id, made);
  }
  return [...mappings.values()];
}

type Source = Mapping['files'][number];

function fresh(
  content: Extract<MappingFile, { id: string }>,
  source: Source,
  known: ReadonlyMap<string, Mapping>,
): Mapping {
  const { id, title, note, rows } = content;
  if (known.has(id)) {
    throw new UsageError('mapping-twice', `${source.name}: there is a mapping ${id} already`, {
      hint: `Write “extends: ${id}” instead of “id: ${id}” to complete it, or choose another id.`,
    });
  }
  const from = rows.map((row) => (row.text === undefined ? row : { ...row, textFrom: source.name }));
  return { id, title, ...(note === undefined ? {} : { note }), rows: from, files: [source] };
}

function laidOver(
  content: Extract<MappingFile, { extends: string }>,
  source: Source,
  known: ReadonlyMap<string, Mapping>,
): Mapping {
  const under = known.get(content.extends);
  if (under === undefined) {
    throw new UsageError(
      'no-such-mapping',
      `${source.name} extends ${content.extends}, which is no mapping${suggestion(content.extends, known.keys())}`,
    );
  }
  const rows = new Map(under.rows.map((row) => [row.id, row]));
  for (const row of content.rows) {
    const named = row.text === undefined ? {} : { textFrom: source.name };
    rows.set(row.id, merged(rows.get(row.id), { ...row, ...named }));
  }
  const { title = under.title, note = under.note } = content;
  return {
    id: under.id,
    title,
    ...(note === undefined ? {} : { note }),
    rows: [...rows.values()],
    files: [...under.files, source],
  };
}

/** What the overlay says wins; cases and requirements that it names replace those before, and end "uncovered". */
function merged(under: MappedRow | undefined, over: MappedRow): MappedRow {
  const row = { ...under, ...over };
  const covers = (over.cases ?? []).length + (over.requirements ?? []).length > 0;
  if (covers && over.uncovered === undefined) delete row.uncovered;
  return row;
}

async function readMapping(
  file: string,
  catalogue: Catalogue,
): Promise<{ content: MappingFile; sha256: string }> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new BoardFileError('file-unreadable', `cannot read the mapping ${file}`, {
      hint: 'Name a mapping file after --mapping.',
      cause,
    });
  });
  const source = readYaml(file, bytes.toString('utf8'));
  const schema = schemaFor(source.value);
  const parsed = schema.safeParse(source.value);
  const issues = parsed.success || source.value === undefined ? [] : parsed.error.issues;
  refuseIfAny(file, [...source.problems, ...problemsOf(issues, { source, schema, value: source.value })]);
  if (!parsed.success) throw new BoardFileError('file-invalid', `${file}: not a mapping`);
  refuseIfAny(file, crossProblems(parsed.data.rows, source, catalogue));
  return { content: parsed.data, sha256: sha256Hex(bytes) };
}

/** Ids that are here twice, requirements and cases that the catalogue does not have. */
function crossProblems(rows: readonly MappingRow[], source: YamlSource, catalogue: Catalogue): Problem[] {
  const seen = new Set<string>();
  const requirementIds = new Set(catalogue.requirements.map((one) => one.id));
  return rows.flatMap((row, at) => {
    const path = ['rows', at];
    const twice = seen.has(row.id) ? [source.problem([...path, 'id'], `${row.id} is here twice`)] : [];
    seen.add(row.id);
    const strangers = (row.requirements ?? []).flatMap((one, i) =>
      requirementIds.has(one)
        ? []
        : [
            source.problem(
              [...path, 'requirements', i],
              `no requirement ${one}${suggestion(one, requirementIds)}`,
            ),
          ],
    );
    const cases = (row.cases ?? []).flatMap((pattern, i) => {
      try {
        catalogue.select([pattern]);
        return [];
      } catch (error) {
        return [
          source.problem([...path, 'cases', i], error instanceof Error ? error.message : String(error)),
        ];
      }
    });
    return [...twice, ...strangers, ...cases];
  });
}
