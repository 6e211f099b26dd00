/** What a board lacks for its cases, by whom to ask for it. */

import { harmfulStimuli, type HarmfulStimulus } from '../board/index.ts';
import type { MissingNeed } from '../lifecycle/needs.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import { readinessOf } from './readiness.ts';
import type { Prepared } from './prepare.ts';

/** By whom to ask: the vendor (images, keys), whoever builds the bench, whoever owns the device. */
export const sources = ['images', 'keys', 'capabilities', 'permissions'] as const;
export type Source = (typeof sources)[number];

export interface Wanted {
  from: Source;
  /** In one or two words: `image older`. */
  name: string;
  /** What it must be. */
  what: string;
  /** Cases that are not executed without it. */
  cases: string[];
  next: string;
  /** Lines for the board file, as they are: what `next` ends with. */
  paste: readonly string[];
}

type Item = Omit<Wanted, 'cases'>;

/** Each missing thing once, with all cases that wait for it; what the declaration waives asks for nothing. */
export function shoppingList(
  prepared: Pick<Prepared, 'board' | 'declaration' | 'catalogue'>,
  cases: Iterable<RegisteredCase>,
): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const one of cases) {
    const { waiver, missing, refused } = readinessOf(prepared, one);
    if (waiver !== undefined) continue;
    const items = [...missing.map(itemOf), ...(refused === undefined ? [] : [permission(refused)])];
    for (const item of items) {
      const key = `${item.name} ${item.what}`;
      const entry = wanted.get(key) ?? { ...item, cases: [] };
      entry.cases.push(one.id);
      wanted.set(key, entry);
    }
  }
  return [...wanted.values()].sort((a, b) => sources.indexOf(a.from) - sources.indexOf(b.from));
}

function itemOf({ need, what, next }: MissingNeed): Item {
  const [kind = '', role = ''] = need.split(':');
  switch (kind) {
    case 'image':
      return imageItem(role, what);
    case 'key':
      return keyItem(`key ${role}`, what, role, `${role}.key`);
    case 'test-key':
    case 'test-authority':
      return keyItem(kind.replace('-', ' '), what, 'test', 'test.pem');
    default:
      return { from: 'capabilities', name: 'input', what, next, paste: [] };
  }
}

function imageItem(role: string, what: string): Item {
  const file = `images/${role}.bin`;
  return {
    from: 'images',
    name: `image ${role}`,
    what: what.replace(/^image "\w+": /, ''),
    next: `Put it beside the board file, write its digest (sha256sum ${file}), and paste under images:`,
    paste: [`  ${role}:`, `    file: ${file}`, '    sha256: DIGEST'],
  };
}

function keyItem(name: string, what: string, key: string, file: string): Item {
  return {
    from: 'keys',
    name,
    what: what.replace(/^key "\w+": /, ''),
    next: 'Put it beside the board file (chmod 600), and paste under keys:',
    paste: [`  ${key}: !secret keys/${file}`],
  };
}

function permission(stimulus: string): Item {
  const text = harmfulStimuli[stimulus as HarmfulStimulus] as string | undefined;
  return {
    from: 'permissions',
    name: 'permission',
    what: `${stimulus}${text === undefined ? '' : `: ${text}`}`,
    next: `Add "${stimulus}" to allow:, if this device may be lost.`,
    paste: [],
  };
}

/** The first line of each part of the list. */
export function headingOf(from: Source, { vendor, model }: { vendor: string; model: string }): string {
  switch (from) {
    case 'images':
      return `Ask ${vendor} for images for ${model}, genuine, signed as its releases are:`;
    case 'keys':
      return `Ask ${vendor} for keys:`;
    case 'capabilities':
      return 'What the board file does not say, or the bench does not have:';
    case 'permissions':
      return 'Ask the owner of the device, which may be lost:';
  }
}
