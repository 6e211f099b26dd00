/** Loads a catalogue folder: everything wrong in its files is told at once, with file, line and column. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { deepFreeze } from '../board/load-declaration.ts';
import { problemsOf } from '../board/issues.ts';
import { suggestion } from '../board/nearest.ts';
import { refuseIfAny, type Problem } from '../board/problem.ts';
import { readYaml, type YamlSource } from '../board/yaml-source.ts';
import { BoardFileError } from '../errors.ts';
import { Catalogue, type CatalogueData } from './catalogue.ts';
import { catalogueFiles, suitePrefixes } from './schema.ts';
import { expandPattern } from './select.ts';

type FileName = keyof typeof catalogueFiles;
type Content = { [Name in FileName]: z.output<(typeof catalogueFiles)[Name]> };

interface ReadFile {
  source: YamlSource;
  sha256: string;
}

/**
 * @param directory folder with catalogue.yaml, cases.yaml, requirements.yaml, claims.yaml, ledger.yaml
 * @throws BoardFileError listing every problem of every file
 */
export async function loadCatalogue(directory: string): Promise<Catalogue> {
  const names = Object.keys(catalogueFiles) as FileName[];
  const files = new Map<FileName, ReadFile>();
  const content: Partial<Content> = {};
  const problems: Problem[] = [];
  for (const name of names) {
    const file = await read(path.join(directory, name));
    const parsed = catalogueFiles[name].safeParse(file.source.value);
    files.set(name, file);
    problems.push(...file.source.problems);
    if (parsed.success) Object.assign(content, { [name]: parsed.data });
    else if (file.source.value !== undefined) {
      const { source } = file;
      problems.push(
        ...problemsOf(parsed.error.issues, { source, schema: catalogueFiles[name], value: source.value }),
      );
    }
  }
  if (isWhole(content, names)) problems.push(...crossProblems(content, files));
  refuseIfAny(directory, problems);
  if (!isWhole(content, names)) throw new BoardFileError('file-invalid', `${directory}: not a catalogue`);
  const digests = names.map((name) => ({ name, sha256: files.get(name)?.sha256 ?? '' }));
  return new Catalogue(deepFreeze(dataOf(content, digests)));
}

async function read(file: string): Promise<ReadFile> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new BoardFileError('file-unreadable', `cannot read the catalogue’s file ${path.resolve(file)}`, {
      cause,
    });
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { source: readYaml(file, bytes.toString('utf8')), sha256 };
}

const isWhole = (content: Partial<Content>, names: readonly FileName[]): content is Content =>
  names.every((name) => content[name] !== undefined);

function dataOf(content: Content, files: CatalogueData['files']): CatalogueData {
  const { name, version } = content['catalogue.yaml'];
  const { claims, documents } = content['claims.yaml'];
  const listing = files.map((file) => `${file.sha256}  ${file.name}\n`).join(''); // as sha256sum prints it
  return {
    name,
    version,
    cases: content['cases.yaml'],
    requirements: content['requirements.yaml'],
    claims,
    documents,
    ledger: content['ledger.yaml'],
    files,
    sha256: createHash('sha256').update(listing).digest('hex'),
  };
}

/** What only several entries or files together show: ids used twice, references into nothing. */
function crossProblems(content: Content, files: ReadonlyMap<FileName, ReadFile>): Problem[] {
  const problems: Problem[] = [];
  const report = (name: FileName, at: (string | number)[], message: string): void => {
    const source = files.get(name)?.source;
    if (source !== undefined) problems.push(source.problem(at, message));
  };
  const { claims, documents } = content['claims.yaml'];
  const cases = content['cases.yaml'];
  const requirements = content['requirements.yaml'];

  const unique = (name: FileName, base: string[], entries: readonly { id: string }[]): Set<string> => {
    const seen = new Set<string>();
    for (const [i, { id }] of entries.entries()) {
      if (seen.has(id)) report(name, [...base, i, 'id'], `${id} is here twice`);
      seen.add(id);
    }
    return seen;
  };
  unique('cases.yaml', [], cases);
  unique('claims.yaml', ['claims'], claims);
  const requirementIds = unique('requirements.yaml', [], requirements);
  const ledgerIds = unique('ledger.yaml', [], content['ledger.yaml']);

  for (const [i, one] of cases.entries()) {
    if (!one.id.startsWith(`${suitePrefixes[one.suite]}-`)) {
      report('cases.yaml', [i, 'suite'], `cases of ${one.suite} have ids ${suitePrefixes[one.suite]}-…`);
    }
    for (const [j, id] of one.requirements.entries()) {
      if (requirementIds.has(id)) continue;
      report('cases.yaml', [i, 'requirements', j], `no requirement ${id}${suggestion(id, requirementIds)}`);
    }
    if (one.retired !== undefined && one.built)
      report('cases.yaml', [i, 'built'], 'a retired case is not built');
  }
  const used = new Set(cases.flatMap((one) => one.requirements));
  for (const [i, { id }] of requirements.entries()) {
    if (!used.has(id)) report('requirements.yaml', [i, 'id'], `no case serves ${id}`);
  }
  for (const [i, claim] of claims.entries()) {
    if (!Object.hasOwn(documents, claim.document)) {
      report('claims.yaml', ['claims', i, 'document'], `no document ${claim.document}`);
    }
    for (const [j, id] of claim.counterEvidence.entries()) {
      if (!ledgerIds.has(id))
        report('claims.yaml', ['claims', i, 'counterEvidence', j], `no ledger entry ${id}`);
    }
    for (const [j, pattern] of claim.cases.entries()) {
      if (expandPattern(pattern, cases).length > 0) continue;
      const near = suggestion(
        pattern,
        cases.map(({ id }) => id),
      );
      report('claims.yaml', ['claims', i, 'cases', j], `no case ${pattern}${near}`);
    }
  }
  return problems;
}
