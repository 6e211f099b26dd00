/**
 * Detached and appended signatures, as an image format of the engine. Bytes alone do not tell it: it is chosen, by a
 * layout that a board declares or that {@link guessLayout} finds.
 */

import { digestOf } from '../../digest.ts';
import type { ByteSource } from '../../byte-source.ts';
import { describeScheme } from '../../crypto/signature.ts';
import type { ImageFacts, ImageFormat } from '../../format.ts';
import {
  detachedLayoutSchema,
  readInteger,
  type DetachedLayout,
  type DetachedLayoutInput,
} from './layout.ts';
import { detachedMutations } from './mutations/index.ts';
import { parseDetached, type DetachedImage } from './parse.ts';
import { detachedVerifier } from './verify.ts';

export { detachedLayoutSchema, type DetachedLayout, type DetachedLayoutInput } from './layout.ts';
export { guessLayout, type Guess } from './guess.ts';
export { joinDetached, splitDetached } from './split.ts';
export type { DetachedImage } from './parse.ts';

/**
 * @param input the layout; for placement `detached`, sources are made by {@link joinDetached}, and outputs written as the
 *   two `parts` of the parsed image
 * @throws ZodError when the layout contradicts itself
 */
export function detachedFormat(input: DetachedLayoutInput): ImageFormat<DetachedImage> {
  const layout = detachedLayoutSchema.parse(input);
  return {
    name: 'detached',
    title: 'detached or appended signature',
    claims: () => undefined,
    parse: (source) => parseDetached(source, layout),
    facts: (source, image) => facts(source, image, layout),
    verifier: (trust) => detachedVerifier(layout, trust),
    executedDigest: (source, image) => digestOf(source, 'sha256', image.covered).toString('hex'),
    mutations: detachedMutations(layout),
  };
}

function facts(source: ByteSource, image: DetachedImage, layout: DetachedLayout): ImageFacts {
  const fields = new Map(
    image.regions.flatMap(({ name, start, end }) => {
      const field = layout.header?.fields.find((candidate) => name === `header.${candidate.name}`);
      return field === undefined ? [] : [[field.name, readInteger(source.read(start, end), field.order)]];
    }),
  );
  const version = fields.get('version');
  const counter = fields.get('counter');
  const others = [...fields].filter(([name]) => name !== 'version' && name !== 'counter');
  return {
    ...(version === undefined ? {} : { version: String(version) }),
    ...(counter === undefined ? {} : { counter: BigInt(counter) }),
    hardware: [],
    algorithms: layout.signatures.map(({ scheme }) => describeScheme(scheme)),
    signers: [],
    digests: [digestOf(source, 'sha256', image.covered).toString('hex')],
    other: [
      { name: 'placement', value: layout.placement },
      ...(layout.signatures.length > 1 ? [{ name: 'rule', value: layout.rule }] : []),
      ...others.map(([name, value]) => ({ name, value: String(value) })),
    ],
  };
}
