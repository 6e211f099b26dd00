/** What the sections of the test report are made from: the input, prepared once. */

import type { Catalogue, CatalogueCase } from '../../harness/catalogue/index.ts';
import { canonicalize } from '../../harness/record/jcs.ts';
import { sha256Hex } from '../../harness/record/digest.ts';
import { judgeKnown, type KnownJudgement } from '../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../harness/record/run-model.ts';
import type { Mapping } from '../trace/load-mappings.ts';
import { traceMatrix, type MatrixTable } from '../trace/matrix.ts';
import { stampsOf, type Stamp } from '../evidence/timestamp/stamps.ts';
import { html, type Content, type Markup } from './html.ts';
import { translator, type Label, type Language, type Translate } from './labels.ts';
import type { LoadedLab } from './load-lab.ts';
import { wireEvidence, type WireEvidence } from './wire-evidence.ts';

export interface PageInput {
  /** Folder of the run, of which the wires' indices are read. */
  runDir: string;
  model: RunModel;
  /** As loaded now; the page says so when the run was made with another one. */
  catalogue: Catalogue;
  mappings: readonly Mapping[];
  language: Language;
  lab?: LoadedLab;
  /** Name and version of the program that makes the report. */
  madeBy: string;
  /** What the command ends with. */
  exitCode: number;
}

/** One section; its number is its place. */
export interface Section {
  id: string;
  title: Label;
  body: Content;
}

export interface View extends PageInput {
  t: Translate;
  /** Unique: other data make another report. */
  reportId: string;
  tables: readonly MatrixTable[];
  known: readonly KnownJudgement[];
  /** Those that were asked for. */
  stamps: readonly Stamp[];
  inCatalogue: (id: string) => CatalogueCase | undefined;
  titleOf: (one: CaseModel) => string;
  wiresOf: (caseId: string) => readonly WireEvidence[];
}

export function viewOf(input: PageInput): View {
  const { model, catalogue } = input;
  const byId = new Map(catalogue.cases.map((one) => [one.id, one]));
  const wires = wireEvidence(input.runDir, model);
  return {
    ...input,
    t: translator(input.language),
    reportId: reportIdOf(input),
    tables: traceMatrix(model, catalogue, input.mappings),
    known: judgeKnown(model),
    stamps: askedStamps(input),
    inCatalogue: (id) => byId.get(id),
    titleOf: (one) => one.title || (byId.get(one.id)?.title ?? ''),
    wiresOf: (caseId) => wires.get(caseId) ?? [],
  };
}

function askedStamps({ runDir, model }: PageInput): Stamp[] {
  return stampsOf(runDir, model).filter(({ state }) => state !== 'not-requested');
}

/**
 * The laboratory's number, or one made from everything that the report is made from: the same run with other data of
 * the laboratory, another language or another mapping is another report.
 */
export function reportIdOf(input: PageInput): string {
  const number = input.lab?.lab.report?.number;
  if (number !== undefined) return number;
  const { model, catalogue, mappings, language, lab, madeBy, exitCode } = input;
  const madeFrom = {
    record: model.entries.at(-1)?.hash ?? '',
    known: model.header.known?.sha256 ?? '',
    catalogue: catalogue.sha256,
    mappings: mappings.flatMap(({ files }) => files.map(({ sha256 }) => sha256)),
    lab: lab?.sha256 ?? '',
    stamps: askedStamps(input).map((one) => [one.state, one.state === 'stamped' ? one.stamped.time : '']),
    language,
    madeBy,
    exitCode,
  };
  return `${model.runId}-${sha256Hex(Buffer.from(canonicalize(madeFrom), 'utf8')).slice(0, 8)}`;
}

/** A verdict, or what stands in its place, as a coloured word with a sign: no colour has to be told apart. */
export function badge({ t }: View, outcome: BadgeName, words: Label = outcome): Markup {
  return html`<span class="badge ${outcome}">${signs[outcome]} ${t(words)}</span>`;
}

export const signs = {
  violates: '✗',
  error: '!',
  inconclusive: '?',
  'not-executed': '–',
  conforms: '✓',
  'not-applicable': '○',
  absent: '·',
  unbuilt: '·',
  uncovered: '∅',
} as const;
export type BadgeName = keyof typeof signs;

/** A digest, in full: it is there to be compared. */
export function digest(hex: string): Markup {
  return html`<code class="digest">${hex}</code>`;
}

/** What the laboratory has to fill in, so that nobody overlooks it. */
export function todo({ t }: View, what: string): Markup {
  return html`<mark class="todo">${t('todo', { what })}</mark>`;
}

/**
 * @param rows each of as many cells as there are headings; on a narrow screen rows become blocks, and a cell says its
 *   heading itself
 */
export function table(
  headings: readonly Content[],
  rows: readonly (readonly Content[])[],
  look = '',
): Markup {
  const said = (at: number): string => {
    const heading = headings[at];
    return typeof heading === 'string' ? heading : '';
  };
  const cells = (row: readonly Content[]): Markup[] =>
    row.map((cell, at) => html`<td data-th="${said(at)}">${cell}</td>`);
  return html`<table class="${look}">
    <thead>
      <tr>
        ${headings.map((one) => html`<th>${one}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${cells(row)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** ISO 8601 to minutes, for people: `2026-05-08 10:15 UTC`. */
export function minutes(tUtc: string): string {
  return `${tUtc.slice(0, 10)} ${tUtc.slice(11, 16)} UTC`;
}
