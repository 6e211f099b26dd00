/** A run that may cost a real device says so before it touches it, and asks. */

import { createInterface } from 'node:readline/promises';
import { harmfulStimuli, type HarmfulStimulus } from '../board/index.ts';
import { NotExecuted, UsageError } from '../errors.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import type { RunEvents } from '../record/events.ts';
import { readinessOf } from './readiness.ts';
import type { Prepared } from './prepare.ts';
import { simulatedSupply } from './simulated-supply.ts';

export type HarmAccepted = NonNullable<RunEvents['run-opened']['harmAccepted']>;

/** One stimulus that the run will make and that may cost the device, with the cases that make it. */
export interface Harm {
  stimulus: HarmfulStimulus;
  cases: readonly string[];
}

/** What the selected cases will do that may cost a real device; nothing for a simulated one. */
export function harmOf(
  prepared: Pick<Prepared, 'board' | 'declaration' | 'catalogue'>,
  selected: readonly RegisteredCase[],
): Harm[] {
  if (simulatedSupply(prepared.board) !== undefined) return [];
  const running = selected.filter((one) => readinessOf(prepared, one).willRun);
  return (prepared.board.allow ?? []).flatMap((stimulus) => {
    const cases = running.filter(({ plan }) => plan.mayHarm === stimulus).map(({ id }) => id);
    return cases.length === 0 ? [] : [{ stimulus, cases }];
  });
}

/** How the operator can be reached. */
export interface Operator {
  /** Agreed beforehand, by {@link agreeBy}. */
  agreed: boolean;
  /** How to agree beforehand: `--yes`. */
  agreeBy: string;
  /** Asks and gives the answer; undefined where nobody is there to answer. */
  ask: ((question: string) => Promise<string>) | undefined;
  tell(text: string): void;
}

/**
 * Tells what may happen and waits for the operator's word.
 *
 * @returns what goes into the record; undefined where nothing can be harmed
 * @throws UsageError when nobody can be asked
 * @throws NotExecuted when the operator says no
 */
export async function acceptHarm(
  harm: readonly Harm[],
  operator: Operator,
): Promise<HarmAccepted | undefined> {
  if (harm.length === 0) return undefined;
  const stimuli = harm.map(({ stimulus }) => stimulus);
  if (operator.agreed) return { stimuli, by: '--yes' };
  const said = harm.map(
    ({ stimulus, cases }) => `  ${stimulus} (${cases.join(', ')}): ${harmfulStimuli[stimulus]}`,
  );
  const text = `This run may cost the device. Its board file allows:\n${said.join('\n')}\n`;
  if (operator.ask === undefined) {
    throw new UsageError('harm-not-confirmed', text.trimEnd(), {
      hint: `Nobody is here to ask: add ${operator.agreeBy} if this device may be lost, or take the stimuli out of allow:.`,
    });
  }
  operator.tell(text);
  const answer = await operator.ask('Go on? [y/N] ');
  if (/^y(es)?$/i.test(answer.trim())) return { stimuli, by: 'terminal' };
  throw new NotExecuted('harm-declined', 'the operator did not agree to stimuli that may cost the device', {
    hint: 'Take them out of allow: in the board file, or select other cases with --case.',
  });
}

/** The operator at this terminal, on standard error, so that standard output holds nothing but results. */
export function operatorHere(agreed: boolean, agreeBy = '--yes'): Operator {
  const { stdin, stderr } = process;
  return {
    agreed,
    agreeBy,
    ask: stdin.isTTY && stderr.isTTY ? ask : undefined,
    tell: (text) => void stderr.write(text),
  };
}

/** An end of input (Ctrl-D, Ctrl-C) is no consent. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((done) => {
    lines.once('close', () => {
      done('');
    });
  });
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}
