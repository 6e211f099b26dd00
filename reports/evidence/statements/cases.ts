/**
 * Case by case: verdict, reason and what it rests on. Everything in it is copied from entries of the record, and each
 * copy names its entry, so that a verifier can hold one against the other.
 */

import type { CatalogueCase } from '../../../harness/catalogue/schema.ts';
import type { Entry, RecordEventKind } from '../../../harness/record/entry.ts';
import type { CaseModel, RunModel } from '../../../harness/record/run-model.ts';
import type { EvidenceSource } from '../part.ts';
import { CaseDigest } from './case-digest.ts';
import { casesPredicate, statementType, subjectOf, type Statement } from './statement.ts';

/** An entry of the record, copied. */
interface Copy {
  /** Its number. */
  seq: number;
  /** Its hash, lower-case hex. */
  hash: string;
  attempt?: number;
  tUtc: string;
  payload: object;
}

/** Kinds of entries that are copied, and under which name. */
const copied = {
  stimulus: 'stimuli',
  answer: 'answers',
  refusal: 'refusals',
  state: 'states',
  control: 'controls',
  measurement: 'measurements',
  sweep: 'sweeps',
  verdict: 'verdicts',
} as const satisfies Partial<Record<RecordEventKind, string>>;
type CopiedKind = keyof typeof copied;

/** How a note begins that limits what the verdict says. */
const qualifierForm = /^(conceptual): /;

/** @param recordSha256 digest of `record.jsonl` */
export function casesStatement({ model, catalogue }: EvidenceSource, recordSha256: string): Statement {
  const { header, entries } = model;
  // The requirements of another catalogue would not be those to which this run tested.
  const known = new Map(
    catalogue.sha256 === header.catalogue.sha256 ? catalogue.cases.map((one) => [one.id, one]) : [],
  );
  const byCase = entriesByCase(entries);
  const [opened] = entries;
  return {
    _type: statementType,
    subject: [subjectOf('record.jsonl', recordSha256)],
    predicateType: casesPredicate,
    predicate: {
      runId: model.runId,
      opened: opened === undefined ? undefined : copyOf(opened),
      verdict: model.verdict,
      counts: model.counts,
      interrupted: model.interrupted,
      deviations: deviationsOfRun(model),
      cases: model.cases.map((one) => caseOf(one, byCase.get(one.id) ?? [], header, known.get(one.id))),
    },
  };
}

function entriesByCase(entries: readonly Entry[]): Map<string, Entry[]> {
  const byCase = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.caseId === undefined) continue;
    const those = byCase.get(entry.caseId);
    if (those === undefined) byCase.set(entry.caseId, [entry]);
    else those.push(entry);
  }
  return byCase;
}

function caseOf(
  model: CaseModel,
  entries: readonly Entry[],
  header: RunModel['header'],
  described: CatalogueCase | undefined,
): object {
  const copies = Object.entries(copied).map(([kind, name]) => [name, copiesOf(entries, kind as CopiedKind)]);
  const notes = entries.filter(isQualifier);
  const [qualifying] = notes;
  return {
    id: model.id,
    version: header.catalogue.version,
    title: model.title,
    suite: model.suite,
    severity: model.severity,
    requirements: described?.requirements ?? [],
    verdict: model.verdict,
    qualifier: qualifying === undefined ? undefined : qualifierForm.exec(qualifying.payload.text)?.[1],
    reason: model.reason,
    findings: model.findings,
    attempts: model.attempts,
    deviations: model.attempts > 1 ? [`started ${model.attempts} times; every attempt is in the record`] : [],
    ...(Object.fromEntries(copies) as object),
    qualifications: notes.map(copyOf),
    evidence: digestOf(entries),
  };
}

function copiesOf(entries: readonly Entry[], kind: CopiedKind): Copy[] {
  return entries.filter((entry) => entry.kind === kind).map(copyOf);
}

function copyOf({ seq, hash, attempt, tUtc, payload }: Entry): Copy {
  return { seq, hash, ...(attempt === undefined ? {} : { attempt }), tUtc, payload };
}

function isQualifier(entry: Entry): entry is Extract<Entry, { kind: 'note' }> {
  return entry.kind === 'note' && qualifierForm.test(entry.payload.text);
}

/** All entries of the case at once: their number, and one digest over their hashes. */
function digestOf(entries: readonly Entry[]): { entries: number; sha256: string } {
  const digest = new CaseDigest();
  for (const { hash } of entries) digest.add(hash);
  return digest.value();
}

/** What was not done as a whole run at full depth would do it. */
function deviationsOfRun({ header, interrupted, resumed, imagesLeftOut }: RunModel): string[] {
  const { defects, depth, leftOut, everyIngress, harmAccepted } = header;
  const when = (holds: boolean, text: string) => (holds ? [text] : []);
  return [
    ...when(defects.length > 0, `faults switched on in the simulated device: ${defects.join(', ')}`),
    ...when(depth !== 'full', `depth ${depth}, not full`),
    ...when(leftOut.length > 0, `cases left out by the depth: ${leftOut.join(', ')}`),
    ...when(imagesLeftOut > 0, `attack images left out by the depth: ${imagesLeftOut}`),
    ...when(!everyIngress, 'attack images went through the primary way in only'),
    ...when(interrupted, 'the run was interrupted'),
    ...when(resumed > 0, `the run was continued ${resumed} times after an interruption`),
    ...when(
      harmAccepted !== undefined,
      `stimuli that may cost the device, agreed to: ${harmAccepted?.stimuli.join(', ') ?? ''}`,
    ),
  ];
}
