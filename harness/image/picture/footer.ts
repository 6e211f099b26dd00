/** The bottom of the picture: what is wrong with the image, in words, and what the signs mean. */

import type { Issue } from '../image.ts';
import { mostIssues } from './diagram.ts';
import type { Part } from './heading.ts';
import { looks } from './style.ts';
import { element, hexOffset, label, shortened, wrapped } from './svg.ts';

const left = 36;
const lineHeight = 17;
const remarks = [
  'The strip on the left is to scale. Of the bands beside it, small ones are enlarged; a wave marks where a large one is shortened.',
  '“× 8” stands for eight regions one behind the other, with what covers them side by side (S signed, G signature, U unsigned, T trailing).',
];

export function footer(issues: readonly Issue[], size: number, top: number, width: number): Part {
  const list = issueList(issues, size, top);
  const key = legend(list.bottom + 18, width);
  return { svg: list.svg + key.svg, bottom: key.bottom };
}

function issueList(issues: readonly Issue[], size: number, top: number): Part {
  if (issues.length === 0) return { svg: '', bottom: top };
  let y = top + 26;
  const parts = [label(left, y, 'fp-head', issues.length === 1 ? '1 ISSUE' : `${issues.length} ISSUES`)];
  y += 8;
  for (const [index, { code, at, message }] of issues.slice(0, mostIssues).entries()) {
    y += lineHeight + 3;
    parts.push(
      element('circle', { cx: left + 8, cy: y - 4, r: 8, class: 'fp-mark' }),
      label(left + 8, y - 0.5, 'fp-on-mark', String(index + 1), { 'text-anchor': 'middle' }),
      label(left + 26, y, 'fp-mono', hexOffset(at, size)),
      label(left + 130, y, 'fp-name', shortened(code, 22)),
    );
    for (const [line, text] of wrapped(message, 100, 2).entries()) {
      if (line > 0) y += lineHeight;
      parts.push(label(left + 300, y, 'fp-text', text));
    }
  }
  if (issues.length > mostIssues) {
    y += lineHeight + 3;
    parts.push(label(left + 26, y, 'fp-dim', `and ${issues.length - mostIssues} more`));
  }
  return { svg: parts.join(''), bottom: y + 6 };
}

function legend(top: number, width: number): Part {
  const column = (width - 2 * left) / 2;
  const parts = [element('path', { d: `M${left} ${top}H${width - left}`, class: 'fp-rule' })];
  for (const [index, { coverage, means, pattern }] of looks.entries()) {
    const x = left + (index % 2) * column;
    const y = top + 16 + Math.floor(index / 2) * 26;
    const swatch = { x, y, width: 34, height: 17 };
    parts.push(
      element('rect', { ...swatch, class: `fp-band fp-${coverage}` }),
      ...(pattern === ''
        ? []
        : [element('rect', { ...swatch, class: 'fp-over', fill: `url(#fp-${coverage})` })]),
      element('text', { x: x + 44, y: y + 13 }, `${coverage}<tspan class="fp-dim"> – ${means}</tspan>`),
    );
  }
  let y = top + 16 + 2 * 26 - 4;
  for (const line of remarks) {
    y += lineHeight;
    parts.push(label(left, y, 'fp-small', line));
  }
  return { svg: parts.join(''), bottom: y + 24 };
}
