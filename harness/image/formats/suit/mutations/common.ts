/** What the attacks on SUIT envelopes share. */

import type {
  AttackerModel,
  AttackKind,
  DoesNotApply,
  Expectation,
  Invariant,
  Mutation,
  Need,
  Plan,
  PlanInput,
} from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { patchesOf, touchedBy, type Edit, type Fresh } from '../edit.ts';
import type { SuitImage } from '../parse.ts';
import { signerOf } from '../sign.ts';
import type { Refusal } from '../verify.ts';

export type SuitInput = PlanInput<SuitImage>;
export type SuitMutation = Mutation<SuitImage>;

export const draft = 'draft-ietf-suit-manifest-34';

/** Some devices look at the manifest when they install, some when they boot. */
export const mustReject = { class: 'must-reject', latestStage: 'boot' } as const;
/** Accepted or refused: what is executed is the same. */
export const harmless = { class: 'benign-accept' } as const;
export const noCrash = { class: 'no-crash-only' } as const;

/** What an attack does to an envelope: edits, or why there are none. */
export type Alteration = (input: SuitInput) => Edit[] | DoesNotApply;

export interface Attack {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  alter: Alteration;
  attackerModel?: AttackerModel;
  needs?: readonly Need[];
  depth?: 'standard' | 'full';
  expectation?: Expectation | ((policy: Policy) => Expectation);
  invariants?: readonly Invariant[];
  fresh?: Fresh;
  /** Signs anew with the test key; every digest follows. */
  resigned?: boolean;
  refusedFor?: Refusal;
}

/** An attack as a mutation; must be rejected unless it says otherwise. */
export function attack(described: Attack): SuitMutation {
  const { alter, fresh, resigned = false, refusedFor, ...rest } = described;
  const needs = [...(rest.needs ?? []), ...(resigned ? (['test-key'] as const) : [])];
  return {
    attackerModel: resigned ? 'insider' : 'network',
    expectation: mustReject,
    ...rest,
    needs,
    plan: (input) => {
      if (!resigned) return planned(input, alter(input), fresh ?? {}, refusedFor);
      const signer = signerOf(input.testKey);
      if (signer === undefined)
        return { doesNotApply: 'the test key is of no kind that is used for signing here' };
      const following = { severed: true, digest: true, ...fresh, signer };
      return planned(input, alter(input), following, refusedFor);
    },
  };
}

function planned(
  { base, image }: SuitInput,
  edits: Edit[] | DoesNotApply,
  fresh: Fresh,
  refusedFor: Refusal | undefined,
): Plan | DoesNotApply {
  if ('doesNotApply' in edits) return edits;
  const patches = patchesOf(base, image, edits, fresh);
  if (patches.length === 0) return { doesNotApply: 'it would change nothing' };
  const touches = touchedBy(image, patches);
  const atEnd = patches.some(({ at }) => at === base.size);
  return {
    patches,
    touches: atEnd ? [...touches, 'end-of-file'] : touches,
    ...(refusedFor === undefined ? {} : { refusedFor }),
  };
}

export type Described = Pick<
  Attack,
  'id' | 'kind' | 'name' | 'rationale' | 'references' | 'alter' | 'depth' | 'needs' | 'attackerModel'
>;

/** A change of what the manifest says: its digest stale, and recomputed. */
export function isolatingPair(described: Described): SuitMutation[] {
  return [
    attack({ ...described, id: `${described.id}-stale-digest`, refusedFor: 'digest' }),
    attack({
      ...described,
      id: `${described.id}-fresh-digest`,
      name: `${described.name}, the digest recomputed`,
      rationale: `${described.rationale} The digest fits, so that only the signature can tell.`,
      fresh: { digest: true },
      refusedFor: 'signature',
    }),
  ];
}

/** A change of what the manifest has a digest of: all digests stale, the inner one recomputed, and all of them. */
export function isolatingTriple(described: Described, inner: 'images' | 'severed'): SuitMutation[] {
  const what = inner === 'images' ? 'image' : 'severed';
  return [
    attack({
      ...described,
      id: `${described.id}-stale-digest`,
      refusedFor: inner === 'images' ? 'image-digest' : 'severed-digest',
    }),
    attack({
      ...described,
      id: `${described.id}-fresh-${what}-digest`,
      name: `${described.name}, its digest in the manifest recomputed`,
      rationale: `${described.rationale} Its digest fits, so that only that of the manifest can tell.`,
      fresh: inner === 'images' ? { images: true, severed: true } : { severed: true },
      refusedFor: 'digest',
    }),
    attack({
      ...described,
      id: `${described.id}-fresh-digests`,
      name: `${described.name}, all digests recomputed`,
      rationale: `${described.rationale} All digests fit, so that only the signature can tell.`,
      fresh:
        inner === 'images' ? { images: true, severed: true, digest: true } : { severed: true, digest: true },
      refusedFor: 'signature',
    }),
  ];
}
