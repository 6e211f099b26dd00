/** Forbidden images of a case, made from the golden image by the image engine. */

import { policyOf } from '../board/index.ts';
import type { AttackKind, ByteSource, Expectation, ImageFormat, Policy } from '../image/index.ts';
import type { FirmwareImage } from '../capabilities.ts';
import { NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { imageEngine } from './image-engine.ts';
import type { ForbiddenImage } from './forbidden-image.ts';

/**
 * The standard attacks of some kinds, in the golden image's format.
 *
 * @param second another genuine image, for attacks that need one
 * @param only keeps those whose id holds one of these words
 * @throws NotExecuted when the format is unknown, or offers none of these attacks
 */
export function forgeries(
  t: CaseContext,
  kinds: readonly AttackKind[],
  { second, only }: { second?: FirmwareImage; only?: readonly string[] } = {},
): ForbiddenImage[] {
  const { attackSet, genuine, inMemory } = imageEngine();
  const golden = t.image('golden');
  const base = genuine(golden);
  const format = formatFor(t, base.source);
  if (format === undefined) {
    throw new NotExecuted(
      'format-unknown',
      `${golden.name} is of no image format that Fieldproof can alter`,
      {
        hint: 'Try: fieldproof image inspect. Declare update.format: opaque, or offer images altered by the vendor through a suite of your own.',
      },
    );
  }
  const ids = format.mutations
    .filter(({ kind, depth }) => depth === 'standard' && kinds.includes(kind))
    .map(({ id }) => id)
    .filter((id) => only === undefined || only.some((word) => id.includes(word)));
  const { images, notApplicable } = attackSet(base, {
    ids,
    seed: Buffer.from(t.run.seed, 'hex'),
    format,
    policy: policyFor(t),
    ...(second === undefined ? {} : { second: genuine(second) }),
  });
  for (const { id, why } of notApplicable) t.note(`${id} not tried: ${why}`);
  const decided = images.filter(({ expectation }) => isDecided(expectation.class));
  for (const { mutation, expectation } of images) {
    if (!isDecided(expectation.class)) t.note(`${mutation.id} not tried: ${expectation.class}`);
  }
  if (decided.length === 0)
    throw new NotExecuted('no-such-attack', `no ${kinds.join(', ')} on ${format.title} images`);
  return decided.map((attack) => {
    const { mutation, expectation, provenance, name, sha256 } = attack;
    t.run.record.append(
      'note',
      { text: `made ${name}: seed ${provenance.seed}, SHA-256 ${sha256}` },
      { caseId: t.id },
    );
    return {
      image: inMemory(attack),
      alteration: `image ${mutation.name}`,
      rationale: mutation.rationale,
      ...(expectation.class === 'benign-accept' ? { benignAs: golden } : {}),
    };
  });
}

/** The declared format, where only the declaration can tell; else what the content shows. */
function formatFor({ declaration: { update } }: CaseContext, golden: ByteSource): ImageFormat | undefined {
  const { detachedFormat, formatOf, opaque } = imageEngine();
  if (update?.format === 'opaque') return opaque;
  if (update?.signature !== undefined) return detachedFormat(update.signature);
  return formatOf(golden);
}

/** Only what is known to be refused, or to be harmless, can be offered as forbidden. */
function isDecided(expected: Expectation['class']): boolean {
  return expected === 'must-reject' || expected === 'benign-accept';
}

/**
 * The declared policy. That appended data is refused is not demanded: the requirement takes either, as long as
 * the executed bytes are the same.
 */
function policyFor(t: CaseContext): Policy {
  const { appendedData, ...policy } = policyOf(t.declaration);
  return appendedData === 'ignore' ? { ...policy, appendedData } : policy;
}
