/** One more signature on the statements of a package; everything else in it stays as it is, byte for byte. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EvidenceError } from '../../harness/errors.ts';
import { envelopeText, withSignatures, type Envelope } from '../../harness/record/dsse.ts';
import type { Signer } from '../../harness/record/signing.ts';
import { keysFolder, statementsFolder } from './manifest.ts';
import { blockBytes, paddingAfter, tarHeader, trailerBytes, writeTar, type TarEntry } from './tar.ts';

/** Entries before the files of the manifest are small; a larger one is no package of ours. */
const maxFrontBytes = 64 * 1024 * 1024;

/**
 * Signs a package as another person. What it says is not looked into: verify it first.
 *
 * @param path of the package; it is replaced whole, or left as it is
 * @throws EvidenceError when the file is not a package
 */
export function addSignature(path: string, signer: Signer): void {
  const { front, rest } = readPackage(path);
  const statements = front.filter((entry) => entry.path.startsWith(`${statementsFolder}/`));
  if (front[0]?.path !== 'manifest.json' || statements.length === 0) throw noPackage(path);
  const keyPath = `${keysFolder}/${signer.fingerprint}.pem`;
  const keys = front.filter((entry) => entry.path.startsWith(`${keysFolder}/`) && entry.path !== keyPath);
  const key = inMemory(keyPath, Buffer.from(signer.publicPem, 'utf8'));
  writeTar(path, [
    front[0],
    ...[...keys, key].sort((a, b) => (a.path < b.path ? -1 : 1)),
    ...statements.map((entry) => inMemory(entry.path, signedAgain(entry, signer))),
    ...rest,
  ]);
}

interface FrontEntry extends TarEntry {
  content: { bytes: Buffer };
}

function inMemory(path: string, bytes: Buffer): FrontEntry {
  return { path, bytes: bytes.length, content: { bytes } };
}

function signedAgain({ content }: FrontEntry, signer: Signer): Buffer {
  const signed = JSON.parse(content.bytes.toString('utf8')) as Envelope;
  return Buffer.from(envelopeText(withSignatures(signed, [signer])), 'utf8');
}

/** The entries at its beginning in memory; those after them as parts of the file. */
function readPackage(path: string): { front: FrontEntry[]; rest: TarEntry[] } {
  const fd = openSync(path, 'r');
  try {
    const front: FrontEntry[] = [];
    const rest: TarEntry[] = [];
    const end = fstatSync(fd).size - trailerBytes;
    for (let at = 0; at < end;) {
      const entry = headerAt(fd, at, path);
      const from = at + blockBytes;
      at = from + entry.bytes + paddingAfter(entry.bytes);
      if (at > end) throw noPackage(path);
      if (isFront(entry.path) && entry.bytes <= maxFrontBytes)
        front.push(inMemory(entry.path, readAt(fd, from, entry.bytes)));
      else rest.push({ ...entry, content: { file: path, from } });
    }
    return { front, rest };
  } finally {
    closeSync(fd);
  }
}

function isFront(path: string): boolean {
  return (
    path === 'manifest.json' || path.startsWith(`${keysFolder}/`) || path.startsWith(`${statementsFolder}/`)
  );
}

function headerAt(fd: number, at: number, path: string): { path: string; bytes: number } {
  const header = readAt(fd, at, blockBytes);
  const text = (from: number, to: number) => header.toString('latin1', from, to).split('\0')[0] ?? '';
  const prefix = text(345, 500);
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const bytes = Number.parseInt(text(124, 136), 8);
  if (!Number.isSafeInteger(bytes) || name === '' || !tarHeader(name, bytes).equals(header))
    throw noPackage(path);
  return { path: name, bytes };
}

function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return bytes;
}

function noPackage(path: string): EvidenceError {
  return new EvidenceError('not-a-package', `${path} is not an evidence package`, {
    hint: 'Name a file that `fieldproof package` has made; `fieldproof verify` says what is wrong with it.',
  });
}
