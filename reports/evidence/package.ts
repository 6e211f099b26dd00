/**
 * Makes an evidence package: one canonical tar with a manifest, the record, what was made from it, and statements that
 * are signed. See `verifier/VERIFYING.md` for its form to the byte.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { EvidenceError } from '../../harness/errors.ts';
import { sealKeyFile } from '../../harness/record/signed-seal.ts';
import { fingerprintOf, type Signer } from '../../harness/record/signing.ts';
import {
  keysFolder,
  manifestFile,
  manifestOf,
  manifestText,
  statementsFolder,
  type Manifest,
} from './manifest.ts';
import type { EvidenceSource, MakeParts, PackagePart } from './part.ts';
import { casesStatement } from './statements/cases.ts';
import { packageStatement } from './statements/package.ts';
import { signedStatement, type Statement } from './statements/statement.ts';
import { testResult } from './statements/test-result.ts';
import { writeTar, type TarEntry } from './tar.ts';

export interface PackageOptions {
  /** Where the package goes. */
  file: string;
  /** Makers of its parts, in any order. */
  makers: readonly MakeParts[];
  /** The bench's key, and the keys of people who sign at once. */
  signers: readonly Signer[];
  /** Paths or folders of which only the digest goes in. */
  redact?: readonly string[];
}

export interface PackageSummary {
  file: string;
  manifest: Manifest;
  /** Fingerprints of the keys that signed its statements. */
  signedBy: readonly string[];
}

/**
 * Writes the package of a run. The same record, parts and keys (Ed25519) give the same bytes.
 *
 * @param source its record must have been verified, as `readRun` does
 * @throws EvidenceError when a part cannot be read or named so, or the disk fails; then no file is left behind
 * @throws UsageError when `redact` names what is not there
 */
export async function makePackage(source: EvidenceSource, options: PackageOptions): Promise<PackageSummary> {
  const parts: PackagePart[] = [];
  for (const make of options.makers) parts.push(...(await make(source)));
  const { runId } = source.model;
  const manifest = manifestOf(runId, parts, options.redact);
  const manifestBytes = Buffer.from(manifestText(manifest), 'utf8');
  const record = manifest.files.find(({ path }) => path === 'record.jsonl');
  if (record === undefined)
    throw new EvidenceError('bad-part', 'a package without record.jsonl proves nothing');
  const statements = new Map<string, Statement>([
    [`${statementsFolder}/cases.dsse.json`, casesStatement(source, record.sha256)],
    [`${statementsFolder}/test-result.dsse.json`, testResult(source.model, record.sha256)],
  ]);
  statements.set(
    `${statementsFolder}/package.dsse.json`,
    packageStatement(source.model, manifest, manifestBytes, statements),
  );
  writeTar(options.file, [
    inMemory(manifestFile, manifestBytes),
    ...keyEntries(source.runDir, options.signers),
    ...[...statements]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, statement]) => inMemory(path, signedStatement(statement, options.signers))),
    ...contents(manifest, parts),
  ]);
  return { file: options.file, manifest, signedBy: options.signers.map(({ fingerprint }) => fingerprint) };
}

function inMemory(path: string, bytes: Uint8Array): TarEntry {
  return { path, bytes: bytes.length, content: { bytes } };
}

/** Public keys of everybody who signed: the statements, and the seal at the close of the record. */
function keyEntries(runDir: string, signers: readonly Signer[]): TarEntry[] {
  const pems = new Map(signers.map(({ fingerprint, publicPem }) => [fingerprint, publicPem]));
  const sealKey = join(runDir, sealKeyFile);
  if (existsSync(sealKey)) {
    const pem = readFileSync(sealKey, 'utf8');
    pems.set(fingerprintOf(createPublicKey(pem)), pem);
  }
  return [...pems]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([fingerprint, pem]) => inMemory(`${keysFolder}/${fingerprint}.pem`, Buffer.from(pem, 'utf8')));
}

function contents(manifest: Manifest, parts: readonly PackagePart[]): TarEntry[] {
  const byPath = new Map(parts.map((part) => [part.path, part]));
  return manifest.files.flatMap(({ path, bytes, withheld }) => {
    const part = byPath.get(path);
    return part === undefined || withheld === true ? [] : [{ path, bytes, content: part.content }];
  });
}
