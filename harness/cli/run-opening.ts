/** What a run is made of before its first wire is opened: its name, the first entry of its record, its images. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { BoardFile, Declaration } from '../board/index.ts';
import type { FirmwareImage } from '../capabilities.ts';
import { explain, NotExecuted } from '../errors.ts';
import { digestTwiceHex } from '../record/digest.ts';
import type { RunEvents } from '../record/events.ts';
import { RunRecord } from '../record/record.ts';
import { startOfRun } from '../record/run-model.ts';
import { buildDigest } from './build-digest.ts';
import { version } from './paths.ts';
import { noteBoardFile } from './board-of-run.ts';
import { inputFiles, planInput } from './run-inputs.ts';
import type { Prepared } from './prepare.ts';
import type { Resumption, SessionOptions } from './session.ts';

/** The record of a new run, or of the one that goes on. */
export function recordOf(prepared: Prepared, { outDir, resume, signer }: SessionOptions): RunRecord {
  const { secrets } = prepared.loaded;
  if (resume !== undefined) return RunRecord.resume({ dir: resume.dir, secrets, signer });
  const runId = `${stamp()}-${prepared.board.board}`;
  const record = RunRecord.open({ dir: join(outDir, runId), runId, secrets, signer });
  noteBoardFile(record.dir, prepared.sources.file);
  return record;
}

/** Binds a new record: inputs and images are kept, and the first entry is written. */
export function openRecord(
  record: RunRecord,
  prepared: Prepared,
  options: SessionOptions,
  seed: string,
): void {
  const inputs = [...inputFiles(prepared), planInput(options.plan)].map(({ name, text, mediaType }) =>
    record.keepText(name, text, mediaType),
  );
  const images = [...readImages(prepared.board)].map(([name, { sha256, bytes }]) =>
    record.keepImage({ name, sha256, bytes }),
  );
  const { runId } = record;
  record.append('run-opened', { ...bindings(prepared, options), runId, images, inputs, seed });
}

/** The second half of a record: what goes on, and who agreed to what may cost the device. */
export function resumeRecord(
  record: RunRecord,
  { command, harmAccepted }: SessionOptions,
  { continuation }: Resumption,
): void {
  const { decided, again, lastUtc } = continuation;
  record.append('run-resumed', {
    command,
    decided: [...decided.keys()],
    again,
    gapMs: Math.max(0, Date.now() - Date.parse(lastUtc)),
    ...(harmAccepted === undefined ? {} : { harmAccepted }),
  });
}

/** What a run is bound to: a run that goes on must find all of it as it was. */
export function bindings(
  { board, sources, declaration, declarationSha256, catalogue, loaded, known }: Prepared,
  options: Omit<SessionOptions, 'plan' | 'progress'>,
): Omit<RunEvents['run-opened'], 'runId' | 'images' | 'inputs' | 'seed'> {
  return {
    harness: `fieldproof ${version()}`,
    build: buildDigest(),
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
    declaration: { file: relative(sources.directory, board.declaration), sha256: declarationSha256 },
    device: declaration.device as Readonly<Record<string, string>>,
    command: options.command,
    defects: options.defects,
    selected: options.selected.map(({ id }) => id),
    depth: options.depth,
    everyIngress: options.everyIngress,
    cuts: options.cuts,
    leftOut: options.leftOut.map(({ id }) => id),
    ...(known === undefined ? {} : { known }),
    ...(options.signer === undefined ? {} : { benchKey: options.signer.fingerprint }),
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

/**
 * Why the run could not start, or not go on; a record that cannot be written any more has told its own trouble.
 *
 * @param resumed a run that goes on may have decided some cases already: it is not said that it never started
 */
export function noteFailure(record: RunRecord | undefined, error: unknown, resumed: boolean): void {
  if (error instanceof NotExecuted) return; // the operator ended it; the record's close says so
  try {
    const action = resumed ? 'start of the resumed run' : startOfRun;
    record?.append('bench', { action, ok: false, detail: explain(error) });
  } catch {
    // The first error is the one to be told.
  }
}

/** @throws EvidenceError when the disk fails */
export function leaveRecordOpen(record: RunRecord, reason: string): void {
  record.append('bench', {
    action: 'run interrupted',
    ok: false,
    detail: `${reason}; its record stays open: continue it with --resume`,
  });
  record.checkpoint();
  record.abandon();
}
