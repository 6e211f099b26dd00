/** The bench's own key: made on first use, readable by its owner alone, and never part of anything that is handed out. */

import { generateKeyPairSync } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BenchError } from '../errors.ts';
import { fileTrouble, makeFolder, syncFolder } from './durable-file.ts';
import { readPrivateKey, signerOf, type Signer } from './signing.ts';

export interface BenchKey extends Signer {
  /** Where its secret half lies. */
  path: string;
  /** True when it was made just now: then somebody must be told its fingerprint. */
  isNew: boolean;
}

/** Rights of everybody but the owner. */
const othersRights = 0o077;

/**
 * Where the bench's key lies: the file that `--bench-key` or `FIELDPROOF_BENCH_KEY` names, else
 * `$XDG_CONFIG_HOME/fieldproof/bench-key.pem` (XDG Base Directory Specification 0.8; `~/.config` when it is unset).
 */
export function benchKeyPath(named?: string, env: NodeJS.ProcessEnv = process.env): string {
  const chosen = named ?? env['FIELDPROOF_BENCH_KEY'] ?? '';
  if (chosen !== '') return resolve(chosen);
  const config = env['XDG_CONFIG_HOME'] ?? '';
  // The specification: a path that is not absolute is to be ignored.
  const base = config.startsWith('/') ? config : join(homedir(), '.config');
  return join(base, 'fieldproof', 'bench-key.pem');
}

/**
 * Reads the bench's key, and makes it (Ed25519, mode 0600 in a folder of mode 0700) when there is none.
 *
 * @throws BenchError `key-too-open` when others may read it, or may put another one in its place
 * @throws EvidenceError when the file cannot be read, written, or holds no such key
 */
export function openBenchKey(path: string = benchKeyPath()): BenchKey {
  const isNew = !existsSync(path) && makeKey(path);
  mustBePrivate(dirname(path), statSync(dirname(path)).mode & 0o022, 'go-w');
  const fd = openKey(path);
  try {
    const about = fstatSync(fd);
    if (!about.isFile()) throw new BenchError('key-unreadable', `${path} is not a file`);
    mustBePrivate(path, about.mode & othersRights, 'go-rwx');
    return { ...signerOf(readPrivateKey(path, readFileSync(fd)), path), path, isNew };
  } finally {
    closeSync(fd);
  }
}

function openKey(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (cause) {
    throw fileTrouble('read the bench key', path, cause);
  }
}

/** What is wider than it may be, with the line to run; a folder with the sticky bit protects what lies in it. */
function mustBePrivate(path: string, excess: number, change: string): void {
  const { mode, isSticky } = modeOf(path);
  if (excess === 0 || isSticky) return;
  throw new BenchError(
    'key-too-open',
    `${path} has mode ${mode.toString(8)}: others could use the bench key`,
    {
      data: { path, mode },
      hint: `chmod ${change} ${path}, if nobody else has had it; else delete the key, and a new one is made.`,
    },
  );
}

function modeOf(path: string): { mode: number; isSticky: boolean } {
  const about = statSync(path);
  return { mode: about.mode & 0o7777, isSticky: about.isDirectory() && (about.mode & 0o1000) !== 0 };
}

/** @returns false when another process was faster: then its key is the bench's */
function makeKey(path: string): boolean {
  makeFolder(dirname(path), 0o700);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const beside = `${path}.${process.pid}.new`;
  try {
    writePrivately(beside, pem);
    // A link is made whole or not at all, and never over a key that is there.
    linkSync(beside, path);
  } catch (cause) {
    if (existsSync(path)) return false;
    throw fileTrouble('make the bench key', path, cause);
  } finally {
    if (existsSync(beside)) unlinkSync(beside);
  }
  syncFolder(dirname(path));
  return true;
}

function writePrivately(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
