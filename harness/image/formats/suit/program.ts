/**
 * What a manifest would do, found without doing it: which payload it puts where, and against which digest it is held.
 * A device's properties are not known here, so that every alternative of `try-each` counts as possible.
 *
 * Source: draft-ietf-suit-manifest-34, "Abstract Machine Description", "Special Cases of Component Index".
 */

import { cborInt, cborMajors, type CborItem } from '../../codec/cbor.ts';
import type { SuitDigest } from './auth.ts';
import { commands, parameters, sequenceNames } from './labels.ts';
import type { SuitImage } from './parse.ts';
import { allCommands, type Command, type Parameter, type Sequence } from './sequence.ts';

/** One comparison of an image with a digest; several of each where alternatives leave it open. */
export interface ImageMatch {
  /** Keys of integrated payloads that may be in the component. */
  payloads: readonly string[];
  digests: readonly SuitDigest[];
  sizes: readonly bigint[];
  /** Happens on every device: refused when nothing of it fits. */
  certain: boolean;
  /** What is compared is not what was transferred, but what was decrypted from it. */
  encrypted: boolean;
}

export interface Program {
  /** Keys of integrated payloads that are fetched. */
  fetched: ReadonlySet<string>;
  /** Fragment-only references to payloads that are not there. */
  missing: ReadonlySet<string>;
  matches: readonly ImageMatch[];
  problems: readonly { code: 'component-index' | 'soft-failure' | 'too-long'; detail: string }[];
}

interface Component {
  digests: SuitDigest[];
  sizes: bigint[];
  uris: string[];
  sources: number[];
  payloads: string[];
  encrypted: boolean;
}

/** Command sequences in the order in which an update runs them, wherever they are. */
export function sequencesOf(image: Pick<SuitImage, 'manifest' | 'severed'>): Sequence[] {
  const { manifest, severed } = image;
  if (manifest === undefined) return [];
  return [...sequenceNames.keys()].flatMap((label) => {
    const sequence = manifest.sequences.get(label) ?? severed.get(label);
    return sequence === undefined ? [] : [sequence];
  });
}

/** Every parameter that is set anywhere, in the order of execution. */
export function allParameters(image: Pick<SuitImage, 'manifest' | 'severed'>): Parameter[] {
  const shared = image.manifest?.shared;
  const sequences = [...(shared === undefined ? [] : [shared]), ...sequencesOf(image)];
  return sequences.flatMap((sequence) => [...allCommands(sequence)].flatMap((command) => command.parameters));
}

export type Runnable = Pick<SuitImage, 'manifest' | 'severed' | 'members'>;

export function programOf(image: Runnable): Program {
  return new Walk(image).run();
}

/** Comparisons beyond this are not noted. */
const mostMatches = 2000;

/** Components beyond this are not followed. */
const mostComponents = 256;

class Walk {
  readonly #image: Runnable;
  readonly #keys: ReadonlySet<string>;
  readonly #fetched = new Set<string>();
  readonly #missing = new Set<string>();
  readonly #matches: ImageMatch[] = [];
  readonly #problems: Program['problems'][number][] = [];
  readonly #count: number;
  #components: Component[];
  #current: readonly number[] = [0];

  constructor(image: Runnable) {
    this.#image = image;
    this.#keys = new Set(image.members.flatMap(({ key }) => (typeof key === 'string' ? [key] : [])));
    this.#count = image.manifest?.components.length ?? 0;
    this.#components = Array.from({ length: Math.min(Math.max(1, this.#count), mostComponents) }, () => ({
      digests: [],
      sizes: [],
      uris: [],
      sources: [],
      payloads: [],
      encrypted: false,
    }));
  }

  run(): Program {
    const shared = this.#image.manifest?.shared;
    for (const sequence of sequencesOf(this.#image)) {
      this.#current = [0];
      if (shared !== undefined) this.#sequence(shared, true, false);
      this.#current = [0];
      this.#sequence(sequence, true, false);
    }
    return {
      fetched: this.#fetched,
      missing: this.#missing,
      matches: this.#matches,
      problems: this.#problems,
    };
  }

  /** @param inner inside `try-each` or `run-sequence`, where soft failure may be set */
  #sequence(sequence: Sequence, certain: boolean, inner: boolean): void {
    for (const command of sequence.commands) this.#command(command, certain, inner);
  }

  #command(command: Command, certain: boolean, inner: boolean): void {
    switch (command.code) {
      case commands.setComponentIndex:
        this.#select(command.argument);
        return;
      case commands.setParameters:
      case commands.override:
        this.#set(command.parameters, command.code === commands.override, inner);
        return;
      case commands.fetch:
        for (const component of this.#selected()) this.#fetch(component);
        return;
      case commands.copy:
        for (const component of this.#selected()) {
          const sources = component.sources.flatMap((index) => this.#components[index] ?? []);
          component.payloads = sources.flatMap(({ payloads }) => payloads);
        }
        return;
      case commands.write:
        for (const component of this.#selected()) component.payloads = [];
        return;
      case commands.imageMatch:
        for (const { payloads, digests, sizes, encrypted } of this.#selected()) {
          if (payloads.length === 0) continue;
          if (this.#matches.length >= mostMatches) {
            this.#problem('too-long', `more than ${mostMatches} comparisons of images`);
            return;
          }
          this.#matches.push({ payloads, digests, sizes, encrypted, certain });
        }
        return;
      case commands.tryEach:
        this.#alternatives(command);
        return;
      case commands.runSequence:
        for (const branch of command.branches)
          if (branch !== undefined) this.#sequence(branch, certain, true);
        return;
    }
  }

  #selected(): Component[] {
    return this.#current.flatMap((index) => this.#components[index] ?? []);
  }

  #select(argument: CborItem): void {
    if (argument.major === cborMajors.simple) {
      this.#current = this.#components.map((_, index) => index);
      return;
    }
    const items = argument.major === cborMajors.array ? argument.children : [argument];
    const indices = items.map((item) => cborInt(item) ?? -1n);
    const strange = indices.find((index) => index < 0n || index >= BigInt(this.#count));
    if (strange !== undefined) {
      this.#problem('component-index', `component ${strange} of ${this.#count} is selected`);
    }
    this.#current = indices.filter((index) => index >= 0n && index < BigInt(mostComponents)).map(Number);
  }

  #set(list: readonly Parameter[], override: boolean, inner: boolean): void {
    for (const parameter of list) {
      if (parameter.label === parameters.softFailure && parameter.flag === true && !inner) {
        this.#problem('soft-failure', 'soft failure is set outside of try-each and run-sequence');
      }
      for (const component of this.#selected()) setOne(component, parameter, override);
    }
  }

  #fetch(component: Component): void {
    component.payloads = component.uris.filter((uri) => this.#keys.has(uri));
    for (const uri of component.uris) {
      if (this.#keys.has(uri)) this.#fetched.add(uri);
      // A fragment alone refers to this very envelope (RFC 3986, 4.4): it can be found nowhere else.
      else if (uri.startsWith('#')) this.#missing.add(uri);
    }
  }

  /** Each alternative from the same beginning; what comes behind may start from any of them. */
  #alternatives({ branches }: Command): void {
    const before = this.#components;
    const current = this.#current;
    const ends = branches.map((branch) => {
      this.#components = before.map(copied);
      this.#current = current;
      if (branch !== undefined) this.#sequence(branch, branches.length === 1, true);
      return this.#components;
    });
    this.#current = current;
    this.#components = before.map((component, index) =>
      ends.length === 0 ? component : merged(ends.flatMap((end) => end[index] ?? [])),
    );
  }

  #problem(code: Program['problems'][number]['code'], detail: string): void {
    if (this.#problems.length < 10) this.#problems.push({ code, detail });
  }
}

function setOne(component: Component, { label, digest, text, number }: Parameter, override: boolean): void {
  if (label === parameters.digest && digest !== undefined) put('digests', digest);
  if (label === parameters.size && number !== undefined) put('sizes', number);
  if (label === parameters.uri && text !== undefined) put('uris', text);
  if (label === parameters.source && number !== undefined) put('sources', Number(number));
  if (label === parameters.encryptionInfo) component.encrypted = true;

  function put<Key extends 'digests' | 'sizes' | 'uris' | 'sources'>(
    key: Key,
    value: Component[Key][number],
  ): void {
    if (override || component[key].length === 0) component[key] = [value] as Component[Key];
  }
}

function copied(component: Component): Component {
  return { ...component };
}

/** Alternatives beyond this are not kept apart. */
const mostAlternatives = 16;

function merged(ends: readonly Component[]): Component {
  const union = <T>(of: (component: Component) => readonly T[]): T[] =>
    [...new Set(ends.flatMap(of))].slice(0, mostAlternatives);
  return {
    digests: union(({ digests }) => digests),
    sizes: union(({ sizes }) => sizes),
    uris: union(({ uris }) => uris),
    sources: union(({ sources }) => sources),
    payloads: union(({ payloads }) => payloads),
    encrypted: ends.some(({ encrypted }) => encrypted),
  };
}
