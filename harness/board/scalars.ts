/** The tags and the `${ENV}` references of a board file: what its strings become. */

import path from 'node:path';
import { substitute, type Environment } from './environment.ts';
import { FromRef, fromRefPattern } from './from-ref.ts';
import { pathText, type KeyPath } from './problem.ts';
import { holdsSecret, readSecretFile, withoutFinalNewline, type Secret } from './secrets.ts';
import type { ScalarReader } from './yaml-source.ts';

/** A value that came from the environment, for the record; the value of a secret is left out. */
export interface EnvironmentUse {
  name: string;
  path: KeyPath;
  value?: string;
}

/** By its key, or because it stands under `keys:`. */
const isSecret = (at: KeyPath): boolean =>
  holdsSecret(at.at(-1)) || (at[0] === 'keys' && at.at(-1) !== 'encoding');

/** Where a scalar stands. */
interface Place {
  /** Path in the board. */
  at: KeyPath;
  fail: (message: string) => void;
  /** Of the file in which it stands. */
  directory: string;
}

/** Reads the scalars of one board and remembers what came from outside. */
export class BoardScalars implements ScalarReader {
  readonly tags = ['!secret', '!from'];
  readonly secrets: Secret[] = [];
  readonly fromEnvironment: EnvironmentUse[] = [];
  readonly warnings: { path: KeyPath; message: string }[] = [];
  readonly #directory: string;
  readonly #env: Environment;

  /** @param directory of the board file; relative paths start there */
  constructor(directory: string, env: Environment) {
    this.#directory = directory;
    this.#env = env;
  }

  read(tag: string | undefined, value: unknown, at: KeyPath, fail: (message: string) => void): unknown {
    return this.#read(tag, value, { at, fail, directory: this.#directory });
  }

  /** Reads a file whose content stands at a path of the board: relative paths in it start at its own folder. */
  within(directory: string, base: KeyPath): ScalarReader {
    return {
      tags: this.tags,
      read: (tag, value, at, fail) => this.#read(tag, value, { at: [...base, ...at], fail, directory }),
    };
  }

  #read(tag: string | undefined, value: unknown, { at, fail, directory }: Place): unknown {
    if (typeof value !== 'string') {
      if (tag !== undefined) fail(`${tag} needs a text behind it`);
      return value;
    }
    const replaced = substitute(value, this.#env);
    if (replaced.malformed) fail('${…} needs a variable’s name; write $${ for a literal ${');
    for (const name of replaced.missing) {
      fail(`the environment variable ${name} is not set; set it, or write \${${name}:-default}`);
    }
    if (tag === '!from') return this.#reference(replaced.text, fail);
    if (tag === '!secret') return this.#secretFile(replaced.text, { at, fail, directory });
    if (replaced.used.length > 0) this.#fromEnvironment(replaced.used, replaced.text, at);
    else if (isSecret(at)) this.#literalSecret(replaced.text, at);
    return replaced.text;
  }

  #reference(text: string, fail: (message: string) => void): FromRef | undefined {
    if (fromRefPattern.test(text)) return new FromRef(text);
    fail(`!from needs wire.key (a wire’s name and a value that it provides), found ${text}`);
    return undefined;
  }

  #secretFile(text: string, { at, fail, directory }: Place): string | undefined {
    const file = path.resolve(directory, text);
    try {
      const { bytes, warning } = readSecretFile(file);
      if (warning !== undefined) this.warnings.push({ path: at, message: warning });
      const value = withoutFinalNewline(Buffer.from(bytes).toString('utf8'));
      if (value === '') fail(`the secret file ${file} is empty`);
      this.#keep({ name: pathText(at), value, bytes });
      return value;
    } catch (error) {
      fail(`cannot read the secret file ${file}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #fromEnvironment(used: readonly string[], value: string, at: KeyPath): void {
    const secret = isSecret(at);
    if (secret) this.#keep({ name: pathText(at), value, bytes: Buffer.from(value, 'utf8') });
    for (const name of used) this.fromEnvironment.push({ name, path: at, ...(secret ? {} : { value }) });
  }

  /** A password in the file itself: it works, and is kept out of the record, but the file is not the place for it. */
  #literalSecret(value: string, at: KeyPath): void {
    this.#keep({ name: pathText(at), value, bytes: Buffer.from(value, 'utf8') });
  }

  #keep(secret: Secret): void {
    this.secrets.push(secret);
    if (secret.value.length < 4) {
      const message = 'a secret of fewer than 4 characters cannot be kept out of the record';
      this.warnings.push({ path: secret.name.split('.'), message });
    }
  }
}
