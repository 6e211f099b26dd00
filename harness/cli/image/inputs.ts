/** The files that the image commands are given. */

import { readFileSync } from 'node:fs';
import { BoardFileError, UsageError } from '../../errors.ts';
import { loadYaml, nearest } from '../../board/index.ts';
import { detachedLayoutSchema } from '../../image/formats/detached/index.ts';
import {
  detachedFormat,
  fileSource,
  guessLayout,
  imageFormats,
  joinDetached,
  opaque,
  recognise,
  type ByteSource,
  type ImageFormat,
} from '../../image/index.ts';
import { readPublicKeys } from '../../image/crypto/public-key.ts';
import type { PublicKey } from '../../image/trust.ts';
import { pathForPeople } from '../paths.ts';
import type { ImageFileOptions } from './command.ts';

/** An image file, open; whoever opened it closes it. */
export interface ImageFile {
  path: string;
  /** The signature's file, when there is one: then the source holds both, joined. */
  signaturePath: string | undefined;
  source: ByteSource;
  close(): void;
}

/** @throws EvidenceError when it, or its signature, cannot be read */
export function openImage(path: string, signaturePath?: string): ImageFile {
  const payload = fileSource(path);
  if (signaturePath === undefined) {
    return { path, signaturePath, source: payload, close: () => payload.close() };
  }
  try {
    const signature = fileSource(signaturePath);
    const close = (): void => [payload, signature].forEach((file) => file.close());
    return { path, signaturePath, source: joinDetached(payload, signature), close };
  } catch (error) {
    payload.close();
    throw error;
  }
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
  | { format: ImageFormat; doubt?: string; how?: string }
  /** No format, or several: in words. */
  | { format: undefined; why: string };

/**
 * @throws UsageError when `--format` names none
 * @throws BoardFileError when the layout cannot be used
 */
export async function chooseFormat(
  { source, signaturePath }: ImageFile,
  keys: readonly PublicKey[],
  { format: name, layout }: Pick<ImageFileOptions, 'format' | 'layout'>,
): Promise<Chosen> {
  if (layout !== undefined) {
    const { value } = await loadYaml(layout, 'layout', detachedLayoutSchema);
    return { format: detachedFormat(value) };
  }
  if (name !== undefined && name !== 'detached') return { format: formatNamed(name) };
  if (name === undefined && signaturePath === undefined) {
    const recognised = byContent(source);
    if (recognised.format !== undefined || recognised.several) return recognised;
  }
  const guess = guessLayout(source, keys);
  if (guess.found === 'layout') return { format: detachedFormat(guess.layout), how: guess.why };
  const why = guess.found === 'other' ? guess.why : `no format is recognised, and ${guess.why}`;
  return { format: undefined, why };
}

function byContent(source: ByteSource): Chosen & { several?: boolean } {
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
    return {
      format: undefined,
      several: true,
      why: `it may be of several formats: ${names.join(', ')}${more}`,
    };
  }
  return { format: first.format, ...(first.doubt === undefined ? {} : { doubt: first.doubt }) };
}

function formatNamed(name: string): ImageFormat {
  const all = [...imageFormats, opaque];
  const found = all.find((format) => format.name === name);
  if (found !== undefined) return found;
  const names = [...all.map((format) => format.name), 'detached'];
  const close = nearest(name, names);
  throw new UsageError('unknown-format', `there is no format ${name}`, {
    hint: close === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${close}?`,
  });
}
