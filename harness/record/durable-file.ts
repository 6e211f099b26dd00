/** Files that evidence rests on: appended, synced, and loud when the disk says no. */

import { closeSync, fsync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { EvidenceError } from '../errors.ts';

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'Free space on that disk, then continue the run with --resume.',
  EDQUOT: 'Raise the quota or free space, then continue the run with --resume.',
  EACCES: 'Make the folder writable for this user, or choose another one.',
  EPERM: 'Make the folder writable for this user, or choose another one.',
  EFBIG: 'The file may grow no further: raise the limit (ulimit -f), then continue the run with --resume.',
  EROFS: 'The file system is read-only: choose a folder on another one.',
  EEXIST: 'A run is recorded there already: choose a new folder, or continue it with --resume.',
  ENOTDIR: 'A part of that path is a file: choose another folder.',
  EIO: 'The disk reports a hardware fault: do not trust it with evidence.',
};

/** What a failed file operation is to the person who runs the bench. */
export function fileTrouble(doing: string, path: string, cause: unknown): EvidenceError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown';
  return new EvidenceError('cannot-write', `cannot ${doing} ${path} (${code})`, {
    data: { path, code },
    hint: hints[code] ?? 'Check the disk and the rights of the run folder.',
    cause,
  });
}

function guarded<T>(doing: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileTrouble(doing, path, cause);
  }
}

/** A file that only grows. Writing is synchronous; `sync` returns when the disk has it. */
export class AppendFile {
  readonly path: string;
  readonly #fd: number;
  #open = true;
  #synced = true;

  /**
   * @param flags `ax` for a file that must be new, `a` for one that goes on
   * @throws EvidenceError with the next step
   */
  constructor(path: string, flags: 'ax' | 'a') {
    this.path = path;
    this.#fd = guarded('open', path, () => openSync(path, flags, 0o644));
  }

  append(bytes: Uint8Array): void {
    this.#synced = false;
    guarded('write', this.path, () => {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
    });
  }

  sync(): void {
    if (this.#synced) return;
    guarded('sync', this.path, () => fsyncSync(this.#fd));
    this.#synced = true;
  }

  /** As {@link sync}, without keeping anybody waiting; fails when the file was closed meanwhile. */
  syncLater(): Promise<void> {
    return new Promise((done, fail) => {
      fsync(this.#fd, (cause) => {
        if (cause === null) done();
        else fail(fileTrouble('sync', this.path, cause));
      });
    });
  }

  /** Safe twice. Does not sync. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

/** Makes a folder with all above it. */
export function makeFolder(path: string, mode = 0o755): void {
  guarded('make the folder', path, () => mkdirSync(path, { recursive: true, mode }));
}

/** After this a new name in the folder survives a power loss. */
export function syncFolder(path: string): void {
  guarded('sync the folder', path, () => {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** Writes a file so that it is there whole, or not at all. */
export function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): void {
  guarded('write', path, () => {
    const fd = openSync(`${path}.new`, 'w', mode);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${path}.new`, path);
  });
  syncFolder(dirname(path));
}
