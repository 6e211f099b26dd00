/** A made-up run of many cases: for tests and trials of whether what is made from a record stays readable and quick. */

import { combine, verdicts, type Verdict } from '../verdict.ts';
import { madeUpHeader } from './made-up-run.ts';
import { RunRecord } from './record.ts';

const suites = {
  SIG: 'signature-rejection',
  RB: 'rollback',
  INT: 'integrity-alarms',
  REP: 'replay',
} as const;
const ids = Object.keys(suites) as (keyof typeof suites)[];

/** Case number → id: `SIG-01`, `RB-01`, `INT-01`, `REP-01`, `SIG-02` … also beyond what the catalogue knows. */
export function longCaseId(number: number): string {
  return `${ids[number % ids.length]}-${String(Math.floor(number / ids.length) + 1).padStart(2, '0')}`;
}

/** Mostly conforms; every other verdict turns up. */
function verdictOf(number: number): Verdict {
  if (number % 29 === 3) return 'violates';
  if (number % 37 === 5) return 'inconclusive';
  if (number % 41 === 7) return 'not-executed';
  if (number % 61 === 11) return 'error';
  return number % 43 === 13 ? 'not-applicable' : 'conforms';
}

/** Writes the run into a folder, closed. */
export function writeLongMadeUpRun(dir: string, cases = 200): void {
  const record = RunRecord.open({ dir, secrets: [], runId: `made-up-${cases}` });
  const selected = Array.from({ length: cases }, (_unused, number) => longCaseId(number));
  record.append('run-opened', { ...madeUpHeader(record.runId), selected, leftOut: ['RB-17', 'RB-18'] });
  record.append('bench', { action: 'open', wire: 'console', ok: true, tookMs: 12 });
  const wire = record.wireLog('console');
  const said = selected.map((caseId, number) => writeCase(record, wire, caseId, number));
  const counts = Object.fromEntries(
    verdicts.map((verdict) => [verdict, said.filter((one) => one === verdict).length]),
  ) as Record<Verdict, number>;
  record.close({ verdict: combine(said), counts, tookMs: 3_600_000, interrupted: false, imagesLeftOut: 143 });
}

function writeCase(
  record: RunRecord,
  wire: ReturnType<RunRecord['wireLog']>,
  caseId: string,
  number: number,
): Verdict {
  const suite = suites[caseId.split('-')[0] as keyof typeof suites];
  const place = { caseId };
  record.append(
    'case-started',
    { title: `does what made-up case ${number + 1} asks`, suite, severity: 'high' },
    place,
  );
  for (let image = 0; image < 3; image += 1) {
    const sha256 = String((number + image) % 10).repeat(64);
    record.append(
      'stimulus',
      {
        name: 'offer',
        rationale: `attack ${image + 1} of 3`,
        ingress: 'console',
        image: { name: `image ${image}`, sha256 },
        bytes: 4096,
      },
      place,
    );
    wire.sent(Buffer.from(`offer ${caseId} ${image}\r\n`));
    wire.received(Buffer.from('refused\r\n'));
    const value = 20 + ((number * 37 + image * 211) % 480);
    record.append(
      'measurement',
      { name: `refusal of image ${image}`, value, unit: 'ms', limit: 500, uncertainty: 12 },
      place,
    );
  }
  const verdict = verdictOf(number);
  const findings =
    verdict === 'violates'
      ? [
          {
            code: 'forged-image-installed',
            expected: 'version 4.2.0, before and after a restart',
            observed: 'version 6.6.6 after the restart',
          },
        ]
      : [];
  record.append(
    'verdict',
    {
      verdict,
      provisional: false,
      reason: `made up for case ${number + 1}`,
      findings,
      tookMs: 1000 + number,
      attempt: 1,
    },
    { ...place, attempt: 1 },
  );
  return verdict;
}
