/** The folder that attack images are written into: each with its provenance, and an index of them all. */

import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError, UsageError } from '../../errors.ts';
import { pieces, type ByteSource } from '../../image/byte-source.ts';
import { sha256Hex } from '../../image/digest.ts';
import type { AttackImage } from '../../image/generate.ts';
import { splitDetached } from '../../image/index.ts';
import { freeBytes } from '../disk-space.ts';
import { pathForPeople } from '../paths.ts';
import type { AttackRow } from './attacks.ts';
import { grouped } from './inspect-text.ts';

export interface WrittenFile {
  file: string;
  sha256: string;
}

export class AttackFolder {
  readonly #folder: string;

  /** @throws UsageError when the folder has something in it: nothing is ever overwritten */
  constructor(folder: string) {
    this.#folder = folder;
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new UsageError('folder-not-empty', `${folder} is not empty`, {
        hint: 'Name a new folder: nothing is overwritten.',
      });
    }
    try {
      // Not its parents: a mistyped path should say so.
      if (!existsSync(folder)) mkdirSync(folder);
    } catch (cause) {
      throw new EvidenceError('not-written', `cannot make the folder ${folder}`, {
        cause,
        hint: 'The folder that it is to lie in must be there.',
      });
    }
  }

  /**
   * Writes the image, piece by piece, and its provenance beside it; payload and signature as two files where the golden
   * one came as two.
   *
   * @throws EvidenceError when the disk is full, or when the golden image changed meanwhile
   */
  write(attack: AttackImage): WrittenFile[] {
    const { name, source, provenance, mutation, expectation } = attack;
    const about = {
      ...provenance,
      expectation,
      rationale: mutation.rationale,
      references: mutation.references,
    };
    const path = join(this.#folder, name);
    this.#text(`${path}.provenance.json`, about);
    this.#mustFit(source.size);
    const files = splitDetached(source);
    if (files === undefined) return [this.#file(path, source, attack.sha256)];
    return [
      this.#file(path, files.payload, sha256Hex(files.payload)),
      this.#file(`${path}.sig`, files.signature, sha256Hex(files.signature)),
    ];
  }

  /** The index of all. */
  finish(rows: readonly AttackRow[]): void {
    this.#text(join(this.#folder, 'attacks.json'), rows);
  }

  #mustFit(bytes: number): void {
    const free = freeBytes(this.#folder);
    if (free === undefined || free > bytes) return;
    throw new EvidenceError(
      'disk-full',
      `${grouped(free)} bytes are free in ${this.#folder}; the next image has ${grouped(bytes)}`,
      { hint: 'Choose attacks with --only, or name a folder on another disk.' },
    );
  }

  #file(path: string, source: ByteSource, made: string): WrittenFile {
    const sha256 = this.#bytes(path, source);
    if (sha256 === made) return { file: pathForPeople(path), sha256 };
    throw new EvidenceError(
      'other-digest',
      `${path}: written were bytes with SHA-256 ${sha256}, made were ${made}`,
      { hint: 'The golden image changed while it was read. Copy it, and try again with the copy.' },
    );
  }

  #bytes(path: string, source: ByteSource): string {
    const hash = createHash('sha256');
    try {
      const fd = openSync(path, 'wx');
      try {
        for (const piece of pieces(source)) {
          hash.update(piece);
          for (let done = 0; done < piece.length;) done += writeSync(fd, piece, done);
        }
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      if (cause instanceof EvidenceError) throw cause;
      throw new EvidenceError('not-written', `cannot write ${path}`, { cause });
    }
    return hash.digest('hex');
  }

  #text(path: string, value: unknown): void {
    try {
      writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { flag: 'wx' });
    } catch (cause) {
      throw new EvidenceError('not-written', `cannot write ${path}`, { cause });
    }
  }
}
