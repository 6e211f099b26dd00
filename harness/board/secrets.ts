/** Secret values of a board: where they come from, and how they are kept out of everything that is written. */

import { readFileSync, statSync } from 'node:fs';

/** A value that must never be written: into the record, a report, a log, an error. */
export interface Secret {
  /** Where it stands in the board file: `wires.opcua.password`. */
  name: string;
  /** As the drivers get it. */
  value: string;
  /** As bytes: a `!secret` file exactly as it is, before any line break was trimmed; an encoded key decoded. */
  bytes: Uint8Array;
}

/** Keys of a board file whose values are secrets even when they come from the environment. */
const secretKeys = /(password|passphrase|passwd|secret|token|key)$/i;

/** True when a value under this key must be kept out of everything that is written. */
export function holdsSecret(key: string | number | undefined): boolean {
  return typeof key === 'string' && secretKeys.test(key);
}

/** One newline (LF or CRLF) at the end belongs to the editor, not to the secret. */
export function withoutFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/**
 * Reads a secret file.
 *
 * @returns its bytes, and a warning when others than its owner may read it
 * @throws the file system's error, ENOENT and so on
 */
export function readSecretFile(file: string): { bytes: Uint8Array; warning: string | undefined } {
  const bytes = readFileSync(file);
  const mode = statSync(file).mode & 0o777;
  // Windows has no such bits and reports 0666.
  const open = process.platform !== 'win32' && (mode & 0o077) !== 0;
  const warning = open
    ? `secret file is readable beyond its owner (mode ${mode.toString(8).padStart(4, '0')}); run: chmod 600 ${file}`
    : undefined;
  return { bytes, warning };
}

/** A text with every secret of four characters or more replaced by its name: `‹wires.opcua.password›`. */
export function redact(text: string, secrets: readonly Secret[]): string {
  const longestFirst = secrets
    .filter((s) => s.value.length >= 4)
    .sort((a, b) => b.value.length - a.value.length);
  return longestFirst.reduce((result, secret) => result.replaceAll(secret.value, `‹${secret.name}›`), text);
}
