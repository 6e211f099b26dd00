/** What a run is made of before its first wire is opened: its name, the first entry of its record, its images. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import type { BoardFile, Declaration } from '../board/index.ts';
import type { FirmwareImage } from '../capabilities.ts';
import { explain, NotExecuted } from '../errors.ts';
import { digestTwiceHex } from '../record/digest.ts';
import type { RunEvents } from '../record/events.ts';
import type { RunRecord } from '../record/record.ts';
import { startOfRun } from '../record/run-model.ts';
import { version } from './paths.ts';
import type { Prepared, SessionOptions } from './session.ts';

/** The first entry: what is tested, by what, with which inputs. */
export function opening(
  prepared: Prepared,
  options: SessionOptions,
  { runId, seed }: { runId: string; seed: string },
): RunEvents['run-opened'] {
  const { board, sources, declaration, catalogue, loaded } = prepared;
  const images = Object.entries(board.images).flatMap(([name, image]) =>
    image === undefined || Array.isArray(image)
      ? []
      : [{ name, sha256: (image as { sha256: string }).sha256 }],
  );
  return {
    runId,
    harness: `fieldproof ${version()}`,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    catalogue: { version: catalogue.version, sha256: catalogue.sha256 },
    board: {
      name: board.board,
      title: board.title,
      file: basename(sources.file),
      sha256: loaded.sha256,
      ...(loaded.profile === undefined
        ? {}
        : {
            profile: {
              file: relative(sources.directory, loaded.profile.file),
              sha256: loaded.profile.sha256,
            },
          }),
    },
    declaration: { file: relative(sources.directory, board.declaration), sha256: prepared.declarationSha256 },
    device: declaration.device as Readonly<Record<string, string>>,
    images,
    command: options.command,
    defects: options.defects,
    selected: options.selected.map(({ id }) => id),
    depth: options.depth,
    everyIngress: options.everyIngress,
    cuts: options.cuts,
    seed,
    leftOut: options.leftOut.map(({ id }) => id),
    ...(options.harmAccepted === undefined ? {} : { harmAccepted: options.harmAccepted }),
  };
}

/** The images of the board file by their role, but for the series. */
export function readImages(board: BoardFile): ReadonlyMap<string, FirmwareImage> {
  const images = new Map<string, FirmwareImage>();
  for (const [name, image] of Object.entries(board.images)) {
    if (image === undefined || Array.isArray(image)) continue;
    images.set(name, readImage(name, (image as { path: string }).path));
  }
  return images;
}

/** The stock of ever newer images that is still unused: the newest ones, for the oldest were installed first. */
export function readSeries({ images }: BoardFile, { controls }: Declaration): FirmwareImage[] {
  const listed = (images.series ?? []).map((image, index) => ({ name: `series ${index + 1}`, ...image }));
  const left = controls?.way === 'series' ? controls.left : listed.length;
  return listed.slice(Math.max(0, listed.length - left)).map(({ name, path }) => readImage(name, path));
}

/** @param name for messages and the record */
export function readImage(name: string, path: string): FirmwareImage {
  const bytes = readFileSync(path);
  return { name: `${name} (${basename(path)})`, bytes, sha256: digestTwiceHex(bytes) };
}

/** `20261122T081530Z`, and a few random letters so that two runs of one second do not meet. */
export function stamp(): string {
  const now = new Date().toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${now}-${randomBytes(2).toString('hex')}`;
}

/** Why the run could not start; a record that cannot be written any more has told its own trouble. */
export function noteFailure(record: RunRecord | undefined, error: unknown): void {
  if (error instanceof NotExecuted) return; // the operator ended it; the record's close says so
  try {
    record?.append('bench', { action: startOfRun, ok: false, detail: explain(error) });
  } catch {
    // The first error is the one to be told.
  }
}
