/** The middle of the picture: the file to scale as a strip, and beside it each row large enough to read. */

import type { Coverage, Issue, ParsedImage } from '../image.ts';
import { yOf, type Band } from './bands.ts';
import type { Part } from './heading.ts';
import { pathOf } from './rows.ts';
import { coordinate, element, escaped, hexOffset, label, shortened, sizeText } from './svg.ts';
import { looks } from './style.ts';

/** Between the end of the heading and the first band. */
export const diagramTop = 46;

const strip = { x: 36, width: 18 };
const band = { x: 226, width: 210 };
/** Left of the offsets, which are written in front of the bands. */
const leadX = band.x - 92;
const nameX = band.x + band.width + 34;
const sizeX = 838;
const bracketX = sizeX + 14;
const nameCharacters = 40;
/** Marks beyond are only listed. */
export const mostIssues = 24;

export function diagram(image: ParsedImage, bands: readonly Band[], top: number, width: number): Part {
  const first = bands[0]?.y ?? top + diagramTop;
  const last = bands.at(-1);
  const bottom = last === undefined ? first + 40 : last.y + last.height;
  const svg = [
    element('path', { d: `M36 ${top + 10}H${width - 36}`, class: 'fp-rule' }),
    label(strip.x, first - 12, 'fp-head', 'TO SCALE'),
    label(band.x - 8, first - 12, 'fp-head', 'OFFSET', { 'text-anchor': 'end' }),
    label(band.x, first - 12, 'fp-head', 'COVERAGE'),
    label(nameX, first - 12, 'fp-head', 'REGION'),
    label(sizeX, first - 12, 'fp-head', 'SIZE', { 'text-anchor': 'end' }),
    ...(last === undefined ? [label(band.x, first + 16, 'fp-dim', 'The file is empty.')] : []),
    ...stripOf(image, bands, first, bottom),
    ...bands.map((row) => bandOf(row, image.size)),
    ...(last === undefined ? [] : [offset(image.size, image.size, bottom)]),
    ...brackets(bands, width),
    ...marks(image.issues, bands),
  ];
  return { svg: svg.join(''), bottom: bottom + 14 };
}

function fill(x: number, y: number, width: number, height: number, coverage: Coverage, kind: string): string {
  const size = { x, y, width, height };
  const plain = element('rect', { ...size, class: `${kind} fp-${coverage}` });
  const hasPattern = looks.some((look) => look.coverage === coverage && look.pattern !== '');
  return hasPattern
    ? plain + element('rect', { ...size, class: 'fp-over', fill: `url(#fp-${coverage})` })
    : plain;
}

/** The true proportions, and from each band where it has its place in them. */
function stripOf(image: ParsedImage, bands: readonly Band[], top: number, bottom: number): string[] {
  const scale = (bottom - top) / Math.max(1, image.size);
  const at = (offset: number): number => top + Math.min(offset, image.size) * scale;
  const right = strip.x + strip.width;
  return bands.flatMap(({ start, end, y, height, shares }) => [
    element('path', {
      d: `M${right} ${coordinate(at(start))}L${leadX} ${y}V${y + height}L${right} ${coordinate(at(end))}Z`,
      class: 'fp-lead',
    }),
    ...across(shares, strip.width).map(({ coverage, from, part }) =>
      element('rect', {
        x: strip.x + from,
        y: at(start),
        width: part,
        height: Math.max(0.3, at(end) - at(start)),
        class: `fp-over fp-on-${coverage}`,
      }),
    ),
  ]);
}

/** Shares of a width, side by side, in proportion to their bytes, none invisible. */
function across(shares: Band['shares'], width: number): { coverage: Coverage; from: number; part: number }[] {
  const bytes = shares.reduce((sum, share) => sum + share.bytes, 0);
  const least = width * 0.12;
  const room = width - least * shares.length;
  let from = 0;
  return shares.map((share) => {
    const part = least + (room * share.bytes) / Math.max(1, bytes);
    const place = { coverage: share.coverage, from, part };
    from += part;
    return place;
  });
}

function bandOf(row: Band, size: number): string {
  const middle = row.y + row.height / 2 + 4;
  const bytes = row.end - row.start;
  const parts = across(row.shares, band.width).flatMap(({ coverage, from, part }) => [
    fill(band.x + from, row.y, part, row.height, coverage, 'fp-band'),
    label(
      band.x + from + 7,
      middle,
      `fp-in fp-on-${coverage}`,
      part > 70 ? coverage : part > 24 ? letter(coverage) : '',
    ),
  ]);
  return element(
    'g',
    {},
    `<title>${escaped(`${shortened(row.label, 200)}: ${hexOffset(row.start, size)} to ${hexOffset(row.end, size)}, ${bytes} bytes`)}</title>`,
    ...parts,
    ...(row.scale === 'shortened' ? [breakMark(row)] : []),
    offset(row.start, size, row.y),
    nameOf(row, middle),
    label(sizeX, middle, 'fp-mono', sizeText(bytes), { 'text-anchor': 'end' }),
  );
}

function letter(coverage: Coverage): string {
  return { signed: 'S', unsigned: 'U', signature: 'G', trailing: 'T' }[coverage];
}

function offset(at: number, size: number, y: number): string {
  return label(band.x - 8, y + 4, 'fp-mono', hexOffset(at, size), { 'text-anchor': 'end' });
}

/** The group dim, the rest in full; a folded group with its count. */
function nameOf(row: Band, y: number): string {
  const count = row.count > 1 ? ` × ${row.count}` : '';
  const name = shortened(row.label, nameCharacters - count.length);
  const dot = row.count > 1 ? -1 : Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
  return element(
    'text',
    { x: nameX, y, class: 'fp-name' },
    ...(dot > 0 ? [`<tspan class="fp-dim">${escaped(name.slice(0, dot + 1))}</tspan>`] : []),
    escaped(name.slice(dot + 1)),
    ...(count === '' ? [] : [`<tspan class="fp-dim">${count}</tspan>`]),
  );
}

/** Two waves across the band: here the scale is broken. */
function breakMark({ y, height }: Band): string {
  const at = y + height * 0.72;
  const wave = (shift: number): string =>
    `M${band.x - 3} ${coordinate(at + shift)}${'q6.75 -7 13.5 0t13.5 0'.repeat(8)}`;
  return (
    element('path', { d: wave(0), class: 'fp-break' }) +
    element('path', { d: wave(-3), class: 'fp-break-line' }) +
    element('path', { d: wave(3), class: 'fp-break-line' })
  );
}

/** Rows that follow one another with the same beginning of their names. */
function brackets(bands: readonly Band[], width: number): string[] {
  const groups: { name: string; rows: Band[] }[] = [];
  for (const row of bands) {
    const [name = ''] = pathOf(row.label);
    const group = groups.at(-1);
    if (group?.name === name) group.rows.push(row);
    else groups.push({ name, rows: [row] });
  }
  return groups.flatMap(({ name, rows }) => {
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined || rows.length < 2) return [];
    const [top, bottom] = [first.y + 4, last.y + last.height - 4];
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    return [
      element('path', { d: `M${bracketX} ${top}h6V${bottom}h-6`, class: 'fp-bracket' }),
      label(
        bracketX + 14,
        (top + bottom) / 2,
        'fp-name',
        shortened(name, Math.floor((width - bracketX - 40) / 7.4)),
      ),
      label(
        bracketX + 14,
        (top + bottom) / 2 + 15,
        'fp-small',
        `${count} regions, ${sizeText(last.end - first.start)}`,
      ),
    ];
  });
}

function marks(issues: readonly Issue[], bands: readonly Band[]): string[] {
  const right = band.x + band.width;
  let lowest = -Infinity;
  return issues
    .slice(0, mostIssues)
    .map((issue, index) => ({ issue, number: index + 1, y: yOf(bands, issue.at) }))
    .sort((a, b) => a.y - b.y)
    .map(({ issue, number, y }) => {
      // Marks at one place stand below one another.
      const markY = Math.max(y, lowest + 17);
      lowest = markY;
      return element(
        'g',
        {},
        `<title>${escaped(shortened(`${issue.code}: ${issue.message}`, 300))}</title>`,
        element('path', {
          d: `M${right - 12} ${coordinate(y)}H${right + 4}L${right + 8} ${coordinate(markY)}`,
          class: 'fp-mark-line',
          fill: 'none',
        }),
        element('circle', { cx: right + 15, cy: markY, r: 8, class: 'fp-mark' }),
        label(right + 15, markY + 3.5, 'fp-on-mark', String(number), { 'text-anchor': 'middle' }),
      );
    });
}
