/** What a terminal can take: colours when it wants them, width, and no control characters from a device. */

import type { Verdict } from '../../harness/verdict.ts';

/** What `paint` may be asked for. */
export type Style = Verdict | 'bold' | 'dim';

/** SGR parameters of ECMA-48, 8.3.117. */
const styles: Readonly<Record<Style, string>> = {
  violates: '1;31',
  error: '35',
  inconclusive: '33',
  'not-executed': '33',
  conforms: '32',
  'not-applicable': '2',
  bold: '1',
  dim: '2',
};

/** The text in a style. */
export function paint(text: string, style: Style): string {
  return `\u001b[${styles[style]}m${text}\u001b[0m`;
}

/** Colour only on a terminal, and never against `NO_COLOR` (https://no-color.org: set and not empty). */
export function wantsColour(
  stream: { isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const refused = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  return stream.isTTY === true && !refused && env.TERM !== 'dumb';
}

/** Text in which a device cannot move the cursor or paint: control characters become visible. */
export function plainText(text: string): string {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
}

/** Lines of at most `columns` characters, broken at spaces where there are any. Nothing is cut off. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    for (; word.length > columns; word = word.slice(columns)) lines.push(word.slice(0, columns));
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
