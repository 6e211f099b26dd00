/** What the run found, as OSCAL assessment results: an observation a case, a finding a requirement. */

import { exitCodeOfModel } from '../../../harness/record/known-violations.ts';
import type { CaseModel, RunModel } from '../../../harness/record/run-model.ts';
import type { Cell } from '../../trace/matrix.ts';
import type { EvidenceSource } from '../part.ts';
import {
  benchUuid,
  components,
  deviceUuid,
  isInRun,
  line,
  listed,
  metadata,
  property,
  testedRequirements,
  type Property,
  type TestedRequirement,
} from './common.ts';
import { uuidOf } from './uuid.ts';

/** @returns the document, ready to be written as JSON */
export function assessmentResults(source: EvidenceSource): Record<string, unknown> {
  const { model } = source;
  const { runId } = model;
  const tested = testedRequirements(source);
  return {
    'assessment-results': {
      uuid: uuidOf(runId, 'assessment-results'),
      metadata: metadata(source, `Assessment results of run ${runId}`),
      'import-ap': { href: 'assessment-plan.json' },
      results: [
        {
          uuid: uuidOf(runId, 'result'),
          title: `Run ${runId}`,
          description: `Cases of the catalogue against the device on the board ${model.header.board.title}: ${countsOf(source)}.`,
          start: model.startedAt.tUtc,
          end: model.endedAt.tUtc,
          props: propertiesOf(model),
          'local-definitions': { components: components(source) },
          'reviewed-controls': { 'control-selections': [selectionOf(model, tested)] },
          ...listed(
            'observations',
            model.cases.map((one) => observation(source, one)),
          ),
          ...listed('findings', findings(source, tested)),
        },
      ],
    },
  };
}

function propertiesOf(model: RunModel): Property[] {
  const { depth, defects } = model.header;
  return [
    property('verdict', model.verdict),
    property('exit-code', exitCodeOfModel(model)),
    property('interrupted', model.interrupted),
    property('depth', depth),
    ...(defects.length === 0 ? [] : [property('faults-switched-on', defects.join(', '))]),
    ...(model.root === undefined ? [] : [property('record-root', model.root)]),
  ];
}

function countsOf({ model }: EvidenceSource): string {
  const present = Object.entries(model.counts).filter(([, count]) => count > 0);
  return present.map(([verdict, count]) => `${count} ${verdict}`).join(', ') || 'none ran';
}

/** What was reviewed, and what the declaration keeps out, with the reasons. */
function selectionOf({ cases }: RunModel, tested: readonly TestedRequirement[]): Record<string, unknown> {
  const out = tested.filter(({ outcome }) => outcome === 'not-applicable');
  const within = tested.filter(({ outcome }) => outcome !== 'not-applicable');
  const ids = (some: readonly TestedRequirement[]) => some.map(({ id }) => ({ 'control-id': id }));
  const reasonOf = (caseId: string) => line(cases.find(({ id }) => id === caseId)?.reason ?? '');
  const reasons = out.flatMap(({ id, cells }) =>
    cells.map(({ caseId }) => `${id} (${caseId}): ${reasonOf(caseId)}`),
  );
  return {
    ...listed('include-controls', ids(within)),
    ...(out.length === 0
      ? {}
      : { 'exclude-controls': ids(out), remarks: `Not applicable by declaration. ${reasons.join('; ')}` }),
  };
}

function observation({ model, catalogue }: EvidenceSource, one: CaseModel): Record<string, unknown> {
  const title = catalogue.cases.find(({ id }) => id === one.id)?.title ?? one.title;
  const verdictEntry = model.entries.findLast(({ kind, caseId }) => kind === 'verdict' && caseId === one.id);
  const images = new Map(
    one.stimuli.flatMap(({ image }) => (image === undefined ? [] : [[image.sha256, image.name]])),
  );
  return {
    uuid: uuidOf(model.runId, 'observation', one.id),
    title: one.id,
    description: `The device ${title}: ${one.verdict}. ${one.reason}`.trim(),
    props: [
      property('verdict', one.verdict),
      property('attempts', one.attempts),
      property('took-ms', Math.round(one.tookMs)),
      ...[...images.keys()].map((sha256) => property('stimulus-sha256', sha256)),
      ...one.measurements.map(({ name, value, unit, uncertainty }) =>
        property(
          'measurement',
          `${name} ${value} ${unit}${uncertainty === undefined ? '' : ` ± ${uncertainty}`}`,
        ),
      ),
    ],
    methods: ['TEST'],
    types: ['finding'],
    origins: [{ actors: [{ type: 'tool', 'actor-uuid': benchUuid(model.runId) }] }],
    subjects: [{ 'subject-uuid': deviceUuid(model.runId), type: 'component' }],
    'relevant-evidence': [
      {
        href: 'record.jsonl',
        description:
          verdictEntry === undefined
            ? 'The record has no verdict for this case.'
            : `Entry ${verdictEntry.seq} of the record, hash ${verdictEntry.hash}.`,
      },
    ],
    collected: (one.endedAt ?? model.endedAt).tUtc,
  };
}

function findings(source: EvidenceSource, tested: readonly TestedRequirement[]): unknown[] {
  const { runId } = source.model;
  return tested.flatMap((requirement) => {
    const { id, title, cells } = requirement;
    const status = statusOf(requirement);
    if (status === undefined) return [];
    return [
      {
        uuid: uuidOf(runId, 'finding', id),
        title: id,
        description: `${title}: ${cells.map(({ caseId, outcome }) => `${caseId} ${outcome}`).join(', ')}.`,
        target: { type: 'objective-id', 'target-id': id, title: line(title), status },
        'related-observations': cells.filter(isInRun).map(({ caseId }) => ({
          'observation-uuid': uuidOf(runId, 'observation', caseId),
        })),
      },
    ];
  });
}

/** OSCAL knows no "inconclusive": what was not shown to be satisfied is not satisfied, for another reason than failure. */
function statusOf({
  outcome,
  cells,
}: TestedRequirement): { state: string; reason: string; remarks?: string } | undefined {
  switch (outcome) {
    case 'conforms':
      return { state: 'satisfied', reason: 'pass' };
    case 'violates':
      return { state: 'not-satisfied', reason: 'fail' };
    case 'inconclusive':
    case 'not-executed':
    case 'error':
    case 'uncovered':
      return {
        state: 'not-satisfied',
        reason: 'other',
        remarks: [`The verdict is ${outcome}: nothing is shown.`, ...untestedOf(cells)].join(' '),
      };
    case 'not-applicable':
      return undefined;
  }
}

/** Cases without which the requirement was not wholly tested. */
function untestedOf(cells: readonly Cell[]): string[] {
  const named = (wanted: Cell['outcome'], words: string) => {
    const ids = cells.filter(({ outcome }) => outcome === wanted).map(({ caseId }) => caseId);
    return ids.length === 0 ? [] : [`${words}: ${ids.join(', ')}.`];
  };
  return [...named('absent', 'Cases not in this run'), ...named('unbuilt', 'Cases not built yet')];
}
