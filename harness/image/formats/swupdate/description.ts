/**
 * The syntax of sw-description, in both of its kinds: libconfig and JSON. One tolerant scanner reads either, with the
 * place of every value.
 *
 * Source: SWUpdate, doc/source/sw-description.rst; libconfig 1.7 manual, 3 "Configuration Files"; RFC 8259.
 */

import type { Issue } from '../../image.ts';

/** A value; `[start, end)` in bytes of the description, with quotes and brackets. */
export type DescriptionValue = { start: number; end: number } & (
  | { kind: 'string' | 'word'; text: string }
  | { kind: 'list'; items: readonly DescriptionValue[] }
  | { kind: 'group'; settings: readonly DescriptionSetting[] }
);

export interface DescriptionSetting {
  key: string;
  /** Where its key begins; it ends with its value. */
  start: number;
  value: DescriptionValue;
}

export interface DescriptionSyntax {
  settings: readonly DescriptionSetting[];
  issues: readonly Issue[];
}

const mostDepth = 32;
const mostValues = 20_000;

/** Never throws. Offsets of issues are those of the description. */
export function scanDescription(bytes: Uint8Array): DescriptionSyntax {
  return new Scanner(Buffer.from(bytes).toString('latin1')).run();
}

/** Settings by key. The first counts, as libconfig refuses a second and JSON leaves it open. */
export function settingOf(
  settings: readonly DescriptionSetting[],
  key: string,
): DescriptionValue | undefined {
  return settings.find((setting) => setting.key === key)?.value;
}

export function textOf(value: DescriptionValue | undefined): string | undefined {
  return value?.kind === 'string' || value?.kind === 'word' ? value.text : undefined;
}

class Scanner {
  readonly #text: string;
  readonly #issues: Issue[] = [];
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): DescriptionSyntax {
    this.#space();
    // JSON has braces around everything, libconfig has none.
    const braces = this.#text[this.#at] === '{';
    if (braces) this.#at += 1;
    const settings = this.#settings(braces ? '}' : undefined, 0);
    this.#space();
    if (this.#at < this.#text.length) this.#stop('something behind the last setting');
    return { settings, issues: this.#issues };
  }

  #settings(closing: string | undefined, depth: number): DescriptionSetting[] {
    const settings: DescriptionSetting[] = [];
    for (;;) {
      this.#space();
      if (this.#at >= this.#text.length) {
        if (closing !== undefined) this.#stop(`the end where ${closing} is due`);
        return settings;
      }
      if (this.#text[this.#at] === closing) {
        this.#at += 1;
        return settings;
      }
      const setting = this.#setting(depth);
      if (setting === undefined) return settings;
      settings.push(setting);
      this.#space();
      if (this.#text[this.#at] === ';' || this.#text[this.#at] === ',') this.#at += 1;
    }
  }

  #setting(depth: number): DescriptionSetting | undefined {
    const start = this.#at;
    const quoted = this.#text[start] === '"';
    const key = quoted ? this.#string()?.text : this.#match(/[A-Za-z*][-A-Za-z0-9_*]*/y);
    if (key === undefined || key === '') return this.#stop('no name of a setting');
    this.#space();
    if (this.#text[this.#at] !== '=' && this.#text[this.#at] !== ':')
      return this.#stop(`${key} has no value`);
    this.#at += 1;
    this.#space();
    const value = this.#value(depth + 1);
    return value && { key, start, value };
  }

  #value(depth: number): DescriptionValue | undefined {
    this.#values += 1;
    if (depth > mostDepth || this.#values > mostValues) return this.#stop('too much, or too deep');
    const start = this.#at;
    const first = this.#text[start];
    if (first === '"') return this.#string();
    if (first === '{') {
      this.#at += 1;
      const settings = this.#settings('}', depth);
      return { kind: 'group', settings, start, end: this.#at };
    }
    if (first === '(' || first === '[') return this.#list(first === '(' ? ')' : ']', depth);
    const text = this.#match(/[-+.A-Za-z0-9_]+/y);
    return text === undefined ? this.#stop('no value') : { kind: 'word', text, start, end: this.#at };
  }

  #list(closing: string, depth: number): DescriptionValue | undefined {
    const start = this.#at;
    const items: DescriptionValue[] = [];
    this.#at += 1;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === closing) {
        this.#at += 1;
        return { kind: 'list', items, start, end: this.#at };
      }
      const item = this.#value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      this.#space();
      if (this.#text[this.#at] === ',') this.#at += 1;
      else if (this.#text[this.#at] !== closing) return this.#stop(`${this.#text[this.#at]} in a list`);
    }
  }

  /** Strings that stand side by side are one (libconfig). */
  #string(): { kind: 'string'; text: string; start: number; end: number } | undefined {
    const start = this.#at;
    let text = '';
    let end = start;
    while (this.#text[this.#at] === '"') {
      const raw = this.#match(/"(?:[^"\\]|\\[\s\S])*"/y);
      if (raw === undefined) return this.#stop('a string without an end');
      text += raw.slice(1, -1).replaceAll(/\\([\s\S])/g, (_, escaped: string) => escapes[escaped] ?? escaped);
      end = this.#at;
      this.#space();
    }
    this.#at = end;
    return { kind: 'string', text, start, end };
  }

  /** White space and comments. */
  #space(): void {
    this.#match(/(?:\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** What is wrong first; then nothing more is read. */
  #stop(message: string): undefined {
    if (this.#issues.length === 0) this.#issues.push({ code: 'description', at: this.#at, message });
    this.#at = this.#text.length;
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' };
