/** An inspection in words, for a terminal. */

import { imageFormats } from '../../image/index.ts';
import type { Coverage } from '../../image/image.ts';
import type { Inspection, Verification } from './inspect.ts';

const coverages = ['signed', 'signature', 'unsigned', 'trailing'] as const satisfies readonly Coverage[];

export function inspectionText(inspection: Inspection, { verbose }: { verbose?: boolean }): string {
  const { facts, format, issues } = inspection;
  const rows: [string, string][] = [
    ['format', format.title],
    ...(inspection.doubt === null ? [] : [['doubt', inspection.doubt] as [string, string]]),
    ...(inspection.how === null ? [] : [['found by', inspection.how] as [string, string]]),
    ['SHA-256', inspection.sha256],
    ['version', facts.version ?? '-'],
    ['counter', facts.counter ?? '-'],
    ...facts.hardware.map(({ name, value }): [string, string] => [name, value]),
    ['algorithms', facts.algorithms.join(', ') || '-'],
    ...facts.signers.map(({ name, value }): [string, string] => [`signed by ${name}`, value]),
    ...facts.other.map(({ name, value }): [string, string] => [name, value]),
    ['coverage', coverageText(inspection)],
    ['verifies', verificationText(inspection.verification)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const head = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}`);
  return [
    `${inspection.file}: ${grouped(inspection.bytes)} bytes`,
    ...head,
    '',
    ...regionLines(inspection, verbose === true),
    '',
    ...(issues.length === 0
      ? ['No issues.']
      : issues.map(({ code, at, message }) => `ISSUE at ${hex(at)} (${code}): ${printable(message)}`)),
    '',
  ].join('\n');
}

function coverageText({ coverage }: Inspection): string {
  const bytes = coverages.reduce((sum, name) => sum + coverage[name], 0);
  return coverages
    .filter((name) => coverage[name] > 0)
    .map(
      (name) =>
        `${grouped(coverage[name])} ${name} (${((100 * coverage[name]) / Math.max(1, bytes)).toFixed(1)} %)`,
    )
    .join(', ');
}

function verificationText(verification: Verification): string {
  const { asked, keys } = verification;
  if (!verification.accepted) return `NO: ${verification.reason}: ${verification.detail}`;
  if (asked) return `yes, with ${keys.join(', ')}`;
  return 'not asked: its own digests fit; give --key to have the signature checked';
}

/** So many region lines are read by people; the rest is told as a number. */
const mostLines = 400;

function regionLines({ regions }: Inspection, all: boolean): string[] {
  const shown = all ? regions : regions.slice(0, mostLines);
  const width = Math.max(5, ...shown.map(({ start, end }) => grouped(end - start).length));
  const lines = shown.map(
    ({ name, start, end, coverage }) =>
      `  ${hex(start)}  ${grouped(end - start).padStart(width)}  ${coverage.padEnd(9)}  ${printable(name)}`,
  );
  const left = regions.length - shown.length;
  const rest = left === 0 ? [] : [`  … and ${left} more; --verbose or --json shows all`];
  return [`  ${'offset'.padEnd(10)}  ${'bytes'.padStart(width)}  coverage   region`, ...lines, ...rest];
}

export function unknownText(facts: {
  file: string;
  bytes: number;
  sha256: string;
  why: string;
  first: Buffer;
}): string {
  const known = imageFormats.map(({ title, name }) => `${title} (${name})`).join(', ');
  return [
    `${facts.file}: ${grouped(facts.bytes)} bytes`,
    `  format   unknown: ${facts.why}`,
    `  SHA-256  ${facts.sha256}`,
    `  begins   ${facts.first.toString('hex').replace(/(..)/g, '$1 ').trim() || '(it is empty)'}`,
    '',
    `Known are ${known}.`,
    'Name one with --format to have it read as that (opaque for any file). A detached signature: --signature and --key;',
    'one appended in a form of the maker’s own: --layout.',
    '',
  ].join('\n');
}

export function hex(offset: number): string {
  return `0x${offset.toString(16).padStart(8, '0')}`;
}

/** 1234567 → 1 234 567 */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** What comes from a file must not steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '·');
}
