/** What the run set out to do, as an OSCAL assessment plan. */

import type { EvidenceSource } from '../part.ts';
import {
  benchUuid,
  components,
  deviceUuid,
  line,
  listed,
  metadata,
  property,
  testedRequirements,
} from './common.ts';
import { uuidOf } from './uuid.ts';

/** @returns the document, ready to be written as JSON */
export function assessmentPlan(source: EvidenceSource): Record<string, unknown> {
  const { runId, header } = source.model;
  const { declaration } = header;
  const declared = uuidOf(runId, 'resource', 'declaration');
  return {
    'assessment-plan': {
      uuid: uuidOf(runId, 'assessment-plan'),
      metadata: metadata(source, `Assessment plan of run ${runId}`),
      'import-ssp': {
        href: `#${declared}`,
        remarks:
          'No system security plan exists for a single device: its declaration stands in for it (ICS and IXIT).',
      },
      'local-definitions': { components: components(source), ...listed('activities', activities(source)) },
      'reviewed-controls': {
        description: 'Requirements of the catalogue that the selected cases serve.',
        'control-selections': [
          listed(
            'include-controls',
            testedRequirements(source).map(({ id }) => ({ 'control-id': id })),
          ),
        ],
      },
      'assessment-subjects': [
        { type: 'component', 'include-subjects': [{ 'subject-uuid': deviceUuid(runId), type: 'component' }] },
      ],
      'assessment-assets': {
        'assessment-platforms': [
          {
            uuid: uuidOf(runId, 'platform'),
            title: line(header.board.title),
            props: [property('board', header.board.name), property('board-sha256', header.board.sha256)],
            'uses-components': [{ 'component-uuid': benchUuid(runId) }],
          },
        ],
      },
      tasks: [
        {
          uuid: uuidOf(runId, 'task'),
          type: 'action',
          title: `Cases at depth ${header.depth}`,
          props: [
            property('depth', header.depth),
            property('every-ingress', header.everyIngress),
            property('cuts', header.cuts),
            property('seed', header.seed || '-'),
          ],
          ...listed('associated-activities', associated(source)),
        },
      ],
      'back-matter': {
        resources: [
          {
            uuid: declared,
            title: 'Declaration of the maker',
            rlinks: [
              {
                href: line(declaration.file),
                hashes: [{ algorithm: 'SHA-256', value: declaration.sha256 }],
              },
            ],
          },
        ],
      },
    },
  };
}

function associated({ model }: EvidenceSource): Record<string, unknown>[] {
  const subject = { 'subject-uuid': deviceUuid(model.runId), type: 'component' };
  return model.cases.map(({ id }) => ({
    'activity-uuid': uuidOf(model.runId, 'activity', id),
    subjects: [{ type: 'component', 'include-subjects': [subject] }],
  }));
}

/** One activity a case. */
function activities({ model, catalogue }: EvidenceSource): Record<string, unknown>[] {
  const known = new Map(catalogue.cases.map((one) => [one.id, one]));
  return model.cases.map((one) => {
    const described = known.get(one.id);
    const controls = described?.requirements ?? [];
    return {
      uuid: uuidOf(model.runId, 'activity', one.id),
      title: one.id,
      description: `The device ${described?.title ?? one.title}.`,
      props: [property('method', 'TEST'), ...(described ? [property('source', described.source)] : [])],
      ...(controls.length === 0
        ? {}
        : {
            'related-controls': {
              'control-selections': [
                { 'include-controls': controls.map((control) => ({ 'control-id': control })) },
              ],
            },
          }),
    };
  });
}
