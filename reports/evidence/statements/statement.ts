/** The form of an in-toto Statement, and how one becomes the file that is signed. */

import { envelope, envelopeText } from '../../../harness/record/dsse.ts';
import { canonicalize } from '../../../harness/record/jcs.ts';
import type { Signer } from '../../../harness/record/signing.ts';

/** Source: in-toto Attestation Framework v1, "Envelope". */
export const statementPayloadType = 'application/vnd.in-toto+json';

export interface Subject {
  name: string;
  digest: { sha256: string };
}

/** Source: in-toto Attestation Framework v1, "Statement". */
export interface Statement {
  _type: 'https://in-toto.io/Statement/v1';
  subject: readonly Subject[];
  predicateType: string;
  predicate: object;
}

export const statementType = 'https://in-toto.io/Statement/v1';

/**
 * Names of our own predicates. They are names, not addresses: nothing is to be fetched there, and `.invalid`
 * (RFC 2606) makes sure that nobody else can ever own them.
 */
export const casesPredicate = 'https://fieldproof.invalid/predicate/cases/v1';
export const packagePredicate = 'https://fieldproof.invalid/predicate/package/v1';
/** Source: in-toto Attestation Framework, predicates, "Test Result", version 0.1. */
export const testResultPredicate = 'https://in-toto.io/attestation/test-result/v0.1';

export function subjectOf(name: string, sha256: string): Subject {
  return { name, digest: { sha256 } };
}

/** The bytes that are signed. */
export function statementBody(statement: Statement): Buffer {
  return Buffer.from(canonicalize(statement), 'utf8');
}

/** The file: an envelope with the statement in it. */
export function signedStatement(statement: Statement, signers: readonly Signer[]): Buffer {
  return Buffer.from(envelopeText(envelope(statementPayloadType, statementBody(statement), signers)), 'utf8');
}
