/** The statement that makes a signature cover everything: digests of the manifest, the record and the other statements. */

import { createHash } from 'node:crypto';
import type { RunModel } from '../../../harness/record/run-model.ts';
import type { Manifest } from '../manifest.ts';
import { packagePredicate, statementBody, statementType, subjectOf, type Statement } from './statement.ts';

/** How far the record goes. Without `root`, it was never closed, and nobody can tell how long it was. */
export interface RecordClose {
  count?: number;
  root?: string;
  /** Hash of the last entry. */
  head: string;
}

/**
 * @param manifestBytes the manifest as it lies in the package
 * @param statements the other ones, by their path
 */
export function packageStatement(
  model: RunModel,
  manifest: Manifest,
  manifestBytes: Uint8Array,
  statements: ReadonlyMap<string, Statement>,
): Statement {
  const record = manifest.files.find(({ path }) => path === 'record.jsonl');
  return {
    _type: statementType,
    subject: [
      subjectOf('manifest.json', sha256(manifestBytes)),
      ...(record === undefined ? [] : [subjectOf('record.jsonl', record.sha256)]),
    ],
    predicateType: packagePredicate,
    predicate: {
      format: manifest.format,
      runId: manifest.runId,
      record: closeOf(model),
      statements: [...statements].map(([path, statement]) => ({
        path,
        sha256: sha256(statementBody(statement)),
      })),
      withheld: manifest.files.filter(({ withheld }) => withheld === true).map(({ path }) => path),
    },
  };
}

function closeOf({ entries }: RunModel): RecordClose {
  const closed = entries.findLast((entry) => entry.kind === 'record-closed');
  const head = entries.at(-1)?.hash ?? '';
  return closed === undefined ? { head } : { count: closed.payload.count, root: closed.payload.root, head };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
