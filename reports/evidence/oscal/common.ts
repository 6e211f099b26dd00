/**
 * What OSCAL's assessment plan and assessment results share.
 *
 * Source: NIST OSCAL, assessment layer; only members that 1.0.6 and 1.2.2 have in common.
 */

import { traceMatrix, type Cell, type MatrixRow, type RowOutcome } from '../../trace/matrix.ts';
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

/** A requirement of which at least one case is in this run. */
export interface TestedRequirement {
  id: string;
  title: string;
  /** All its cases, also those that are not in this run. */
  cells: readonly Cell[];
  /** As in the trace matrix: nothing conforms which was not wholly tested. */
  outcome: RowOutcome;
}

/** Requirements that cases of this run serve, in the catalogue's order. */
export function testedRequirements({ model, catalogue }: EvidenceSource): TestedRequirement[] {
  const requirements = traceMatrix(model, catalogue, []).find(({ id }) => id === 'requirements');
  return (requirements?.rows ?? []).filter(({ cells }: MatrixRow) => cells.some(isInRun));
}

/** False for a case that is only planned, or that this run did not select. */
export function isInRun({ outcome }: Cell): boolean {
  return outcome !== 'absent' && outcome !== 'unbuilt';
}

/** A member for a list, and none for an empty one, which OSCAL's schema forbids. */
export function listed(name: string, items: readonly unknown[]): Record<string, readonly unknown[]> {
  return items.length === 0 ? {} : { [name]: items };
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
