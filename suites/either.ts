/** Several sources of forbidden images in one case, of which any will do. */

import { NotExecuted, vendorImage, type CaseContext, type ForbiddenImage } from '../harness/index.ts';

/**
 * All that the sources give. A source that cannot give anything is noted, as long as another one can.
 *
 * @throws NotExecuted of the first source when none of them gives anything
 */
export function eitherOf(t: CaseContext, ...sources: readonly (() => ForbiddenImage[])[]): ForbiddenImage[] {
  const images: ForbiddenImage[] = [];
  const lacking: NotExecuted[] = [];
  for (const source of sources) {
    try {
      images.push(...source());
    } catch (error) {
      if (!(error instanceof NotExecuted)) throw error;
      lacking.push(error);
    }
  }
  const [first] = lacking;
  if (images.length === 0 && first !== undefined) throw first;
  for (const { message } of lacking) t.note(message);
  return images;
}

/** A special image that the vendor signed, as the board file names it. @throws NotExecuted when it does not */
export function vendors(
  t: CaseContext,
  role: string,
  alteration: string,
  rationale: string,
): () => ForbiddenImage[] {
  return () => [{ image: vendorImage(t, role), alteration, rationale }];
}
