/** Measured times as parts of their limits: a dot with its uncertainty for each, one line for all limits. One SVG. */

import { escaped } from './html.ts';
import { outcomeOf, quantity, type Timing, type TimingOutcome } from './timings.ts';

/** What fits on a page. */
export const rowsShown = 36;

/** Pixels. */
const width = 1000;
const left = 420;
const right = 150;
const rowHeight = 20;
const top = 30;
const foot = 40;
/** Percent of the limit at the right end; what is beyond sits on the edge, with an arrow. */
const mostPercent = 150;

const colours: Readonly<Record<NonNullable<TimingOutcome>, string>> = {
  within: '#00704f',
  between: '#8a5a00',
  over: '#b3001b',
};
const namesUpTo = 62;

/** @param words the axis, the limit and the title, in the report's language */
export function timingChart(
  rows: readonly Timing[],
  words: { axis: string; limit: string; title: string },
): string {
  const height = top + rows.length * rowHeight + foot;
  const bottom = height - foot;
  return [
    `<svg class="timing" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(words.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...[0, 25, 50, 75, 100, 125, 150].map((percent) => gridLine(percent, bottom)),
    label(xOf(100), 18, words.limit, 'text-anchor="middle" font-weight="bold"'),
    ...rows.flatMap((row, at) => marks(row, top + at * rowHeight + rowHeight / 2)),
    label(left + (width - left - right) / 2, height - 6, words.axis, 'text-anchor="middle"'),
    '</svg>',
  ].join('\n');
}

function xOf(percent: number): number {
  const inside = Math.min(mostPercent, Math.max(0, percent));
  return left + (inside / mostPercent) * (width - left - right);
}

function gridLine(percent: number, bottom: number): string {
  const look = percent === 100 ? 'stroke="#b3001b" stroke-width="1.5"' : 'stroke="#d5dbe1"';
  const x = px(xOf(percent));
  return `<line x1="${x}" y1="${top - 6}" x2="${x}" y2="${bottom}" ${look}/>${label(xOf(percent), bottom + 14, `${percent} %`, 'text-anchor="middle" fill="#444444"')}`;
}

function marks(row: Timing, y: number): string[] {
  const { value, limit = 1, unit, uncertainty, caseId, name } = row;
  const colour = colours[outcomeOf(row) ?? 'within'];
  const percent = (one: number): number => (100 * one) / limit;
  const x = xOf(percent(value));
  const short = name.length > namesUpTo ? `${name.slice(0, namesUpTo - 1)}…` : name;
  const said = `${quantity(value, unit)}${uncertainty === undefined ? '' : ` ± ${quantity(uncertainty, unit)}`}`;
  const [from, to] = [xOf(percent(value - (uncertainty ?? 0))), xOf(percent(value + (uncertainty ?? 0)))];
  const beyond = percent(value) > mostPercent ? label(x + 6, y + 4, '→', `fill="${colour}"`) : '';
  return [
    label(left - 8, y + 4, `${caseId}  ${short}`, 'text-anchor="end" font-size="11"'),
    ...(uncertainty === undefined ? [] : [whisker(from, to, y, colour)]),
    `<circle cx="${px(x)}" cy="${px(y)}" r="4" fill="${colour}"/>${beyond}`,
    label(width - right + 10, y + 4, said, `font-size="11" fill="${colour}"`),
  ];
}

function whisker(from: number, to: number, y: number, colour: string): string {
  const line = (x1: number, y1: number, x2: number, y2: number): string =>
    `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" stroke="${colour}" stroke-width="1.5"/>`;
  return line(from, y, to, y) + line(from, y - 4, from, y + 4) + line(to, y - 4, to, y + 4);
}

function label(x: number, y: number, words: string, look = ''): string {
  return `<text x="${px(x)}" y="${px(y)}"${look === '' ? '' : ` ${look}`}>${escaped(words)}</text>`;
}

const px = (value: number): string => String(Math.round(value * 10) / 10);
