/** The comparison of two runs, for a terminal. */

import { plainText } from '../table/terminal.ts';
import { noneIsWorse, type CaseChange, type Difference, type FigureChange, type RunDiff } from './compare.ts';

/** @returns lines that end with a line feed */
export function renderDiff(diff: RunDiff): string {
  const groups: [string, string[]][] = [
    ['The device', diff.device.map(differenceLine)],
    [
      'More than the device differs, so that a change may not be the device’s',
      diff.conditions.map(differenceLine),
    ],
    ['Worse', changes(diff, 'worse')],
    ['Better', changes(diff, 'better')],
    ['Other findings under the same verdict', changes(diff, 'findings')],
    ['Applies no more, or now', changes(diff, 'other')],
    ['Only in the first run', changes(diff, 'only-before')],
    ['Only in the second run', changes(diff, 'only-after')],
    ['Figures that differ by more than their uncertainty', diff.figures.map(figureLine)],
  ];
  const shown = groups.filter(([, lines]) => lines.length > 0);
  const body = shown.map(([title, lines]) => `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`);
  const ended = noneIsWorse(diff) ? 'Nothing is worse.' : 'Something is worse.';
  const same = `${diff.unchanged} ${diff.unchanged === 1 ? 'case is' : 'cases are'} unchanged. ${ended}`;
  const head = [`${diff.before} → ${diff.after}`, ...interruption(diff)].map((line) => `${line}\n`).join('');
  const foot = [...notCompared(diff), same].map((line) => `${line}\n`).join('');
  return [head, ...body, foot].join('\n');
}

function interruption({ interrupted }: RunDiff): string[] {
  const [first, second] = interrupted;
  if (first === undefined) return [];
  const ended =
    second === undefined
      ? `${first} was ended before its time`
      : `${first} and ${second} were ended before their time`;
  const they = second === undefined ? 'it' : 'they';
  return [`${ended}: what ${they} did not reach is no change of the device.`];
}

function notCompared({ notCompared: n }: RunDiff): string[] {
  if (n === 0) return [];
  return n === 1
    ? ['1 figure differs, and is not compared: its uncertainty is not on record.']
    : [`${n} figures differ, and are not compared: their uncertainties are not on record.`];
}

function changes({ cases }: RunDiff, kind: CaseChange['kind']): string[] {
  return cases.filter((change) => change.kind === kind).map(changeLine);
}

function changeLine(change: CaseChange): string {
  const { id, title } = change;
  switch (change.kind) {
    case 'worse':
    case 'better':
    case 'other':
      return [
        `${id} ${change.before} → ${change.after}  ${title}`,
        `    was: ${plainText(change.reasonBefore)}`,
        `    is:  ${plainText(change.reasonAfter)}`,
      ].join('\n  ');
    case 'findings': {
      const parts = [...change.gone.map((code) => `- ${code}`), ...change.come.map((code) => `+ ${code}`)];
      return `${id} ${change.verdict}: ${parts.join(', ')}  ${title}`;
    }
    case 'only-before':
    case 'only-after':
      return `${id} ${change.verdict}  ${title}`;
  }
}

function differenceLine({ what, before, after }: Difference): string {
  return `${what}: ${short(before)} → ${short(after)}`;
}

function figureLine({ id, name, unit, before, after, uncertainty, limit }: FigureChange): string {
  const edge = limit === undefined ? '' : `, limit ${limit} ${unit}`;
  return `${id} ${name}: ${before} → ${after} ${unit} (uncertainty ${uncertainty} ${unit}${edge})`;
}

/** Digests by their beginning: who compares them has the JSON. */
function short(text: string): string {
  return text === '' ? 'none' : plainText(text).replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…');
}
