/** A run that never happened, with every verdict in it: for the tests of all that is made from a record. */

import { combine, verdicts, type Verdict } from '../verdict.ts';
import type { FirmwareState } from '../capabilities.ts';
import type { RunEvents } from './events.ts';
import { RunRecord } from './record.ts';
import type { Secret } from './secrets.ts';
import type { Signer } from './signing.ts';

const digest = (digit: string) => digit.repeat(64);

export const madeUpCases = [
  'SIG-01',
  'SIG-02',
  'SIG-03',
  'RB-01',
  'RB-02',
  'RB-03',
  'ALM-01',
  'ALM-02',
  'RPL-01',
  'RPL-02',
  'RPL-03',
  'RPL-04',
] as const;
export type MadeUpCase = (typeof madeUpCases)[number];

/** What a report has to say of each. */
export const madeUpVerdicts: Readonly<Record<MadeUpCase, Verdict>> = {
  'SIG-01': 'conforms',
  'SIG-02': 'violates',
  'SIG-03': 'conforms',
  'RB-01': 'conforms',
  'RB-02': 'inconclusive',
  'RB-03': 'violates',
  'ALM-01': 'inconclusive',
  'ALM-02': 'error',
  'RPL-01': 'not-applicable',
  'RPL-02': 'not-executed',
  'RPL-03': 'conforms',
  'RPL-04': 'not-executed',
};

export const madeUpSecret: Secret = { name: 'service password', bytes: Buffer.from('opensesame') };

export function madeUpHeader(runId: string): RunEvents['run-opened'] {
  return {
    runId,
    harness: 'fieldproof 0.1.0',
    node: process.version,
    platform: 'linux x64',
    catalogue: { version: '2026.1', sha256: digest('a') },
    board: { name: 'bench-7', title: 'Bench 7, upper shelf', file: 'bench-7.yaml', sha256: digest('b') },
    declaration: { file: 'declaration.yaml', sha256: digest('c') },
    device: { vendor: 'Example Works', model: 'GW-200', serial: '0815', firmware: '4.2.0' },
    images: [
      { name: 'golden', sha256: digest('d') },
      { name: 'previous', sha256: digest('e') },
    ],
    command: ['run', 'bench-7.yaml'],
    defects: [],
    selected: [...madeUpCases],
    depth: 'standard',
    everyIngress: false,
    cuts: 40,
    seed: '00'.repeat(16),
    leftOut: [],
  };
}

const state: FirmwareState = {
  version: { observable: true, value: '4.2.0' },
  digest: { observable: true, value: digest('d') },
  securityCounter: { observable: true, value: 7 },
  confirmation: { observable: false, why: 'the device does not tell' },
};

type CaseVerdict = Partial<RunEvents['verdict']> & { verdict: Verdict; reason: string };

/** Writes the whole run into a folder. With `interrupted`, the record is left without its close. */
export function writeMadeUpRun(
  dir: string,
  options: {
    interrupted?: boolean;
    runId?: string;
    poisoned?: boolean;
    signer?: Signer;
    /** What the bench did first. */
    afterOpening?: RunEvents['bench'];
    /** Or what makes it, with a record that can keep payloads. */
    header?: Partial<RunEvents['run-opened']> | ((record: RunRecord) => Partial<RunEvents['run-opened']>);
  } = {},
): RunRecord {
  const { runId = 'made-up-1', signer, header } = options;
  const record = RunRecord.open({ dir, secrets: [madeUpSecret], runId, signer });
  const benchKey = signer === undefined ? {} : { benchKey: signer.fingerprint };
  const more = typeof header === 'function' ? header(record) : header;
  record.append('run-opened', { ...madeUpHeader(record.runId), ...benchKey, ...more });
  if (options.afterOpening !== undefined) record.append('bench', options.afterOpening);
  openBench(record);
  signatureCases(record);
  rollbackCases(record);
  remainingCases(record);
  if (options.poisoned === true) {
    record.append(
      'poisoned',
      { cause: 'the device no longer boots', byCase: 'RPL-03' },
      { caseId: 'RPL-03' },
    );
  }
  if (options.interrupted === true) {
    record.checkpoint();
    record.abandon();
    return record;
  }
  closeRun(record, state);
  return record;
}

function openBench(record: RunRecord): void {
  record.append('bench', { action: 'open', wire: 'console', ok: true, tookMs: 12 });
  record.append('bench', { action: 'open', wire: 'modbus', ok: true, tookMs: 3 });
  const read = { vendor: 'Example Works', model: 'GW-200' };
  record.append('identity', { read, matches: true, differences: [] });
}

function signatureCases(record: RunRecord): void {
  const console = record.wireLog('console');
  const modbus = record.wireLog('modbus');
  const titles = ['accepts', 'rejects an image altered after signing', 'rejects an unsigned image'];
  for (const [index, caseId] of (['SIG-01', 'SIG-02', 'SIG-03'] as const).entries()) {
    const place = { caseId };
    const title = titles[index] ?? '';
    record.append('case-started', { title, suite: 'signature-rejection', severity: 'C' }, place);
    step(record, caseId, 'baseline', () => {
      record.append(
        'control',
        { name: 'reinstall', when: 'before', accepted: true, detail: 'golden' },
        place,
      );
      record.append('state', { when: 'before', state }, place);
      modbus.sent(Buffer.from('000100000006110300000002', 'hex'));
      modbus.received(Buffer.from('00010000000711030400040002', 'hex'));
    });
    step(record, caseId, 'stimulus', () => {
      const image = { name: 'altered', sha256: digest('f') };
      const rationale = 'one byte of the payload differs';
      record.append('stimulus', { name: 'offer', rationale, ingress: 'console', image, bytes: 4096 }, place);
      console.event('login');
      console.sent(Buffer.from(`login opensesame for ${caseId}\r\n`));
      console.received(Buffer.from('signature check failed <b>E17</b>\r\n'));
      const answer = { kind: 'refused', reason: 'E17', elapsedMs: 41 } as const;
      record.append('answer', { of: 'offer', answer }, place);
    });
    record.append('state', { when: 'after', state }, place);
    record.append(
      'measurement',
      { name: 'answer', value: 41, unit: 'ms', limit: 500, uncertainty: 5 },
      place,
    );
    record.append('note', { text: 'password opensesame was used' }, place);
    if (caseId !== 'SIG-02')
      verdict(record, caseId, { verdict: 'conforms', reason: 'refused, and nothing changed' });
    else {
      const findings = [
        { code: 'forged-image-installed', expected: 'version 4.2.0', observed: 'version 6.6.6' },
      ];
      verdict(record, caseId, {
        verdict: 'violates',
        reason: 'the forged image runs after a reboot',
        findings,
      });
    }
  }
}

function rollbackCases(record: RunRecord): void {
  const start = (caseId: string, title: string) =>
    record.append('case-started', { title, suite: 'rollback', severity: 'H' }, { caseId });
  start('RB-01', 'rejects an older image');
  verdict(record, 'RB-01', { verdict: 'conforms', reason: 'refused', provisional: true });
  start('RB-02', 'rejects an older image with a forged version');
  verdict(record, 'RB-02', { verdict: 'conforms', reason: 'refused', provisional: true });
  start('RB-03', 'keeps its counter over a factory reset');
  const findings = [{ code: 'counter-lowered', expected: '7', observed: '0' }];
  verdict(record, 'RB-03', {
    verdict: 'violates',
    reason: 'the counter fell to 0',
    findings,
    provisional: true,
  });
  verdict(record, 'RB-01', { verdict: 'conforms', reason: 'refused; the closing control was accepted' });
}

function remainingCases(record: RunRecord): void {
  const start = (caseId: string, title: string, suite: string, attempt = 1) =>
    record.append('case-started', { title, suite, severity: 'M' }, { caseId, attempt });
  start('ALM-01', 'raises an alarm when its code changes', 'integrity-alarms');
  verdict(record, 'ALM-01', {
    verdict: 'inconclusive',
    reason: 'the alarm came 4 ms late, within an uncertainty of 10 ms',
  });
  start('ALM-02', 'raises an alarm when its configuration changes', 'integrity-alarms');
  verdict(record, 'ALM-02', { verdict: 'error', reason: 'the serial port was unplugged' });
  verdict(record, 'RPL-01', {
    verdict: 'not-applicable',
    reason: 'the device takes no commands (declared by J. Doe)',
  });
  verdict(record, 'RPL-02', { verdict: 'not-executed', reason: 'no older recording is available' });
  start('RPL-03', 'rejects a command sent twice', 'replay');
  verdict(record, 'RPL-03', { verdict: 'error', reason: 'the connection was reset while being set up' });
  start('RPL-03', 'rejects a command sent twice', 'replay', 2);
  verdict(record, 'RPL-03', { verdict: 'conforms', reason: 'the second one had no effect', attempt: 2 });
}

function closeRun(record: RunRecord, finalState: FirmwareState): void {
  const all = Object.values(madeUpVerdicts);
  const counts = Object.fromEntries(
    verdicts.map((verdict) => [verdict, all.filter((one) => one === verdict).length]),
  ) as Record<Verdict, number>;
  record.append('bench', { action: 'close', wire: 'console', ok: true, tookMs: 2 });
  record.close({ verdict: combine(all), counts, tookMs: 4321, interrupted: false, finalState });
}

function step(record: RunRecord, caseId: string, name: string, work: () => void): void {
  record.append('step-started', { name }, { caseId, step: name });
  const from = record.now();
  work();
  record.append('step-ended', { name, ok: true, tookMs: record.now() - from }, { caseId, step: name });
}

function verdict(record: RunRecord, caseId: string, said: CaseVerdict): void {
  const whole = { provisional: false, findings: [], tookMs: 50, attempt: 1, ...said };
  record.append('verdict', whole, { caseId, attempt: whole.attempt });
}
