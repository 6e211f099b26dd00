/** For tests: the page of a run in a folder, made with the catalogue and mappings that are shipped. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { globSync } from 'glob';
import { loadCatalogue } from '../../../harness/catalogue/index.ts';
import { readRun } from '../../../harness/record/read.ts';
import { modelOf } from '../../../harness/record/run-model.ts';
import { loadMappings } from '../../trace/load-mappings.ts';
import type { PageInput } from '../view.ts';

/** Read as data: no code of suites is imported. */
export const catalogueFolder = fileURLToPath(new URL('../../../suites/catalogue/', import.meta.url));
export const shippedMappings = globSync('mappings/*.yaml', { cwd: catalogueFolder, absolute: true }).sort();

export async function inputOf(runDir: string, more: Partial<PageInput> = {}): Promise<PageInput> {
  const catalogue = await loadCatalogue(catalogueFolder);
  const model = modelOf(readRun(runDir).entries);
  return {
    runDir,
    model,
    catalogue,
    mappings: await loadMappings(shippedMappings, [], catalogue),
    language: 'en',
    madeBy: 'fieldproof 0.0.0',
    exitCode: model.exitCode,
    ...more,
  };
}

/** Bytes of a file that must exist. */
export const textOf = (file: string): string => readFileSync(file, 'utf8');
