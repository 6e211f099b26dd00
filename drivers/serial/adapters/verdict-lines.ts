/** A device's yes or no in lines of text. */

import { definedGroups } from '../console.ts';
import type { AnswerLine } from '../conversation.ts';

/** What a line says. */
export interface Word {
  kind: 'accepted' | 'refused' | 'crashed';
  reason?: string;
}

/** The patterns of a command or an ingress. */
export interface WordPatterns {
  accepted: string;
  refused: string;
  restarted?: string | undefined;
}

/**
 * Reads lines as words. A refusal is looked for before an acceptance: where both patterns match one line
 * (`OK` in "NOT OK"), no is the safer reading, and state decides anyway.
 */
export function wordReader(patterns: WordPatterns): (line: Pick<AnswerLine, 'text'>) => Word | undefined {
  const accepted = new RegExp(patterns.accepted);
  const refused = new RegExp(patterns.refused);
  const restarted = patterns.restarted === undefined ? undefined : new RegExp(patterns.restarted);
  return ({ text }) => {
    const no = refused.exec(text);
    if (no !== null) return { kind: 'refused', reason: definedGroups(no)['reason'] ?? text.trim() };
    if (accepted.test(text)) return { kind: 'accepted', reason: text.trim() };
    if (restarted?.test(text) === true) return { kind: 'crashed', reason: text.trim() };
    return undefined;
  };
}

/** Whether a line tells of a restart: heard also where a boot banner is one of the lines that come unasked. */
export const restartIn =
  (read: (line: Pick<AnswerLine, 'text'>) => Word | undefined) =>
  (text: string): boolean =>
    read({ text })?.kind === 'crashed';
