/** What the options of `run` and `report` say about reports, read and checked before anything is done. */

import { join } from 'node:path';
import { globSync } from 'glob';
import { languages, loadLab, type Language, type LoadedLab } from '../../reports/page/index.ts';
import { loadMappings, type Mapping } from '../../reports/trace/load-mappings.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { mustExist } from './named-files.ts';
import { catalogueDir } from './paths.ts';

/** Options about reports, as the command line gives them. */
export interface ReportingOptions {
  /** Data that only the laboratory has. */
  lab?: string;
  lang?: Language;
  /** Print the page to PDF too. */
  pdf?: boolean;
  /** Mappings of the user's own, and overlays over those of the catalogue. */
  mapping?: string[];
  /** Known violations do not fail the run. */
  acceptKnown?: boolean;
}

/** The same, loaded. */
export interface Reporting {
  lab?: LoadedLab;
  language: Language;
  pdf: boolean;
  mappings: readonly Mapping[];
  acceptKnown: boolean;
}

export { languages };

/**
 * @throws UsageError when there is no file that an option names
 * @throws BoardFileError listing every problem of a lab file or a mapping, with its place
 */
export async function loadReporting(options: ReportingOptions, catalogue: Catalogue): Promise<Reporting> {
  if (options.lab !== undefined)
    mustExist('--lab', options.lab, '`fieldproof init` writes one to fill in: lab.yaml.');
  for (const file of options.mapping ?? [])
    mustExist('--mapping', file, 'Name a mapping file, such as boards/mapping.schema.json describes.');
  return {
    ...(options.lab === undefined ? {} : { lab: await loadLab(options.lab) }),
    language: options.lang ?? 'en',
    pdf: options.pdf === true,
    mappings: await loadMappings(shippedMappings(), options.mapping ?? [], catalogue),
    acceptKnown: options.acceptKnown === true,
  };
}

/** Mappings that come with the catalogue, in the order of their names. */
export function shippedMappings(): string[] {
  return globSync('*.yaml', { cwd: join(catalogueDir, 'mappings'), absolute: true }).sort();
}
