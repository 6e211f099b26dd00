/**
 * JSON Canonicalization Scheme: one text for one value, so that a digest over JSON means something.
 *
 * Source: RFC 8785 (June 2020), sections 3.2.2 and 3.2.3. Its number and string forms are ECMAScript's own, so
 * `JSON.stringify` of a primitive is already canonical; what is left is the order of names and the refusals.
 */

import { EvidenceError } from '../errors.ts';

/**
 * The canonical text of a JSON value.
 *
 * Object members whose value is `undefined` are left out, as in JSON. Everything else that JSON cannot carry is
 * refused, for evidence must not change silently on its way to the file.
 *
 * @returns text whose UTF-8 bytes are the ones to digest
 * @throws EvidenceError for NaN, infinities, bigints, functions, lone surrogates and objects that are not plain
 */
export function canonicalize(value: unknown): string {
  return serialize(value, '$');
}

function serialize(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return text(value, path);
  if (typeof value === 'number') return number(value, path);
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => serialize(item, `${path}[${index}]`)).join(',')}]`;
  }
  if (isPlainObject(value)) return object(value, path);
  throw refused(path, Object.prototype.toString.call(value));
}

function object(value: Readonly<Record<string, unknown>>, path: string): string {
  const members = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    // RFC 8785 3.2.3: by UTF-16 code units, which is what Array.prototype.sort does.
    .sort()
    .map((name) => `${text(name, path)}:${serialize(value[name], `${path}.${name}`)}`);
  return `{${members.join(',')}}`;
}

function text(value: string, path: string): string {
  // RFC 8785 3.2.2.2: a lone surrogate must end the work with an error. JSON.stringify would escape it.
  if (/\p{Surrogate}/u.test(value)) throw refused(path, 'a string with a lone surrogate');
  return JSON.stringify(value);
}

function number(value: number, path: string): string {
  if (!Number.isFinite(value)) throw refused(path, String(value));
  return JSON.stringify(value);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refused(path: string, what: string): EvidenceError {
  return new EvidenceError(
    'not-json',
    `cannot put ${what} at ${path} into the record: JSON has no form for it`,
    {
      data: { path },
      hint: 'Record it as a string or a finite number.',
    },
  );
}
