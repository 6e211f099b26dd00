/** The top of the picture: what file it is, what it says of itself, and what the reference verifier says. */

import type { ImageFacts } from '../format.ts';
import type { Picture } from '../picture.ts';
import { element, label, shortened, sizeText, wrapped } from './svg.ts';

export interface Part {
  svg: string;
  /** Where it ends. */
  bottom: number;
}

const left = 36;
const lineHeight = 19;
const mostFacts = 14;

export function heading({ title, image, facts, verdict }: Picture, width: number): Part {
  const short = sizeText(image.size);
  const size = short === `${image.size} B` ? `${image.size} bytes` : `${short} (${image.size} bytes)`;
  const parts = [
    label(left, 46, 'fp-title', shortened(title, 70)),
    label(left, 68, 'fp-dim', `${shortened(image.format, 40)} · ${size} · ${image.regions.length} regions`),
  ];
  let y = 84;
  if (verdict !== undefined) {
    const pill = verdictPill(verdict, y, width);
    parts.push(pill.svg);
    y = pill.bottom;
  }
  y += lineHeight + 6;
  for (const { name, value } of factsOf(facts)) {
    parts.push(
      label(left, y, 'fp-small', shortened(name, 22)),
      label(left + 140, y, 'fp-name', shortened(value, 106)),
    );
    y += lineHeight;
  }
  return { svg: parts.join(''), bottom: y - 2 };
}

function verdictPill(verdict: NonNullable<Picture['verdict']>, y: number, width: number): Part {
  const good = verdict.accepted;
  const lines = good
    ? ['Accepted by the reference verifier']
    : wrapped(`Refused by the reference verifier: ${verdict.reason}. ${verdict.detail}`, 135, 3);
  const height = 12 + lines.length * 17;
  const kind = good ? 'good' : 'bad';
  return {
    svg: [
      element('rect', { x: left, y, width: width - 2 * left, height, rx: 6, class: `fp-${kind}` }),
      ...lines.map((line, index) => label(left + 12, y + 20 + index * 17, `fp-on-${kind}`, line)),
    ].join(''),
    bottom: y + height,
  };
}

function factsOf(facts: ImageFacts): { name: string; value: string }[] {
  const { version, counter, hardware, algorithms, signers, digests, other } = facts;
  const all = [
    ...(version === undefined ? [] : [{ name: 'version', value: version }]),
    ...(counter === undefined ? [] : [{ name: 'counter', value: counter.toString() }]),
    ...hardware.slice(0, mostFacts),
    ...(algorithms.length === 0 ? [] : [{ name: 'algorithms', value: algorithms.slice(0, 50).join(', ') }]),
    ...signers.slice(0, mostFacts).map(({ name, value }) => ({ name: `signer, ${name}`, value })),
    ...digests.slice(0, mostFacts).map((value) => ({ name: 'digest', value })),
    ...other.slice(0, mostFacts),
  ];
  return all.slice(0, mostFacts);
}
