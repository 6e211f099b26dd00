/** The catalogue of cases and requirements: load, select, trace. */

export { Catalogue, type CatalogueData, type Coverage, type TraceRow } from './catalogue.ts';
export { loadCatalogue } from './load.ts';
export {
  inputNames,
  suiteNames,
  suitePrefixes,
  type CaseInput,
  type CatalogueCase,
  type Claim,
  type InputName,
  type LedgerEntry,
  type Requirement,
  type Severity,
  type SourceDocument,
  type SuiteName,
} from './schema.ts';
