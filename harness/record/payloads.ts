/**
 * What a stranger needs beside the record to repeat a run: the images that were sent and the inputs that it was made
 * with, each a file named by its digest, written once.
 *
 * A payload is on the disk before the entry that names it is written.
 */

import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import { strayFile, type Problem } from './chain.ts';
import { digestFile, digestTwiceHex } from './digest.ts';
import { makeFolder, writeWhole } from './durable-file.ts';
import { payloadFolder, type Entry } from './entry.ts';
import type { KeptImage, NamedDigest, StoredPayload } from './events.ts';
import type { SecretGuard } from './secrets.ts';

/** How much of images is kept. Inputs, which are small, always are. */
export interface PayloadLimits {
  /** Of one image. */
  imageBytes: number;
  /** Of all images of a run together. */
  runBytes: number;
}

/**
 * Firmware of a gateway or a field instrument with all its attack images fits; images of a whole Linux system do not,
 * and are known by their digest and by the note on how each was made.
 */
export const payloadLimits: PayloadLimits = { imageBytes: 16 * 2 ** 20, runBytes: 512 * 2 ** 20 };

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
const isDigest = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);
/** A file that {@link writeWhole} had begun and not finished. */
const isBegun = (name: string): boolean => /^[0-9a-f]{64}\.new$/.test(name);

/** The payloads of one run. One writer. */
export class PayloadStore {
  readonly #dir: string;
  readonly #guard: SecretGuard;
  readonly #limits: PayloadLimits;
  readonly #stored = new Set<string>();
  #imageBytes = 0;

  /** @param dir folder of the run; payloads that it holds already count */
  constructor(dir: string, guard: SecretGuard, limits: PayloadLimits = payloadLimits) {
    this.#dir = join(dir, payloadFolder);
    this.#guard = guard;
    this.#limits = limits;
    makeFolder(this.#dir);
    for (const name of readdirSync(this.#dir).filter(isDigest)) {
      this.#stored.add(name);
      this.#imageBytes += statSync(join(this.#dir, name)).size;
    }
  }

  /** Keeps a text with every secret replaced by its marker: its digest is that of what is kept. */
  keepText(name: string, text: string, mediaType: string): StoredPayload {
    const bytes = Buffer.from(this.#guard.text(text), 'utf8');
    const sha256 = digestTwiceHex(bytes);
    this.#put(sha256, bytes);
    return { name, sha256, bytes: bytes.length, mediaType };
  }

  /**
   * Keeps an image, or says why not.
   *
   * @throws EvidenceError when the image does not have the digest by which it is known
   */
  keepImage({ name, sha256, bytes }: NamedDigest & { bytes: Uint8Array }): KeptImage {
    if (this.#stored.has(sha256)) return { name, sha256, kept: true };
    const notKept = this.#whyNot(bytes);
    if (notKept !== undefined) return { name, sha256, kept: false, notKept };
    const found = digestTwiceHex(bytes);
    if (found !== sha256) {
      throw new EvidenceError('payload-digest', `${name} has digest ${found}, and is known by ${sha256}`, {
        hint: 'Its bytes were altered after they were digested: do not use this run as evidence.',
      });
    }
    this.#put(sha256, bytes);
    this.#imageBytes += bytes.length;
    return { name, sha256, kept: true };
  }

  #whyNot(bytes: Uint8Array): string | undefined {
    const { imageBytes, runBytes } = this.#limits;
    if (bytes.length > imageBytes)
      return `${bytes.length} bytes; images of up to ${mebibytes(imageBytes)} are kept`;
    if (this.#imageBytes + bytes.length > runBytes)
      return `the ${mebibytes(runBytes)} that are kept of one run are used up`;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const held = this.#guard.patterns.find((pattern) => view.includes(pattern.bytes));
    return held === undefined ? undefined : `it holds the secret ${held.secret.name}`;
  }

  #put(sha256: string, bytes: Uint8Array): void {
    if (this.#stored.has(sha256)) return;
    writeWhole(join(this.#dir, sha256), bytes);
    this.#stored.add(sha256);
  }
}

/** A payload that the record names; `bytes` where it says how many. */
export interface NamedPayload extends NamedDigest {
  bytes?: number;
}

/** Payloads that the record says are kept, each once, in the order in which it names them. */
export function payloadsOf(entries: readonly Entry[]): NamedPayload[] {
  const named = new Map<string, NamedPayload>();
  for (const payload of entries.flatMap(namedBy)) {
    if (!named.has(payload.sha256)) named.set(payload.sha256, payload);
  }
  return [...named.values()];
}

function namedBy({ kind, payload }: Entry): readonly NamedPayload[] {
  const kept = (images: readonly KeptImage[]): readonly KeptImage[] => images.filter((image) => image.kept);
  if (kind === 'run-opened') return [...(payload.inputs ?? []), ...kept(payload.images)];
  if (kind === 'stimulus') return payload.image === undefined ? [] : kept([payload.image]);
  return kind === 'record-resumed' ? (payload.payloads ?? []) : [];
}

/** What is missing or altered, and what the record does not name. */
export function payloadProblems(dir: string, entries: readonly Entry[]): Problem[] {
  const named = payloadsOf(entries);
  const known = new Set(named.map(({ sha256 }) => sha256));
  const closed = entries.some(({ kind }) => kind === 'record-closed');
  return [
    ...named.flatMap((payload) => problemOf(dir, payload)),
    ...filesOf(dir)
      .filter((name) => !known.has(name))
      .flatMap((name) => strangerProblem(dir, name, closed)),
  ];
}

/**
 * Payloads that were stored before an interruption kept the entry that names them from being written. What was begun
 * and not finished is taken away.
 */
export function unnamedPayloads(dir: string, entries: readonly Entry[]): NamedDigest[] {
  const known = new Set(payloadsOf(entries).map(({ sha256 }) => sha256));
  for (const name of filesOf(dir).filter(isBegun)) rmSync(join(dir, payloadFolder, name));
  return filesOf(dir)
    .filter((name) => isDigest(name) && !known.has(name))
    .map((sha256) => ({ name: 'stored before the interruption', sha256 }));
}

function problemOf(dir: string, { name, sha256, bytes }: NamedPayload): Problem[] {
  const where = `${payloadFolder}/${sha256}`;
  const path = join(dir, where);
  if (!isDigest(sha256) || !existsSync(path))
    return [{ code: 'payload-missing', where, message: `${name} is named in the chain and is gone` }];
  const size = statSync(path).size;
  if (bytes !== undefined && size !== bytes) {
    const message = `${name} has ${size} bytes, the chain says ${bytes}`;
    return [{ code: 'payload-altered', where, message }];
  }
  const found = digestFile(path, 0).sha256;
  if (found === sha256) return [];
  return [{ code: 'payload-altered', where, message: `${name} was altered: its SHA-256 is ${found}` }];
}

function strangerProblem(dir: string, name: string, closed: boolean): Problem[] {
  const where = `${payloadFolder}/${name}`;
  if (!closed && isBegun(name)) return [];
  if (closed || !isDigest(name)) return [strayFile('payload-foreign', where)];
  return problemOf(dir, { name: 'a payload', sha256: name });
}

function filesOf(dir: string): string[] {
  const folder = join(dir, payloadFolder);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
