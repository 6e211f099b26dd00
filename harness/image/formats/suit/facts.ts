/** What a SUIT envelope says of itself. */

import type { ByteSource } from '../../byte-source.ts';
import type { ImageFacts } from '../../format.ts';
import { algorithmName } from './cose.ts';
import { digestName, type AuthBlock } from './auth.ts';
import { macNames, parameters } from './labels.ts';
import type { SuitImage } from './parse.ts';
import { allParameters } from './program.ts';

type NamedValue = ImageFacts['other'][number];

export function suitFacts(_source: ByteSource, image: SuitImage): ImageFacts {
  const { auth, manifest } = image;
  const set = allParameters(image);
  const digests = set.flatMap(({ digest }) => digest ?? []);
  const of = (label: number): string[] =>
    set.filter((parameter) => parameter.label === label).flatMap(({ bytes }) => (bytes ? [uuid(bytes)] : []));
  return {
    ...(manifest?.sequenceNumber === undefined ? {} : { counter: manifest.sequenceNumber }),
    hardware: [...named('vendor', of(parameters.vendor)), ...named('class', of(parameters.class))],
    algorithms: distinct([
      ...(auth?.digest === undefined ? [] : [digestName(auth.digest.algorithm)]),
      ...(auth?.blocks ?? []).map(blockName),
      ...digests.map(({ algorithm }) => digestName(algorithm)),
    ]),
    signers: (auth?.blocks ?? []).flatMap(({ signatures }) =>
      signatures.flatMap(({ keyId }) =>
        keyId === undefined ? [] : named('key id', [keyId.toString('hex')]),
      ),
    ),
    digests: distinct(
      [...(auth?.digest === undefined ? [] : [auth.digest]), ...digests].map(({ bytes }) =>
        bytes.toString('hex'),
      ),
    ),
    other: otherFacts(image),
  };
}

function otherFacts(image: SuitImage): NamedValue[] {
  const { manifest, members, program } = image;
  const uris = allParameters(image).flatMap(({ label, text }) =>
    label === parameters.uri && text ? [text] : [],
  );
  const components = (manifest?.components ?? [])
    .slice(0, 100)
    .map((parts) => parts.map((part) => printable(part)).join('/'));
  const payloads = members.flatMap(({ key, value }) =>
    typeof key === 'string'
      ? [`${key} (${value.end - value.headEnd} bytes${program.fetched.has(key) ? '' : ', not used'})`]
      : [],
  );
  return [
    ...named('component', components),
    ...named('uri', uris),
    ...named('payload', payloads),
    ...named(
      'severed',
      (manifest?.severed ?? []).map(({ name }) => name),
    ),
    ...named('reference uri', manifest?.referenceUri === undefined ? [] : [manifest.referenceUri]),
  ];
}

function blockName({ kind, signatures }: AuthBlock): string {
  if (kind === 'unknown') return 'an authentication block of no known kind';
  const mac = kind === 'mac' || kind === 'mac0';
  return signatures
    .map(({ algorithm }) =>
      mac ? (macNames.get(algorithm ?? NaN) ?? `MAC ${algorithm}`) : algorithmName(algorithm),
    )
    .join(' and ');
}

function named(name: string, values: readonly string[]): NamedValue[] {
  return distinct(values).map((value) => ({ name, value }));
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** `fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe`; hex for what is no UUID. */
function uuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return bytes.length === 16 ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : hex;
}

/** Text where every byte is a printable ASCII character, hex otherwise. */
function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[\x21-\x7e]+$/.test(text) ? text : bytes.toString('hex');
}
