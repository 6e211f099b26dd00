/** The files that the image commands are given. */

import { readFileSync } from 'node:fs';
import { BoardFileError, UsageError } from '../../errors.ts';
import { nearest } from '../../board/index.ts';
import { fileSource, imageFormats, recognise, type ByteSource, type ImageFormat } from '../../image/index.ts';
import { readPublicKeys } from '../../image/crypto/public-key.ts';
import type { PublicKey } from '../../image/trust.ts';
import { pathForPeople } from '../paths.ts';
import type { ImageFileOptions } from './command.ts';

/** An image file, open; whoever opened it closes it. */
export interface ImageFile {
  path: string;
  source: ByteSource;
  close(): void;
}

/** @throws EvidenceError when it cannot be read */
export function openImage(path: string): ImageFile {
  const source = fileSource(path);
  return { path, source, close: () => source.close() };
}

/** @throws BoardFileError when one cannot be read, or holds no key */
export function readKeys(paths: readonly string[]): PublicKey[] {
  return paths.flatMap((path) => readPublicKeys(readSmall(path, 'key'), pathForPeople(path)));
}

/** Keys, certificates and the like: nobody has one of a megabyte. */
const mostBytes = 1024 * 1024;

export function readSmall(path: string, what: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new BoardFileError('file-unreadable', `cannot read the ${what} ${path}`, {
      cause,
      hint: 'Check the path and its permissions.',
    });
  }
  if (bytes.length <= mostBytes) return bytes;
  throw new BoardFileError('file-too-large', `${path} has ${bytes.length} bytes: no ${what} is that large`);
}

/** Revocation lists as DER, from DER or PEM. */
export function readCrls(paths: readonly string[]): Buffer[] {
  return paths.flatMap((path) => {
    const bytes = readSmall(path, 'revocation list');
    const blocks = [
      ...bytes.toString('latin1').matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g),
    ];
    return blocks.length === 0 ? [bytes] : blocks.map(([, body = '']) => Buffer.from(body, 'base64'));
  });
}

/** The format that was asked for, or the one that the content shows. */
export type Chosen =
  | { format: ImageFormat; doubt?: string }
  /** No format, or several: in words. */
  | { format: undefined; why: string };

/** @throws UsageError when `--format` names none */
export function chooseFormat(source: ByteSource, { format: name }: Pick<ImageFileOptions, 'format'>): Chosen {
  if (name !== undefined) return { format: formatNamed(name) };
  const { candidates } = recognise(source);
  const certain = candidates.filter((candidate) => candidate.certain);
  const serious = certain.length > 0 ? certain : candidates;
  const [first] = serious;
  if (first === undefined) return { format: undefined, why: 'the content is of no format that is known' };
  if (serious.length > 1) {
    const names = serious.map(({ format }) => format.name);
    const doubts = serious.flatMap(({ format, doubt }) =>
      doubt === undefined ? [] : [`${format.name}: ${doubt}`],
    );
    const more = doubts.length === 0 ? '' : ` (${doubts.join('; ')})`;
    return { format: undefined, why: `it may be of several formats: ${names.join(', ')}${more}` };
  }
  return { format: first.format, ...(first.doubt === undefined ? {} : { doubt: first.doubt }) };
}

function formatNamed(name: string): ImageFormat {
  const found = imageFormats.find((format) => format.name === name);
  if (found !== undefined) return found;
  const names = imageFormats.map((format) => format.name);
  const close = nearest(name, names);
  throw new UsageError('unknown-format', `there is no format ${name}`, {
    hint: close === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${close}?`,
  });
}
