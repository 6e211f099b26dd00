/** Which run `--resume` means, and whether everything that it is bound to is still as it was. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EvidenceError, UsageError } from '../errors.ts';
import { readChain } from '../record/chain.ts';
import { continuationOf, type Continuation } from '../record/continuation.ts';
import { digestTwiceHex } from '../record/digest.ts';
import { recordFile, sealFile } from '../record/entry.ts';
import type { RunEvents } from '../record/events.ts';
import { signedUpTo } from '../record/signed-checkpoint.ts';
import { isSealed } from '../record/signed-seal.ts';
import type { Signer } from '../record/signing.ts';
import { readSalts } from '../record/salts.ts';
import { SecretGuard } from '../record/secrets.ts';
import { bindings } from './run-opening.ts';
import { inputFiles } from './run-inputs.ts';
import type { Prepared } from './prepare.ts';
import type { SessionOptions } from './session.ts';

/** A run that was interrupted. */
export interface UnfinishedRun {
  dir: string;
  continuation: Continuation;
}

/**
 * The run in a folder.
 *
 * @throws EvidenceError when it cannot go on: it is complete, or never began
 */
export function unfinishedRun(dir: string): UnfinishedRun {
  const { entries } = readChain(dir);
  if (isSealed(dir, entries))
    throw cannot(dir, 'it is closed and sealed: there is nothing to go on with', 'Start a new run.');
  const continuation = continuationOf(entries);
  if (continuation !== undefined) return { dir, continuation };
  throw cannot(dir, 'it was interrupted before its first entry was written', 'Start a new run.');
}

/**
 * The run as far as the bench's key vouches for it: what stands behind that is not decided.
 *
 * @throws EvidenceError when the key does not vouch for it
 */
export function signedRun({ dir }: UnfinishedRun, signer: Signer | undefined): UnfinishedRun {
  const { entries } = readChain(dir);
  const continuation = continuationOf(entries, signedUpTo(dir, entries, signer));
  if (continuation !== undefined) return { dir, continuation };
  throw cannot(dir, 'it was interrupted before its first entry was written', 'Start a new run.');
}

/**
 * The newest unfinished run of a board.
 *
 * @param board its name
 * @throws UsageError when there is none
 */
export function newestUnfinishedRun(outDir: string, board: string): UnfinishedRun {
  for (const name of runFolders(outDir)) {
    const dir = join(outDir, name);
    if (existsSync(join(dir, sealFile))) continue;
    const continuation = continuationOf(readChain(dir).entries);
    if (continuation?.header.board.name === board) return { dir, continuation };
  }
  throw new UsageError('nothing-to-resume', `there is no unfinished run of ${board} in ${outDir}`, {
    hint: 'Name the folder of a run behind --resume, its place with --out, or start a new run.',
  });
}

/** Folders with a record, newest first: their names begin with the time. */
function runFolders(outDir: string): string[] {
  if (!existsSync(outDir)) return [];
  return readdirSync(outDir)
    .filter((name) => /^\d{8}T\d{6}Z-/.test(name) && existsSync(join(outDir, name, recordFile)))
    .sort()
    .reverse();
}

/** The folder that a person means: a path, or a name in the folder of the runs. */
export function runFolderOf(said: string, outDir: string): string {
  const [path, named] = [resolve(said), join(outDir, said)];
  return !isFolder(path) && isFolder(named) ? named : path;
}

export function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/**
 * Nothing may be different from what the first entry binds the run to.
 *
 * @param options as the command line gives them, and as the record does where it says nothing
 * @throws EvidenceError naming each difference
 */
export function mustBeTheSame(
  { dir, continuation: { header } }: UnfinishedRun,
  prepared: Prepared,
  options: Omit<SessionOptions, 'plan' | 'progress'>,
): void {
  const now = { ...bindings(prepared, options), images: imagesOf(prepared) };
  const different = [
    ...difference('board', header.board.name, now.board.name),
    ...difference('board file', header.board.sha256, now.board.sha256),
    ...difference('declaration', header.declaration.sha256, now.declaration.sha256),
    ...difference('catalogue', catalogueText(header), catalogueText(now)),
    ...difference('harness', header.harness, now.harness),
    ...difference('code of the harness', header.build, now.build),
    ...difference('Node', header.node, now.node),
    ...difference('platform', header.platform, now.platform),
    ...difference('key of the bench', header.benchKey, now.benchKey),
    ...difference('selected cases', list(header.selected), list(now.selected)),
    ...difference('cases left out', list(header.leftOut), list(now.leftOut)),
    ...difference('depth', header.depth, now.depth),
    ...difference('ways in', header.everyIngress ? 'all' : 'primary', now.everyIngress ? 'all' : 'primary'),
    ...difference('power cuts of a sweep', String(header.cuts), String(now.cuts)),
    ...difference('defects', list(header.defects), list(now.defects)),
    ...imageDifferences(header.images, now.images),
    ...inputDifferences(dir, header, prepared),
  ];
  if (different.length === 0) return;
  const said = ['something is not as it was when it began:', ...different.map((line) => `  ${line}`)].join(
    '\n',
  );
  throw cannot(dir, said, 'Put it back as it was, or start a new run.');
}

type Bound = Pick<RunEvents['run-opened'], 'catalogue'>;

const list = (items: readonly string[]): string => items.join(' ') || 'none';
const catalogueText = ({ catalogue }: Bound): string => `${catalogue.version} ${catalogue.sha256}`;

function difference(what: string, was: string | undefined, is: string | undefined): string[] {
  return was === is ? [] : [`${what}: was ${was ?? 'not recorded'}, is ${is ?? 'gone'}`];
}

function imagesOf({ board }: Prepared): { name: string; sha256: string }[] {
  return Object.entries(board.images).flatMap(([name, image]) =>
    image === undefined || Array.isArray(image)
      ? []
      : [{ name, sha256: (image as { sha256: string }).sha256 }],
  );
}

type Named = readonly { name: string; sha256: string }[];

function imageDifferences(before: Named, now: Named): string[] {
  const names = new Set([...before, ...now].map(({ name }) => name));
  const digest = (images: Named, name: string) => images.find((each) => each.name === name)?.sha256;
  return [...names].flatMap((name) => difference(`image ${name}`, digest(before, name), digest(now, name)));
}

/** Inputs that no other digest covers: environment, profile. The record has them with their secrets blanked. */
function inputDifferences(dir: string, header: RunEvents['run-opened'], prepared: Prepared): string[] {
  const guard = new SecretGuard(prepared.loaded.secrets, readSalts(dir));
  const now = inputFiles(prepared).map(({ name, text }) => ({
    name,
    sha256: digestTwiceHex(Buffer.from(guard.text(text), 'utf8')),
  }));
  const before = (header.inputs ?? []).filter(({ name }) => name !== 'plan.json');
  const covered = /^(board|declaration)\.yaml$|^catalogue\//;
  const names = new Set([...before, ...now].map(({ name }) => name).filter((name) => !covered.test(name)));
  const digest = (inputs: Named, name: string) => inputs.find((each) => each.name === name)?.sha256;
  return [...names].flatMap((name) => difference(name, digest(before, name), digest(now, name)));
}

function cannot(dir: string, why: string, hint: string): EvidenceError {
  return new EvidenceError('cannot-resume', `the run in ${dir} cannot go on: ${why}`, { hint });
}
