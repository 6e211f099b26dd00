/**
 * A YAML file as plain values, with the place of every key and value, so that whatever is found wrong later can
 * be shown where it stands.
 *
 * Source: YAML 1.2.2 (2021-10-01), core schema, through the `yaml` package's document API.
 */

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { KeyPath, Mark, Problem } from './problem.ts';

/** What becomes of a scalar that carries a tag, or of an untagged string. */
export interface ScalarReader {
  /** Tags that the file may use, for the message about an unknown one: `['!secret']`. */
  tags: readonly string[];
  /** @returns the value; problems go to `fail` */
  read(tag: string | undefined, value: unknown, path: KeyPath, fail: (message: string) => void): unknown;
}

/** Values as they stand: for files that are frozen and hashed, and so may not depend on anything outside. */
export const plainScalars: ScalarReader = { tags: [], read: (_tag, value) => value };

/** More nodes than any file of ours has; aliases that multiply end here instead of eating the memory. */
const maximumNodes = 50_000;

export interface YamlSource {
  file: string;
  value: unknown;
  problems: Problem[];
  /** Place of the value at a path, or of its nearest known parent. */
  at(path: KeyPath): Mark;
  /** Place of the key at a path, or of the value's nearest known parent. */
  atKey(path: KeyPath): Mark;
  /** A problem at a place of this file. */
  problem(path: KeyPath, message: string, place?: 'key' | 'value'): Problem;
}

/**
 * Reads a text as one YAML document.
 *
 * Never throws: syntax errors, duplicate keys, unknown tags and multiplying aliases are `problems`; `value` is
 * what could be read besides.
 *
 * @param file name for messages
 */
export function readYaml(file: string, text: string, scalars: ScalarReader = plainScalars): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const markOf = (offset: number): Mark => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: Problem[] = document.errors.map((error) => ({
    file,
    ...markOf(error.pos[0]),
    path: [],
    message:
      error.code === 'DUPLICATE_KEY'
        ? `the key ${keyTextAt(text, error.pos[0])} is here twice; remove one`
        : `not YAML: ${error.message}`,
  }));

  const places = new Places(markOf);
  const source: YamlSource = {
    file,
    value: undefined,
    problems,
    at: (path) => places.find(path, 'value'),
    atKey: (path) => places.find(path, 'key'),
    problem: (path, message, place = 'value') => ({ file, path, message, ...places.find(path, place) }),
  };
  // A broken document still has a tree, but what is missing from it would be reported a second time, wrongly.
  const broken = document.errors.some((error) => error.code !== 'DUPLICATE_KEY');
  if (!broken) source.value = new Walk(document, scalars, places, source).value(document.contents, []);
  return source;
}

const keyTextAt = (text: string, offset: number): string =>
  /^[^\s:,{}[\]]+/.exec(text.slice(offset))?.[0] ?? '';

/** Where keys and values stand, by path. */
class Places {
  readonly #offsets = new Map<string, { key?: number; value?: number }>();
  readonly #markOf: (offset: number) => Mark;

  constructor(markOf: (offset: number) => Mark) {
    this.#markOf = markOf;
  }

  note(path: KeyPath, key: number | undefined, value: number | undefined): void {
    this.#offsets.set(JSON.stringify(path), {
      ...(key === undefined ? {} : { key }),
      ...(value === undefined ? {} : { value }),
    });
  }

  find(path: KeyPath, place: 'key' | 'value'): Mark {
    for (let length = path.length; length >= 0; length -= 1) {
      const known = this.#offsets.get(JSON.stringify(path.slice(0, length)));
      // Of a parent, the key is the place to look at: `wires.modbus`, not the brace behind it.
      const useKey = place === 'key' || length < path.length;
      const offset = useKey ? (known?.key ?? known?.value) : (known?.value ?? known?.key);
      if (offset !== undefined) return this.#markOf(offset);
    }
    return { line: 1, column: 1 };
  }
}

/** From the tree of nodes to plain values. */
class Walk {
  readonly #document: Document.Parsed;
  readonly #scalars: ScalarReader;
  readonly #places: Places;
  readonly #source: YamlSource;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(document: Document.Parsed, scalars: ScalarReader, places: Places, source: YamlSource) {
    this.#document = document;
    this.#scalars = scalars;
    this.#places = places;
    this.#source = source;
  }

  value(node: unknown, path: KeyPath, keyOffset?: number): unknown {
    const range = (node as Node | null)?.range;
    this.#places.note(path, keyOffset, range?.[0]);
    this.#nodes += 1;
    if (this.#nodes > maximumNodes) {
      if (this.#nodes === maximumNodes + 1)
        this.#fail(path, `more than ${maximumNodes} values; too many aliases?`);
      return undefined;
    }
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), node.source, path, keyOffset);
    if (isMap(node)) return this.#guarded(node, path, () => this.#map(node, path));
    if (isSeq(node))
      return this.#guarded(node, path, () => node.items.map((item, i) => this.value(item, [...path, i])));
    if (isScalar(node)) return this.#scalar(node.tag, node.value, path);
    return null;
  }

  #fail(path: KeyPath, message: string): void {
    this.#source.problems.push(this.#source.problem(path, message));
  }

  #alias(target: Node | undefined, name: string, path: KeyPath, keyOffset: number | undefined): unknown {
    if (target === undefined) {
      this.#fail(path, `the alias *${name} has no anchor &${name} before it`);
      return undefined;
    }
    return this.value(target, path, keyOffset);
  }

  #guarded(node: Node, path: KeyPath, read: () => unknown): unknown {
    if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org')) {
      this.#unknownTag(node.tag, path, 'stands before a list or a mapping');
    }
    if (this.#open.has(node)) {
      this.#fail(path, 'an alias refers to something that contains it');
      return undefined;
    }
    this.#open.add(node);
    const value = read();
    this.#open.delete(node);
    return value;
  }

  #map(node: { items: readonly { key: unknown; value: unknown }[] }, path: KeyPath): unknown {
    const entries: [string, unknown][] = [];
    for (const { key, value } of node.items) {
      if (!isScalar(key) || !['string', 'number', 'boolean'].includes(typeof key.value)) {
        this.#fail(path, 'a key must be a word');
        continue;
      }
      const name = String(key.value);
      const below = [...path, name];
      entries.push([name, this.value(value, below, key.range?.[0])]);
    }
    // fromEntries defines own properties, so that a key named __proto__ is only an unknown key.
    return Object.fromEntries(entries);
  }

  #scalar(tag: string | undefined, value: unknown, path: KeyPath): unknown {
    const own = tag !== undefined && !tag.startsWith('tag:yaml.org') ? tag : undefined;
    if (own !== undefined && !this.#scalars.tags.includes(own)) {
      this.#unknownTag(own, path, 'is not known');
      return undefined;
    }
    return this.#scalars.read(own, value, path, (message) => this.#fail(path, message));
  }

  #unknownTag(tag: string, path: KeyPath, what: string): void {
    const known = this.#scalars.tags;
    const hint =
      known.length === 0 ? 'this file may not use tags' : `tags for single values: ${known.join(', ')}`;
    this.#fail(path, `the tag ${tag} ${what}; ${hint}`);
  }
}
