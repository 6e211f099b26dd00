/**
 * What OSCAL's assessment plan and assessment results share.
 *
 * Source: NIST OSCAL, assessment layer; only members that 1.0.6 and 1.2.2 have in common.
 */

import type { CatalogueCase, Requirement } from '../../../harness/catalogue/index.ts';
import { combine, type Verdict } from '../../../harness/verdict.ts';
import type { EvidenceSource } from '../part.ts';
import { uuidOf } from './uuid.ts';

export const oscalVersion = '1.0.6';
/** Namespace of our own properties. */
export const ns = 'urn:fieldproof:oscal';

export interface Property {
  name: string;
  ns: string;
  value: string;
}

/** One line without blanks at its ends, as OSCAL's strings must be; a dash for nothing. */
export function line(text: string): string {
  return text.replace(/\s+/g, ' ').trim() || '-';
}

export function property(name: string, value: string | number | boolean): Property {
  return { name, ns, value: line(String(value)) };
}

export function metadata({ model }: EvidenceSource, title: string): Record<string, unknown> {
  const { runId, header } = model;
  return {
    title: line(title),
    'last-modified': model.endedAt.tUtc,
    version: runId,
    'oscal-version': oscalVersion,
    props: [
      property('run', runId),
      property('harness', header.harness),
      property('catalogue-version', header.catalogue.version),
      property('catalogue-sha256', header.catalogue.sha256),
    ],
    roles: [{ id: 'assessor', title: 'Who ran the bench' }],
    parties: [
      {
        uuid: uuidOf(runId, 'party', 'assessor'),
        type: 'organization',
        name: 'To be filled in by the laboratory',
      },
    ],
    'responsible-parties': [{ 'role-id': 'assessor', 'party-uuids': [uuidOf(runId, 'party', 'assessor')] }],
    remarks:
      'Tested to the catalogue named above, which is this harness’s own; the texts of the announced standards are not public, and no conformity to them is stated.',
  };
}

/** The device and the bench, as components. */
export function components({ model }: EvidenceSource): Record<string, unknown>[] {
  const { runId, header } = model;
  const told = Object.entries(header.device).map(([name, value]) => property(tokenOf(name), value));
  const device = {
    uuid: deviceUuid(runId),
    type: 'hardware',
    title: line([header.device['vendor'], header.device['model']].filter(Boolean).join(' ')),
    description: `The device under test on the board ${header.board.title}, as its declaration names it.`,
    ...(told.length === 0 ? {} : { props: told }),
    status: { state: 'under-development', remarks: 'OSCAL asks for a state; the bench does not know it.' },
  };
  const bench = {
    uuid: benchUuid(runId),
    type: 'software',
    title: line(header.harness),
    description: `Test harness on Node ${header.node}, ${header.platform}.`,
    status: { state: 'operational' },
  };
  return [device, bench];
}

export function deviceUuid(runId: string): string {
  return uuidOf(runId, 'component', 'device');
}

export function benchUuid(runId: string): string {
  return uuidOf(runId, 'component', 'bench');
}

/** A requirement with the cases of this run that serve it. */
export interface TestedRequirement {
  requirement: Requirement;
  cases: readonly { id: string; verdict: Verdict; reason: string }[];
  verdict: Verdict;
}

/** Requirements that cases of this run serve, in the catalogue's order. */
export function testedRequirements({ model, catalogue }: EvidenceSource): TestedRequirement[] {
  const known = new Map<string, CatalogueCase>(catalogue.cases.map((one) => [one.id, one]));
  return catalogue.requirements.flatMap((requirement) => {
    const cases = model.cases.filter(({ id }) => known.get(id)?.requirements.includes(requirement.id));
    if (cases.length === 0) return [];
    return [{ requirement, cases, verdict: combine(cases.map(({ verdict }) => verdict)) }];
  });
}

/** An OSCAL token out of any text. */
export function tokenOf(text: string): string {
  const token = text.replace(/[^\p{L}\p{N}._-]/gu, '-');
  return /^[\p{L}_]/u.test(token) ? token : `_${token}`;
}

/** JSON as it stands in the package. */
export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`, 'utf8');
}
