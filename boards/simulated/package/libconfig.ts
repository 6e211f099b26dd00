/**
 * libconfig as this device needs it: groups, lists, strings, whole numbers and truth values. No includes, no strings in
 * pieces, no setting twice.
 *
 * Source: libconfig 1.7 manual, 3 "Configuration Files".
 */

import { ImageRefused } from '../mcuboot-image.ts';

export type Setting = string | number | boolean | readonly Setting[] | Group;
export type Group = ReadonlyMap<string, Setting>;

const MOST_SETTINGS = 200;
const MOST_DEPTH = 6;

/** @throws ImageRefused `format` */
export function readLibconfig(text: string): Group {
  return new Reader(text).run();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #settings = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): Group {
    return this.#group(undefined, 0);
  }

  /** @param closing undefined for the outermost, which ends with the text */
  #group(closing: '}' | undefined, depth: number): Group {
    const group = new Map<string, Setting>();
    for (;;) {
      this.#space();
      if (closing === undefined ? this.#at === this.#text.length : this.#take(closing)) return group;
      const name = this.#match(/[A-Za-z*][-A-Za-z0-9_*]*/y) ?? this.#fail('no name of a setting');
      if (group.has(name)) this.#fail(`${name} is there twice`);
      this.#space();
      if (!this.#take('=') && !this.#take(':')) this.#fail(`${name} has no value`);
      group.set(name, this.#value(depth + 1));
      this.#space();
      if (!this.#take(';')) this.#take(',');
    }
  }

  #value(depth: number): Setting {
    this.#space();
    this.#settings += 1;
    if (depth > MOST_DEPTH || this.#settings > MOST_SETTINGS) this.#fail('too much, or too deep');
    if (this.#take('{')) return this.#group('}', depth);
    if (this.#take('(')) return this.#list(')', depth);
    if (this.#take('[')) return this.#list(']', depth);
    const text = this.#match(/"(?:[^"\\]|\\.)*"/y);
    if (text !== undefined) return this.#unescaped(text.slice(1, -1));
    const word = this.#match(/\d{1,10}|true|false/y) ?? this.#fail('no value');
    return /^\d/.test(word) ? Number(word) : word === 'true';
  }

  #list(closing: ')' | ']', depth: number): Setting[] {
    const items: Setting[] = [];
    this.#space();
    if (this.#take(closing)) return items;
    for (;;) {
      items.push(this.#value(depth + 1));
      this.#space();
      if (this.#take(closing)) return items;
      if (!this.#take(',')) this.#fail(`neither , nor ${closing} in a list`);
    }
  }

  #unescaped(text: string): string {
    return text.replaceAll(/\\(x[0-9A-Fa-f]{2}|.)/g, (_whole, escape: string) => {
      if (escape.length === 3) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
      return ESCAPES[escape] ?? this.#fail(`\\${escape} in a string`);
    });
  }

  /** White space and comments. */
  #space(): void {
    this.#match(/(?:\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y);
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(what: string): never {
    throw new ImageRefused('format', `sw-description, character ${this.#at}: ${what}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
};
