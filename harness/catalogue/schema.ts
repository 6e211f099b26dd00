/** What the catalogue's files hold: cases, requirements, claims of others, and what in those does not hold together. */

import { z } from 'zod';

export const suiteNames = [
  'signature-rejection',
  'rollback',
  'integrity-alarms',
  'replay',
  'audit-trail',
  'encrypted-transport',
  'model-integrity',
  'keys-and-boot',
  'documents',
] as const;
export type SuiteName = (typeof suiteNames)[number];

/** Prefix of the ids of each suite's cases. */
export const suitePrefixes: Readonly<Record<SuiteName, string>> = {
  'signature-rejection': 'SIG',
  rollback: 'RB',
  'integrity-alarms': 'INT',
  replay: 'REP',
  'audit-trail': 'AUD',
  'encrypted-transport': 'ENC',
  'model-integrity': 'AIM',
  'keys-and-boot': 'KEY',
  documents: 'DOC',
};

/** What a case needs; what the board lacks makes the case *not-executed*, with the input named. */
export const inputNames = {
  'golden-image': 'a genuine signed image',
  'image-pair': 'two versions with genuine signatures',
  'test-key': 'a test key that the device trusts',
  'vendor-image': 'a special image signed by the maker',
  'opened-device': 'a device opened for test: debug, flash or root access',
  'switched-power': 'power that the bench switches',
  tap: 'a tap on the link',
  'time-control': 'control over the device’s source of time',
  'client-certificates': 'client certificates of a test authority',
  'audit-log': 'a way to read the audit log',
  'model-package': 'a model package',
  documents: 'documents of the maker',
  rig: 'hands or a rig at the device',
} as const;
export type InputName = keyof typeof inputNames;

const caseId = z.string().regex(/^(SIG|RB|INT|REP|AUD|ENC|AIM|KEY|DOC)-\d{2}$/, 'a case id such as SIG-02');
const requirementId = z
  .string()
  .regex(/^FP-(SIG|RB|INT|REP|AUD|ENC|AIM|KEY|DOC)-\d+$/, 'an id such as FP-SIG-1');
const ledgerId = z.string().regex(/^L\d+$/, 'an id such as L1');
const sentence = z.string().min(5);
const input = z.enum(Object.keys(inputNames) as [InputName, ...InputName[]]);

export const caseSchema = z.strictObject({
  id: caseId,
  suite: z.enum(suiteNames),
  /** Finishes the sentence "the device …". */
  title: z.string().regex(/^[a-z].*[^.]$/, 'must finish the sentence "the device …", without a full stop'),
  severity: z.enum(['critical', 'high', 'medium']),
  /** All are needed; of `anyOf`, one. */
  inputs: z.array(z.union([input, z.strictObject({ anyOf: z.array(input).min(2) })])),
  /** Where the idea comes from. */
  source: z.string().min(3),
  requirements: z.array(requirementId).min(1),
  /** False while no suite has it. */
  built: z.boolean(),
  /** The case turned out wrong; its id is never used again. */
  retired: sentence.optional(),
});

export const requirementSchema = z
  .strictObject({
    id: requirementId,
    title: sentence,
    /** Only a conditional requirement may be declared not applicable. */
    kind: z.enum(['mandatory', 'conditional']),
    /** When it applies: completes "applies when …". */
    condition: sentence.optional(),
    anchors: z
      .array(
        z.strictObject({
          document: z.string().min(3),
          section: z.string().min(1),
          /** False: not compared with the standard's text, and so not to be quoted in a report. */
          checked: z.boolean(),
        }),
      )
      .min(1),
  })
  .refine(({ kind, condition }) => (kind === 'conditional') === (condition !== undefined), {
    error: 'conditional requirements state their condition, mandatory ones have none',
    path: ['condition'],
  });

export const claimSchema = z
  .strictObject({
    id: z.string().regex(/^[GVT]\d+$/, 'an id such as G1'),
    document: z.string(),
    /** Verbatim from the document. */
    quotes: z.array(sentence).min(1),
    /** In our words. */
    claim: sentence,
    status: z.enum(['verified', 'contradicted', 'unverifiable']),
    /** Entries of the ledger that speak against it or limit it. */
    counterEvidence: z.array(ledgerId),
    /** Clause that the document cites; never the text of a requirement. */
    claimedClause: z.string().optional(),
    /** Case ids, or patterns such as `SIG-*`. */
    cases: z.array(z.string()),
    /** Why no case covers it. */
    uncovered: sentence.optional(),
  })
  .refine(({ cases, uncovered }) => cases.length > 0 !== (uncovered !== undefined), {
    error: 'a claim has cases, or says why it is uncovered',
    path: ['uncovered'],
  });

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

/** Each file of a catalogue and what it holds. */
export const catalogueFiles = {
  'catalogue.yaml': z.strictObject({ name: sentence, version: z.string().regex(/^\d+\.\d+\.\d+$/) }),
  'cases.yaml': z.array(caseSchema).min(1),
  'requirements.yaml': z.array(requirementSchema).min(1),
  'claims.yaml': z.strictObject({
    documents: z.record(
      z.string(),
      z.strictObject({ title: sentence, published: z.string(), sha256: sha256Hex }),
    ),
    claims: z.array(claimSchema),
  }),
  'ledger.yaml': z.array(z.strictObject({ id: ledgerId, title: sentence, said: sentence, known: sentence })),
} as const;

export type CatalogueCase = z.output<typeof caseSchema>;
export type Requirement = z.output<typeof requirementSchema>;
export type Claim = z.output<typeof claimSchema>;
export type LedgerEntry = z.output<(typeof catalogueFiles)['ledger.yaml']>[number];
export type SourceDocument = z.output<(typeof catalogueFiles)['claims.yaml']>['documents'][string];
export type Severity = CatalogueCase['severity'];
export type CaseInput = CatalogueCase['inputs'][number];
