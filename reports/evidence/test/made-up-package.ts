/** A small package of a run that never happened, and the tools to take one apart and put it together again. */

import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Catalogue } from '../../../harness/catalogue/index.ts';
import { hashOf, type Entry } from '../../../harness/record/entry.ts';
import { canonicalize } from '../../../harness/record/jcs.ts';
import { writeMadeUpRun } from '../../../harness/record/made-up-run.ts';
import { modelOf } from '../../../harness/record/run-model.ts';
import { merkleRoot } from '../../../harness/record/digest.ts';
import { writeSignedSeal } from '../../../harness/record/signed-seal.ts';
import { signerOf, type Signer } from '../../../harness/record/signing.ts';
import { makePackage } from '../package.ts';
import type { MakeParts } from '../part.ts';
import { payloadParts, recordParts } from '../run-parts.ts';
import { paddingAfter, tarHeader, trailerBytes } from '../tar.ts';

export interface Finding {
  code: string;
  where: string;
  message: string;
  next: string;
}

/** What the verifier says; see `verifier/verify.mjs`. */
export interface Verification {
  exitCode: number;
  verdict?: string;
  problems: Finding[];
  checked: string[];
  notChecked: { what: string; why: string }[];
  withheld: { path: string; bytes: number }[];
  signers: { fingerprint: string; expected: boolean; signed: string[] }[];
}

interface Verifier {
  verifyPackage: (path: string, keys?: readonly string[]) => Verification;
  main: (args: readonly string[], out?: Sink, err?: Sink) => number;
}
interface Sink {
  write(text: string): unknown;
}

export const verifierPath: URL = new URL('../verifier/verify.mjs', import.meta.url);
export const { verifyPackage, main: verifierMain } = (await import(verifierPath.href)) as Verifier;

export function newSigner(): Signer {
  return signerOf(generateKeyPairSync('ed25519').privateKey, 'a key of the test');
}

/** Knows one case of the made-up run. */
export const madeUpCatalogue = new Catalogue({
  name: 'made up',
  version: '2026.1',
  sha256: 'a'.repeat(64),
  cases: [
    {
      id: 'SIG-02',
      suite: 'signature-rejection',
      title: 'rejects an image altered after signing',
      severity: 'critical',
      inputs: [],
      source: 'nowhere',
      requirements: ['FP-SIG-1', 'FP-SIG-2'],
      built: true,
    },
  ],
  requirements: [],
  claims: [],
  documents: {},
  ledger: [],
  files: [],
});

/** Two small parts beside those of the record; one of them tells what is on the wire. */
export const smallParts: MakeParts = () => [
  {
    path: 'notes/a rather long folder name so that the path does not fit into one field of the header/transcript of all.txt',
    mediaType: 'text/plain',
    about: 'Shows a path with a prefix.',
    content: { bytes: Buffer.from('sent: login\n') },
    repeats: ['wire'],
  },
  { path: 'empty', mediaType: 'text/plain', about: 'Nothing.', content: { bytes: Buffer.alloc(0) } },
];

export const makers: readonly MakeParts[] = [recordParts, payloadParts, smallParts];

/** A folder that a test has for itself. */
export function scratch(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-package-'));
  return {
    path: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface PackSettings {
  signers: readonly Signer[];
  redact?: readonly string[];
  makers?: readonly MakeParts[];
}

/** @returns the package's path */
export async function pack(runDir: string, file: string, settings: PackSettings): Promise<string> {
  // As the record is, not as it should be: some of these runs are rewritten.
  const entries = linesOf(runDir).map((line) => JSON.parse(line) as Entry);
  const source = { runDir, model: modelOf(entries), catalogue: madeUpCatalogue };
  await makePackage(source, { file, makers, ...settings });
  return file;
}

export async function madeUpPackage(runDir: string, file: string, signer: Signer): Promise<string> {
  writeMadeUpRun(runDir, { signer });
  return pack(runDir, file, { signers: [signer] });
}

function linesOf(runDir: string): string[] {
  return readFileSync(join(runDir, 'record.jsonl'), 'utf8').trimEnd().split('\n');
}

/**
 * Rewrites a run whole, as somebody would who has our code and another key: new hashes, new root, new seal.
 *
 * @param edit changes the text of an entry, or gives undefined to drop it
 * @param sign false as somebody would who has no key
 */
export function rewriteRun(
  from: string,
  to: string,
  signer: Signer,
  edit: (line: string) => string | undefined,
  { sign = true } = {},
): void {
  cpSync(from, to, { recursive: true });
  const leaves: Uint8Array[] = [];
  const lines: string[] = [];
  let last: Entry | undefined;
  for (const line of linesOf(from)) {
    const edited = edit(line);
    if (edited === undefined) continue;
    const entry = JSON.parse(edited) as Entry;
    entry.seq = lines.length;
    entry.prev = last?.hash ?? '0'.repeat(64);
    if (entry.kind === 'run-opened' && sign) entry.payload.benchKey = signer.fingerprint;
    if (entry.kind === 'record-closed')
      entry.payload = { ...entry.payload, count: leaves.length, root: hex(merkleRoot(leaves)) };
    const leaf = hashOf({ ...entry });
    entry.hash = hex(leaf);
    leaves.push(leaf);
    lines.push(`${canonicalize(entry)}\n`);
    last = entry;
  }
  writeFileSync(join(to, 'record.jsonl'), lines.join(''));
  if (last?.kind !== 'record-closed') return;
  const { count, root } = last.payload;
  const seal = { runId: last.runId, count, root, head: last.hash, tUtc: last.tUtc };
  writeFileSync(join(to, 'seal.json'), `${canonicalize(seal)}\n`);
  for (const name of ['seal.dsse.json', 'seal-key.pem']) rmSync(join(to, name), { force: true });
  if (sign) writeSignedSeal(to, seal, signer);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A file of an archive, taken apart. */
export interface Piece {
  path: string;
  content: Buffer;
  /** Where its header begins. */
  at: number;
}

/** @param archive in the form that we write */
export function takeApart(archive: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < archive.length - trailerBytes;) {
    const text = (from: number, to: number) => archive.toString('latin1', at + from, at + to).split('\0')[0];
    const prefix = text(345, 500) ?? '';
    const path = prefix === '' ? (text(0, 100) ?? '') : `${prefix}/${text(0, 100)}`;
    const bytes = Number.parseInt(text(124, 135) ?? '', 8);
    pieces.push({ path, content: archive.subarray(at + 512, at + 512 + bytes), at });
    at += 512 + bytes + paddingAfter(bytes);
  }
  return pieces;
}

export function putTogether(pieces: readonly { path: string; content: Buffer }[]): Buffer {
  return Buffer.concat([
    ...pieces.flatMap(({ path, content }) => [
      tarHeader(path, content.length),
      content,
      Buffer.alloc(paddingAfter(content.length)),
    ]),
    Buffer.alloc(trailerBytes),
  ]);
}
