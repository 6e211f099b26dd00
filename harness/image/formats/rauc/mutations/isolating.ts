/**
 * One alteration of signed bytes, in up to four shapes: as it is; with a hash tree that fits; with a manifest that fits
 * too; with everything that fits but the signature. Each must be refused, for its own reason.
 */

import type { AttackKind, DoesNotApply, Plan } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import { withFreshDigest, withFreshManifest, withFreshTree } from '../repair.ts';
import {
  mustReject,
  payloadReasons,
  reasonBy,
  regionsOf,
  type RaucInput,
  type RaucMutation,
} from './common.ts';

/** Patches that keep all lengths. */
export interface Alteration {
  patches: readonly Patch[];
  touches: readonly string[];
  facts?: Readonly<Record<string, string | number>>;
}

interface Described {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  depth?: 'standard' | 'full';
}

type Alter = (input: RaucInput) => Alteration | DoesNotApply;

const common = { attackerModel: 'network', needs: [], expectation: mustReject } as const;

/** For bytes of the payload. */
export function payloadShapes(described: Described, alter: Alter): RaucMutation[] {
  return [
    {
      ...described,
      ...common,
      invariants: ['same-length', 'signature-kept'],
      plan: (input) => shape(input, alter, (patches) => [...patches], reasonBy(input.image, payloadReasons)),
    },
    {
      ...described,
      ...common,
      id: `${described.id}-fresh-tree`,
      name: `${described.name}, the hash tree recomputed`,
      rationale: `${described.rationale} The tree fits the data, so that only the root hash can tell.`,
      invariants: ['same-length', 'signature-kept'],
      plan: (input) =>
        onlyVerity(input) ??
        shape(
          input,
          alter,
          (patches) => withFreshTree(input.base, input.image, patches)?.patches,
          reasonBy(input.image, { verity: 'verity-root' }),
        ),
    },
    {
      ...described,
      ...common,
      id: `${described.id}-fresh-manifest`,
      name: `${described.name}, hash tree and manifest recomputed`,
      rationale: `${described.rationale} Tree and manifest fit the data, so that only the signature can tell.`,
      invariants: ['same-length', 'signature-kept'],
      plan: (input) =>
        onlyVerity(input) ??
        shape(
          input,
          alter,
          (patches) => withFreshManifest(input.base, input.image, patches),
          reasonBy(input.image, { verity: 'digest' }),
        ),
    },
    freshDigest(described, alter, (input, patches) =>
      input.image.bundleFormat === 'verity'
        ? withFreshManifest(input.base, input.image, patches)
        : [...patches],
    ),
  ];
}

/** For bytes of the manifest, which only verity bundles show. */
export function manifestShapes(described: Described, alter: Alter): RaucMutation[] {
  return [
    {
      ...described,
      ...common,
      invariants: ['same-length', 'signature-kept'],
      plan: (input) =>
        shape(input, alter, (patches) => [...patches], reasonBy(input.image, { verity: 'digest' })),
    },
    freshDigest(described, alter, (_input, patches) => [...patches]),
  ];
}

function freshDigest(
  described: Described,
  alter: Alter,
  repair: (input: RaucInput, patches: readonly Patch[]) => Patch[] | undefined,
): RaucMutation {
  return {
    ...described,
    ...common,
    id: `${described.id}-fresh-digest`,
    name: `${described.name}, every unsigned digest recomputed`,
    rationale: `${described.rationale} All digests fit, so that only the signature over the signed attributes can tell.`,
    invariants: ['same-length', 'signature-kept'],
    plan: (input) => {
      if (input.image.cms === undefined) return { doesNotApply: 'the signature is encrypted' };
      return shape(
        input,
        alter,
        (patches) => {
          const repaired = repair(input, patches);
          return repaired && withFreshDigest(input.base, input.image, repaired);
        },
        { refusedFor: 'signature' },
      );
    },
  };
}

function onlyVerity({ image }: RaucInput): DoesNotApply | undefined {
  return image.bundleFormat === 'verity'
    ? undefined
    : { doesNotApply: `a ${image.bundleFormat} bundle shows no root hash` };
}

function shape(
  input: RaucInput,
  alter: Alter,
  repair: (patches: readonly Patch[]) => Patch[] | undefined,
  reason: { refusedFor?: string },
): Plan | DoesNotApply {
  const alteration = alter(input);
  if ('doesNotApply' in alteration) return alteration;
  const patches = repair(alteration.patches);
  if (patches === undefined) return { doesNotApply: 'there is no digest that could be recomputed' };
  const repairs = patches.filter((patch) => !alteration.patches.includes(patch));
  return {
    ...alteration,
    patches,
    touches: [...new Set([...alteration.touches, ...regionsOf(input.image, repairs)])],
    ...reason,
  };
}
