/** The folder that attack images are written into: each with its provenance, and an index of them all. */

import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError, UsageError } from '../../errors.ts';
import { pieces } from '../../image/byte-source.ts';
import type { AttackImage } from '../../image/generate.ts';
import { freeBytes } from '../disk-space.ts';
import { pathForPeople } from '../paths.ts';
import type { AttackRow } from './attacks.ts';
import { grouped } from './inspect-text.ts';

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
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new EvidenceError('not-written', `cannot make the folder ${folder}`, { cause });
    }
  }

  /**
   * Writes the image, piece by piece, and its provenance beside it.
   *
   * @throws EvidenceError when the disk is full, or when the golden image changed meanwhile
   */
  write(attack: AttackImage): string {
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
    const sha256 = this.#bytes(path, attack);
    if (sha256 !== attack.sha256) {
      throw new EvidenceError(
        'other-digest',
        `${path}: written were bytes with SHA-256 ${sha256}, made were ${attack.sha256}`,
        { hint: 'The golden image changed while it was read. Copy it, and try again with the copy.' },
      );
    }
    return pathForPeople(path);
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

  #bytes(path: string, { source }: AttackImage): string {
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
