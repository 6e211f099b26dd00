/** Forbidden images of a case, made from the golden image by the image engine. */

import { attackSet, attacksOn, bytesSource, formatOf } from '../image/index.ts';
import type { FirmwareImage } from '../capabilities.ts';
import { NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import type { ForbiddenImage } from './forbidden-image.ts';

/**
 * Every attack of the golden image's format whose name starts with one of `kinds`, without the format's name:
 * `payload-` takes all alterations of the payload, each with a stale and with a recomputed digest.
 *
 * @param second another genuine image, for attacks that need one
 * @throws NotExecuted when the format is unknown, or offers none of these attacks
 */
export function forgeries(
  t: CaseContext,
  kinds: readonly string[],
  { second }: { second?: FirmwareImage } = {},
): ForbiddenImage[] {
  const golden = t.image('golden');
  const format = formatOf(bytesSource(golden.bytes))?.name;
  if (format === undefined) {
    throw new NotExecuted(
      'format-unknown',
      `${golden.name} is of no image format that Fieldproof can alter`,
      {
        hint: 'Formats: mcuboot. Offer images altered by the vendor instead, through a suite of your own.',
      },
    );
  }
  const ids = attacksOn(format)
    .map(({ id }) => id)
    .filter((id) => kinds.some((kind) => id.startsWith(`${format}-${kind}`)));
  const { images, notApplicable } = attackSet(golden, {
    ids,
    seed: Buffer.from(t.run.seed, 'hex'),
    ...(second === undefined ? {} : { second }),
  });
  for (const { id, why } of notApplicable) t.note(`${id} not tried: ${why}`);
  if (images.length === 0)
    throw new NotExecuted('no-such-attack', `no ${kinds.join(', ')} on ${format} images`);
  return images.map(({ mutation, image, expectation, provenance }) => {
    t.run.record.append(
      'note',
      { text: `made ${image.name}: seed ${provenance.seed}, SHA-256 ${image.sha256}` },
      { caseId: t.id },
    );
    return {
      image,
      alteration: `image ${mutation.name}`,
      rationale: mutation.rationale,
      ...(expectation.class === 'benign-accept' ? { benignAs: golden } : {}),
    };
  });
}
