/** A sweep of power cuts as a strip: phases as bands, one tick for each cut, a lane for each outcome. One SVG, whole in itself. */

import type { Sweep, SweptPoint } from '../../harness/record/events.ts';
import { coverageOf, outcomesOf } from './sweep-line.ts';

/** Pixels. */
const width = 1000;
const left = 190;
const right = 16;
const top = 82;
const lane = 26;
const foot = 46;
/** A band of a few milliseconds must still carry its name. */
const narrowestBand = 92;

const bandColours = ['#eef3f8', '#dde7f0'];

/**
 * Colours that most colour-blind people can tell apart; the lanes tell the outcomes too.
 *
 * Source: Okabe and Ito, Color Universal Design (2008).
 */
const colours: Readonly<Record<string, string>> = {
  old: '#0072b2',
  'old, one start later': '#56b4e9',
  'new on trial': '#e69f00',
  new: '#009e73',
  'cut again': '#7f7f7f',
  neither: '#d55e00',
  'not back': '#d50000',
};
const otherColour = '#cc79a7';

interface Band {
  name: string;
  x: number;
  width: number;
  lengthMs: number;
  lines: string[];
}

/** @returns an SVG document that loads nothing */
export function stripChart(sweep: Sweep): string {
  const bands = bandsOf(sweep);
  const rank = ({ outcome }: { outcome: string }): number =>
    (Object.keys(colours).indexOf(outcome) + 99) % 99; // unknown ones last
  const lanes = outcomesOf(sweep).sort((a, b) => rank(a) - rank(b));
  const height = top + Math.max(1, lanes.length) * lane + foot;
  const bottom = height - foot;
  const coverage = coverageOf(sweep.phases);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(`Power cuts over the ${sweep.of}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(12, 24, `Power cuts: ${sweep.of}`, 'font-weight="bold" font-size="14"'),
    text(12, 44, `${sweep.points.length} cuts`),
    text(12, 62, `${coverage} % covered`),
    ...bands.flatMap((band, index) => bandMarks(band, index, bottom)),
    ...lanes.flatMap(({ outcome, count }, index) => laneMarks(sweep, bands, { outcome, count, index })),
    ...legend(sweep, bottom),
    '</svg>',
    '',
  ].join('\n');
}

/** Bands by length, none too narrow for its name; what those take is taken from the others. */
function bandsOf({ phases }: Sweep): Band[] {
  const room = width - left - right;
  const totalMs = phases.reduce((sum, { lengthMs }) => sum + lengthMs, 0);
  const ideal = phases.map(({ lengthMs }) => (totalMs === 0 ? 0 : (lengthMs / totalMs) * room));
  const spare = ideal.reduce((sum, wide) => sum + Math.max(0, wide - narrowestBand), 0);
  const owed = ideal.reduce((sum, wide) => sum + Math.max(0, narrowestBand - wide), 0);
  let x = left;
  return phases.map(({ name, lengthMs, planned, landed, coverage }, at) => {
    const wide = ideal[at] ?? 0;
    const over = wide - narrowestBand;
    const share = over <= 0 || spare === 0 ? 0 : (over / spare) * owed;
    const band = { x, width: Math.max(narrowestBand, wide) - share, name, lengthMs };
    x += band.width;
    const lines = [name, `${milliseconds(lengthMs)} ms`, `${landed} of ${planned}, ${coverage} %`];
    return { ...band, lines };
  });
}

function bandMarks(band: Band, index: number, bottom: number): string[] {
  const fill = bandColours[index % bandColours.length] ?? '#ffffff';
  const box = `x="${px(band.x)}" y="12" width="${px(band.width)}" height="${bottom - 12}"`;
  return [
    `<rect class="phase" ${box} fill="${fill}" stroke="#b8c4d0"/>`,
    ...band.lines.map((line, row) =>
      text(band.x + 6, 28 + 18 * row, line, row === 0 ? 'font-weight="bold"' : 'fill="#444444"'),
    ),
  ];
}

function laneMarks(
  sweep: Sweep,
  bands: readonly Band[],
  { outcome, count, index }: { outcome: string; count: number; index: number },
): string[] {
  const y = top + index * lane;
  const colour = colours[outcome] ?? otherColour;
  const ticks = sweep.points.flatMap((point, at) =>
    point.outcome === outcome ? [tick(point, at + 1, bands, y, colour)] : [],
  );
  return [
    `<rect x="12" y="${y + 5}" width="12" height="12" fill="${colour}"/>`,
    text(30, y + 15, `${outcome} (${count})`),
    `<line x1="${left}" y1="${y + lane}" x2="${width - right}" y2="${y + lane}" stroke="#ffffff"/>`,
    ...ticks,
  ];
}

/** Where the cut landed; hollow when its phase was over by then. */
function tick(point: SweptPoint, number: number, bands: readonly Band[], y: number, colour: string): string {
  const band = bands.find(({ name }) => name === point.phase);
  const part = band === undefined || band.lengthMs === 0 ? 0 : point.landedMs / band.lengthMs;
  const x = (band?.x ?? left) + Math.min(1, Math.max(0, part)) * (band?.width ?? 0);
  const words = `cut ${number}: ${milliseconds(point.landedMs)} ms into ${point.phase}, ${point.outcome}`;
  const late = point.inTime ? '' : ', after the phase was over';
  const look = point.inTime ? `fill="${colour}"` : `fill="#ffffff" stroke="${colour}" stroke-width="0.8"`;
  // Those of the second pass are shorter: they close in on a change.
  const [from, tall] = point.chosen === 'between' ? [8, 12] : [3, 20];
  const box = `x="${px(x - 1)}" y="${y + from}" width="2" height="${tall}"`;
  return `<rect class="cut" ${box} ${look}><title>${escaped(words + late)}</title></rect>`;
}

function legend({ seed, points }: Sweep, bottom: number): string[] {
  const drawn = points.some(({ chosen }) => chosen === 'random')
    ? 'ticks: moments drawn by lot'
    : 'tall ticks: spread over the phases; short ticks: where neighbours differed, or cuts were rare';
  const small = 'fill="#444444" font-size="11"';
  return [
    text(left, bottom + 18, `${drawn}; hollow: came after the phase was over`, small),
    text(
      left,
      bottom + 35,
      `covered: 100 % less the longest stretch of the phase without a cut; seed ${seed}`,
      small,
    ),
  ];
}

function text(x: number, y: number, words: string, look = ''): string {
  return `<text x="${px(x)}" y="${px(y)}"${look === '' ? '' : ` ${look}`}>${escaped(words)}</text>`;
}

const px = (value: number): string => String(Math.round(value * 10) / 10);
const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

function escaped(words: string): string {
  return words
    .replace(/[\u0000-\u001f]/g, ' ') // XML 1.0 section 2.2 forbids most of them
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
