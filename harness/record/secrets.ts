/** Passwords and keys stay out of the record: commitments take their place, in text and in wire bytes. */

import { createHash, randomBytes } from 'node:crypto';
import { EvidenceError } from '../errors.ts';
import type { SecretCommitment } from './entry.ts';

/** Something that must never be written: a password, a private key, a session key. */
export interface Secret {
  /** The name by which the record speaks of it. */
  name: string;
  bytes: Uint8Array;
}

/** Anything shorter would be found in every other frame by chance. */
export const minSecretBytes = 4;

/** How a secret may appear on a wire. */
export interface BytePattern {
  secret: SecretCommitment;
  rendering: 'raw' | 'hex' | 'base64';
  bytes: Buffer;
}

/** Structural members of a payload: closed vocabularies and digests, which no secret may deface. */
const untouched: ReadonlySet<string> = new Set(['verdict', 'sha256', 'runId', 'when', 'kind', 'commitment']);

/** Knows the secrets of one run, and replaces them. */
export class SecretGuard {
  readonly commitments: readonly SecretCommitment[];
  readonly patterns: readonly BytePattern[];
  /** Lower-case hex salt of 32 bytes by secret name; to be kept apart from the record. */
  readonly salts: Readonly<Record<string, string>>;
  readonly #texts: readonly { pattern: RegExp; marker: string }[];

  /**
   * @param salts those of an earlier part of the same run, by name; new ones are drawn for the others
   * @throws EvidenceError when a secret is too short to be told from chance, or a name is used twice
   */
  constructor(secrets: readonly Secret[], salts: Readonly<Record<string, string>> = {}) {
    checkSecrets(secrets);
    this.salts = Object.fromEntries(
      secrets.map(({ name }) => [name, salts[name] ?? randomBytes(32).toString('hex')]),
    );
    this.commitments = secrets.map((secret) => commit(secret, this.salts[secret.name] ?? ''));
    this.patterns = secrets.flatMap((secret, index) => bytePatterns(secret, this.commitments[index]));
    this.#texts = secrets.map((secret, index) => ({
      pattern: textPattern(Buffer.from(secret.bytes)),
      marker: marker(this.commitments[index]),
    }));
  }

  /** The text with every secret replaced by its marker, and without lone surrogates. */
  text(text: string): string {
    let clean = text.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const { pattern, marker } of this.#texts) clean = clean.replace(pattern, marker);
    return clean;
  }

  /** A copy of a JSON value with every string, and every name of a member, put through {@link text}. */
  value<T>(value: T): T {
    return this.#walk(value) as T;
  }

  #walk(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#walk(item));
    if (typeof value !== 'object' || value === null) return value;
    // Anything that is not a plain object goes through untouched and is refused by the canonical form.
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        this.text(name),
        untouched.has(name) ? member : this.#walk(member),
      ]),
    );
  }
}

function checkSecrets(secrets: readonly Secret[]): void {
  const names = new Set<string>();
  for (const { name, bytes } of secrets) {
    if (bytes.length < minSecretBytes) {
      throw new EvidenceError(
        'secret-too-short',
        `secret ${name} has ${bytes.length} bytes; at least ${minSecretBytes} are needed`,
        {
          hint: 'A shorter one would be found in ordinary traffic by chance: choose a longer secret for the bench.',
        },
      );
    }
    if (names.has(name)) throw new EvidenceError('secret-twice', `two secrets are named ${name}`);
    names.add(name);
  }
}

function commit({ name, bytes }: Secret, salt: string): SecretCommitment {
  const commitment = createHash('sha256').update(Buffer.from(salt, 'hex')).update(bytes).digest('hex');
  return { name, lengthBytes: bytes.length, commitment };
}

function marker(secret: SecretCommitment | undefined): string {
  // A `$` in a name must not be read as a replacement pattern.
  return `[secret ${secret?.name} ${secret?.commitment.slice(0, 16)}]`.replaceAll('$', '$$$$');
}

function bytePatterns({ bytes }: Secret, secret: SecretCommitment | undefined): BytePattern[] {
  if (secret === undefined) return [];
  const raw = Buffer.from(bytes);
  const hex = raw.toString('hex');
  // Without padding and without the last character, which depends on what follows unless the length is a multiple of 3.
  const base64 = raw.toString('base64').replace(/.?=+$/, '');
  const renderings: readonly (readonly [BytePattern['rendering'], Buffer])[] = [
    ['raw', raw],
    ['hex', Buffer.from(hex)],
    ['hex', Buffer.from(hex.toUpperCase())],
    ['base64', Buffer.from(base64)],
    ['base64', Buffer.from(base64.replaceAll('+', '-').replaceAll('/', '_'))],
  ];
  const unique = new Map(
    renderings.map(([rendering, pattern]) => [pattern.toString('latin1'), { rendering, pattern }]),
  );
  return [...unique.values()].map(({ rendering, pattern }) => ({ secret, rendering, bytes: pattern }));
}

// ---------------------------------------------------------------------------------------------------------------
// Renderings in text

/** One pattern for a secret as text, as hex with or without separators, and as base64 at any alignment. */
function textPattern(bytes: Buffer): RegExp {
  const alternatives = [
    ...new Set(
      [bytes.toString('utf8'), bytes.toString('latin1')]
        .filter((text) => !text.includes('\ufffd'))
        .map(escaped),
    ),
    hexPattern(bytes),
    ...[0, 1, 2].map((shift) => base64Pattern(bytes, shift)),
  ];
  return new RegExp(alternatives.sort((a, b) => b.length - a.length).join('|'), 'g');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function hexPattern(bytes: Buffer): string {
  const pairs = [...bytes].map((byte) =>
    [...byte.toString(16).padStart(2, '0')]
      .map((digit) => (/[a-f]/.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit))
      .join(''),
  );
  // "deadbeef", "de ad be ef", "de:ad:be:ef", "0xde, 0xad"
  return pairs.join('[\\s:,.\\-]{0,2}(?:0x)?');
}

/** The characters of base64 that depend on the secret alone when `shift` bytes stand before it in its group of three. */
function base64Pattern(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const mixedBefore = [0, 2, 3][shift] ?? 0;
  const mixedAfter = (shift + bytes.length) % 3 === 0 ? 0 : 1;
  const own = encoded.slice(mixedBefore, encoded.length - mixedAfter);
  const either = escaped(own.replaceAll('-', '+').replaceAll('_', '/'))
    .replaceAll('\\+', '[+\\-]')
    .replaceAll('\\/', '[/_]');
  // The character after them carries the secret's last bits together with what follows.
  return mixedAfter === 0 ? either : `${either}[A-Za-z0-9+/_\\-]?={0,2}`;
}
