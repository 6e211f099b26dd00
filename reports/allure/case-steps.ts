/** The life of a case as Allure steps, with the times of the record. */

import type { Answer, FirmwareState, Observed } from '../../harness/capabilities.ts';
import type { Entry } from '../../harness/record/entry.ts';
import type { CaseModel, Moment, StepModel } from '../../harness/record/run-model.ts';
import { sweepLine } from '../sweep/sweep-line.ts';
import { statusOf } from './categories.ts';
import type { AllureStatus, PlannedStep } from './plan.ts';

/** Milliseconds since 1970. */
export function epochMs(at: Moment): number {
  return Date.parse(at.tUtc);
}

/** Steps, then what happened outside of any, in order of time, and every verdict that was given. */
export function stepsOf(one: CaseModel): PlannedStep[] {
  const end = one.endedAt === undefined ? 0 : epochMs(one.endedAt);
  const given = one.verdicts.map((said) =>
    instant(
      `verdict${said.provisional ? ' (provisional)' : ''}, attempt ${said.attempt}: ${said.verdict}`,
      epochMs(said.at),
      statusOf[said.verdict],
      said.reason,
    ),
  );
  const lived = [...one.steps.map((step) => stepOf(step, end)), ...one.events.map(eventStep)];
  return [...lived, ...given].sort((a, b) => a.start - b.start);
}

function stepOf(step: StepModel, caseEnd: number): PlannedStep {
  const start = epochMs(step.startedAt);
  const inner = [...step.steps.map((one) => stepOf(one, caseEnd)), ...step.events.map(eventStep)];
  const message = step.ok === undefined ? 'this step never ended' : step.detail;
  return {
    name: step.attempt > 1 ? `${step.name} (attempt ${step.attempt})` : step.name,
    status: step.ok === true ? 'passed' : 'broken',
    ...(message === undefined ? {} : { message }),
    start,
    stop: step.endedAt === undefined ? Math.max(start, caseEnd) : epochMs(step.endedAt),
    steps: inner.sort((a, b) => a.start - b.start),
  };
}

function instant(name: string, at: number, status: AllureStatus = 'passed', message?: string): PlannedStep {
  return { name, status, ...(message === undefined ? {} : { message }), start: at, stop: at, steps: [] };
}

/** Of the kinds that the model puts into a case; `identity` and any other is shown by its name. */
function eventStep(entry: Entry): PlannedStep {
  const at = Date.parse(entry.tUtc);
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the other kinds never reach a case
  switch (entry.kind) {
    case 'stimulus': {
      const { name, ingress, bytes, rationale } = entry.payload;
      const where = ingress === undefined ? '' : ` through ${ingress}`;
      return instant(
        `stimulus: ${name}${where}${bytes === undefined ? '' : `, ${bytes} bytes`}`,
        at,
        'passed',
        rationale,
      );
    }
    case 'answer':
      return instant(`answer to ${entry.payload.of}: ${answerText(entry.payload.answer)}`, at);
    case 'refusal': {
      const { of, ingress, stage, delivery } = entry.payload;
      const arrived =
        delivery === undefined
          ? ''
          : `, ${delivery.acknowledgedBytes} of ${delivery.totalBytes} bytes acknowledged`;
      return instant(
        `refused at ${stage ?? 'a stage that cannot be told'}: ${of} through ${ingress}${arrived}`,
        at,
      );
    }
    case 'state':
      return instant(`state ${entry.payload.when}: ${stateText(entry.payload.state).join(', ')}`, at);
    case 'control': {
      const { name, when, accepted, detail } = entry.payload;
      const said = accepted ? 'accepted' : 'not accepted';
      return instant(`control ${name} (${when}): ${said}`, at, accepted ? 'passed' : 'broken', detail);
    }
    case 'measurement': {
      const { name, value, unit, limit, uncertainty } = entry.payload;
      const within = uncertainty === undefined ? '' : ` ± ${uncertainty}`;
      return instant(
        `${name}: ${value}${within} ${unit}${limit === undefined ? '' : ` (limit ${limit} ${unit})`}`,
        at,
      );
    }
    case 'bench': {
      const { action, wire, ok, detail } = entry.payload;
      return instant(
        `bench: ${action}${wire === undefined ? '' : ` ${wire}`}`,
        at,
        ok ? 'passed' : 'broken',
        detail,
      );
    }
    case 'sweep':
      return instant(`power cuts, ${sweepLine(entry.payload)}`, at);
    case 'note':
      return instant(entry.payload.text, at);
    default:
      return instant(entry.kind, at);
  }
}

function answerText({ kind, reason, stage, elapsedMs }: Answer): string {
  const where = stage === undefined ? '' : ` at ${stage}`;
  return `${kind}${where}${reason === undefined ? '' : ` (${reason})`} after ${Math.round(elapsedMs)} ms`;
}

/** One text per term of a firmware state; what cannot be seen says why. */
export function stateText(state: FirmwareState): string[] {
  const term = (name: string, seen: Observed<string | number>) =>
    `${name} ${seen.observable ? String(seen.value) : `not observable: ${seen.why}`}`;
  return [
    term('version', state.version),
    term('digest', state.digest),
    term('security counter', state.securityCounter),
    term('confirmation', state.confirmation),
  ];
}
