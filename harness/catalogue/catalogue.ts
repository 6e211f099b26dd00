/** The catalogue in memory: cases by id, selections, and the trace from what is asked to what is tested. */

import type { CatalogueCase, Claim, LedgerEntry, Requirement, SourceDocument } from './schema.ts';
import { expandPattern, selectCases, unknownCase } from './select.ts';
import { UsageError } from '../errors.ts';
import { suggestion } from '../board/nearest.ts';

export interface CatalogueData {
  name: string;
  version: string;
  cases: readonly CatalogueCase[];
  requirements: readonly Requirement[];
  claims: readonly Claim[];
  /** Documents that the claims come from, by id. */
  documents: Readonly<Record<string, SourceDocument>>;
  ledger: readonly LedgerEntry[];
  /** Files with their digests, lower-case hex. */
  files: readonly { name: string; sha256: string }[];
  /** Of the listing of all files, one line `digest  name` each, as sha256sum prints it. */
  sha256: string;
}

/** How far cases that exist cover something. */
export type Coverage = 'covered' | 'partly' | 'uncovered';

/** One row of the trace matrix: a claim or a requirement, and the cases that serve it. */
export interface TraceRow {
  kind: 'claim' | 'requirement';
  id: string;
  title: string;
  cases: readonly CatalogueCase[];
  /** `covered`: every case is built; `partly`: some; `uncovered`: none. */
  coverage: Coverage;
  /** Why not all is covered; absent where all is. */
  why?: string;
}

export class Catalogue {
  readonly data: CatalogueData;
  readonly #byId: ReadonlyMap<string, CatalogueCase>;

  /** @param data checked; see `loadCatalogue` */
  constructor(data: CatalogueData) {
    this.data = data;
    this.#byId = new Map(data.cases.map((one) => [one.id, one]));
  }

  get version(): string {
    return this.data.version;
  }

  get sha256(): string {
    return this.data.sha256;
  }

  get cases(): readonly CatalogueCase[] {
    return this.data.cases;
  }

  get requirements(): readonly Requirement[] {
    return this.data.requirements;
  }

  /** @throws UsageError for an unknown or retired id, with the nearest one */
  case(id: string): CatalogueCase {
    const found = this.#byId.get(id);
    if (found === undefined || found.retired !== undefined) throw unknownCase(id, this.data.cases);
    return found;
  }

  /** @throws UsageError for an unknown id, with the nearest one */
  requirement(id: string): Requirement {
    const found = this.data.requirements.find((one) => one.id === id);
    if (found !== undefined) return found;
    const near = suggestion(
      id,
      this.data.requirements.map((one) => one.id),
    );
    throw new UsageError('unknown-requirement', `no requirement ${id}${near}`);
  }

  /**
   * Cases by id, `SIG-0*`, prefix or suite; `!pattern` takes away; none given means all.
   *
   * @throws UsageError when a pattern names nothing
   */
  select(patterns: readonly string[]): CatalogueCase[] {
    return selectCases(patterns, this.data.cases);
  }

  /** Every claim and every requirement with its cases: the whole of what is tested, and of what is not. */
  trace(): TraceRow[] {
    const alive = this.data.cases.filter(({ retired }) => retired === undefined);
    const claims = this.data.claims.map((claim) => {
      const named = new Set(claim.cases.flatMap((pattern) => expandPattern(pattern, alive)));
      const cases = alive.filter((one) => named.has(one));
      return row('claim', claim.id, claim.claim, cases, claim.uncovered);
    });
    const requirements = this.data.requirements.map(({ id, title }) =>
      row(
        'requirement',
        id,
        title,
        alive.filter((one) => one.requirements.includes(id)),
      ),
    );
    return [...claims, ...requirements];
  }
}

function row(
  kind: TraceRow['kind'],
  id: string,
  title: string,
  cases: readonly CatalogueCase[],
  uncovered?: string,
): TraceRow {
  const missing = cases.filter(({ built }) => !built).map((one) => one.id);
  const coverage =
    missing.length === cases.length ? 'uncovered' : missing.length === 0 ? 'covered' : 'partly';
  const why = uncovered ?? (missing.length === 0 ? undefined : `not built yet: ${missing.join(', ')}`);
  return { kind, id, title, cases, coverage, ...(why === undefined ? {} : { why }) };
}
