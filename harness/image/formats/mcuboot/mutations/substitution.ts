/** Parts of another genuine image in this one. */

import { sameBytes, slice } from '../../../byte-source.ts';
import { entriesOf, rewriteArea, setHeader } from '../edit.ts';
import { headerBytes } from '../layout.ts';
import { signedDigest } from '../signatures.ts';
import type { AttackKind, DoesNotApply, Plan } from '../../../mutation.ts';
import { overwrite, ofSecond } from '../../../patch-set.ts';
import { regionNamed } from '../../../image.ts';
import { designDoc, mustReject, planOf, type McubootInput, type McubootMutation } from './common.ts';
import { isolatingPair } from './signed-bytes.ts';

type Second = NonNullable<McubootInput['second']>;

const references = ['SIG-05', `${designDoc}, Image format`];
const fromSecond =
  (part: (input: McubootInput, second: Second) => Plan | DoesNotApply) =>
  (input: McubootInput): Plan | DoesNotApply => {
    const { second, image } = input;
    if (second === undefined) return { doesNotApply: 'there is no second image' };
    if (second.image.endian !== image.endian)
      return { doesNotApply: 'the second image has the other byte order' };
    return part(input, second);
  };

const same: DoesNotApply = { doesNotApply: 'it is the same in the second image' };

const pair = (
  id: string,
  name: string,
  rationale: string,
  part: Parameters<typeof fromSecond>[0],
): McubootMutation[] =>
  isolatingPair({
    id: `mcuboot-second-${id}`,
    kind: 'substitution',
    name,
    rationale,
    references,
    needs: ['second-image'],
    alter: fromSecond(part),
  });

const payload = pair(
  'payload',
  'with the payload of another release',
  'An old payload with a known hole, under the header of the new release.',
  (input, second) => {
    const own = regionNamed(input.image, 'payload');
    const other = regionNamed(second.image, 'payload');
    if (own === undefined || other === undefined) return { doesNotApply: 'one of them has no payload' };
    const bytes = other.end - other.start;
    const ownBytes = slice(input.base, own.start, own.end);
    if (sameBytes(ownBytes, slice(second.source, other.start, other.end))) return same;
    const sized = bytes === ownBytes.size ? [] : [setHeader(input.image, 'img_size', bytes)];
    const patch = {
      at: own.start,
      remove: own.end - own.start,
      insert: [ofSecond(second.source, other.start, other.end)],
    };
    return planOf(input, [...sized, patch]);
  },
);

const version = pair(
  'version',
  'with the version of another release',
  'Version and content belong together.',
  (input, second) => {
    const at = 20;
    const bytes = second.source.read(at, at + 8);
    return Buffer.from(input.base.read(at, at + 8)).equals(bytes)
      ? same
      : planOf(input, [overwrite(at, bytes)]);
  },
);

const protectedArea = pair(
  'protected',
  'with the protected entries of another release',
  'The security counter of one release with the payload of another.',
  (input, second) => {
    if (second.image.protectedArea === undefined) return { doesNotApply: 'the second image has none' };
    const entries = entriesOf(second.source, second.image, 'protected');
    const patches = rewriteArea(input.base, input.image, 'protected', entries);
    if (patches === undefined) return { doesNotApply: 'the image has no protected entries' };
    return patches.length === 0 ? same : planOf(input, patches);
  },
);

function unpaired(
  id: string,
  kind: AttackKind,
  name: string,
  rationale: string,
  part: Parameters<typeof fromSecond>[0],
): McubootMutation {
  return {
    id: `mcuboot-second-${id}`,
    kind,
    name,
    rationale,
    references,
    attackerModel: 'stolen-old-image',
    needs: ['second-image'],
    expectation: mustReject,
    plan: fromSecond(part),
  };
}

const unprotectedArea = unpaired(
  'tlvs',
  'transplant',
  'with digest, key hash and signature of another release',
  'They fit each other, and not this image.',
  (input, second) => {
    if (signedDigest(second.source, second.image).equals(signedDigest(input.base, input.image))) return same;
    const entries = entriesOf(second.source, second.image, 'unprotected');
    const patches = rewriteArea(input.base, input.image, 'unprotected', entries);
    if (patches === undefined || patches.length === 0) return same;
    return planOf(input, patches);
  },
);

/** A download that went on with another file in the middle. */
const spliced = unpaired(
  'spliced',
  'substitution',
  'that goes on as another release from its middle',
  'A transfer resumed after the server changed the file.',
  (input, second) => {
    const size = Math.min(input.image.imageEnd, second.image.imageEnd);
    const at = Math.max(headerBytes, Math.floor(size / 2));
    const rest = slice(second.source, at, second.source.size);
    if (sameBytes(slice(input.base, 0, at), slice(second.source, 0, at))) return same;
    if (sameBytes(slice(input.base, at, input.base.size), rest)) return same;
    return planOf(input, [{ at, remove: input.base.size - at, insert: [ofSecond(second.source, at)] }]);
  },
);

export const substitutionMutations: readonly McubootMutation[] = [
  ...payload,
  ...version,
  ...protectedArea,
  unprotectedArea,
  spliced,
];
