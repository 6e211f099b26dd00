/** U-Boot's FIT, as an image format of the engine. */

import { createHash } from 'node:crypto';
import type { ByteSource } from '../../byte-source.ts';
import { cellOf, fdtMagic, property, readFdt, stringOf, subnode, valueOf } from '../../codec/fdt.ts';
import { digestOf } from '../../digest.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import { isStrongHash } from './algorithms.ts';
import { fitMutations } from './mutations/index.ts';
import { chosenConfigurations, imagesOf, mostImages, type FitImage, type FitSubImage } from './model.ts';
import { parseFit } from './parse.ts';
import { fitVerifier, hardwareOf } from './verify.ts';

export const fit: ImageFormat<FitImage> = {
  name: 'fit',
  title: 'U-Boot FIT',
  claims,
  parse: parseFit,
  facts,
  verifier: fitVerifier,
  executedDigest,
  mutations: fitMutations,
};

/** The device tree of a board has the same magic, but no /images. */
function claims(source: ByteSource): Claim | undefined {
  const magic = Buffer.from(source.read(0, 4));
  if (magic.length < 4 || magic.readUInt32BE(0) !== fdtMagic) return undefined;
  const tree = readFdt(source, 1000);
  if (subnode(tree.roots[0], 'images') !== undefined) return { certainty: 'certain' };
  const damaged = tree.issues.find(({ code }) => code !== 'fdt-too-many');
  return damaged && { certainty: 'possible', doubt: `a device tree without /images: ${damaged.message}` };
}

function facts(source: ByteSource, image: FitImage): ImageFacts {
  const chosen = chosenConfigurations(image);
  const images = [...new Set(chosen.flatMap(imagesOf))].slice(0, 32);
  const signatures = [...chosen, ...images].flatMap((signed) => signed.signatures).slice(0, 32);
  return {
    hardware: hardwareOf(source, image).map((text) => {
      const [name = '', ...value] = text.split(' ');
      return { name, value: value.join(' ') };
    }),
    algorithms: [
      ...new Set([
        ...signatures.map(({ algorithm = 'none', padding }) =>
          padding === 'pss' ? `${algorithm} PSS` : algorithm,
        ),
        ...images.flatMap(({ hashes }) => hashes.map(({ algorithm = 'none' }) => algorithm)),
      ]),
    ],
    signers: [...new Set(signatures.flatMap(({ keyHint }) => keyHint ?? []))].map((value) => ({
      name: 'key name hint',
      value,
    })),
    digests: images.flatMap(({ hashes }) =>
      hashes
        .filter(({ value }) => value !== undefined)
        .map(({ value }) => valueOf(source, value).toString('hex')),
    ),
    other: [...generalFacts(source, image), ...images.map((subImage) => imageFact(source, subImage))],
  };
}

function generalFacts(source: ByteSource, image: FitImage): ImageFacts['other'] {
  const description = stringOf(source, property(image.root, 'description'));
  const timestamp = cellOf(source, property(image.root, 'timestamp'));
  const weak = image.images.filter(
    ({ hashes }) => hashes.length > 0 && !hashes.some(({ algorithm }) => isStrongHash(algorithm)),
  );
  return [
    ...(description === undefined ? [] : [{ name: 'description', value: description }]),
    ...(timestamp === undefined
      ? []
      : [{ name: 'timestamp', value: new Date(timestamp * 1000).toISOString() }]),
    { name: 'default configuration', value: image.defaultName ?? 'none' },
    {
      name: 'configurations',
      value: image.configurations
        .slice(0, 32)
        .map(({ name }) => name)
        .join(', '),
    },
    { name: 'anti-rollback', value: 'none: a FIT carries neither version nor counter' },
    ...weak.slice(0, 32).map(({ name }) => ({ name: 'no strong hash', value: name })),
  ];
}

function imageFact(source: ByteSource, { name, node, data }: FitSubImage): { name: string; value: string } {
  const words = ['type', 'os', 'arch', 'compression'].flatMap(
    (prop) => stringOf(source, property(node, prop)) ?? [],
  );
  const addresses = ['load', 'entry'].flatMap((prop) => {
    const value = valueOf(source, property(node, prop));
    return value.length === 0 ? [] : [`${prop} 0x${value.toString('hex')}`];
  });
  const bytes = data === undefined ? 'no data' : `${data.claimedEnd - data.start} bytes, ${data.kind}`;
  return { name: `image ${name}`, value: [...words, ...addresses, bytes].join(', ') };
}

/**
 * What boots: each image in its role, and how it is loaded where the configuration is signed. Of several configurations
 * without a default, the first stands for all.
 */
function executedDigest(source: ByteSource, image: FitImage): string {
  const hash = createHash('sha256');
  let left = 500_000 + 8 * source.size;
  const [configuration] = chosenConfigurations(image);
  const signed = configuration !== undefined && configuration.signatures.length > 0;
  // Where nobody signed the configuration, any of the images may be asked for.
  const parts = signed
    ? configuration.references.slice(0, 32).map(({ role, image: named }) => ({ role, named }))
    : image.images.slice(0, mostImages).map((named) => ({ role: '', named }));
  for (const { role, named } of parts) {
    if (named?.data === undefined) continue;
    const { start, claimedEnd: end } = named.data;
    left -= Math.max(0, Math.min(end, source.size) - start);
    if (left < 0) break;
    hash.update(`${role}\0`).update(digestOf(source, 'sha256', { start, end }));
    if (signed) hash.update(howLoaded(source, named));
  }
  return hash.digest('hex');
}

function howLoaded(source: ByteSource, { node }: FitSubImage): string {
  const props = ['type', 'os', 'arch', 'compression', 'load', 'entry'];
  return props.map((name) => `${name}=${valueOf(source, property(node, name)).toString('hex')}\0`).join('');
}
