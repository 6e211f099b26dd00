/** Which format a file has, by its content. */

import type { ByteSource } from './byte-source.ts';
import type { ImageFormat } from './format.ts';
import { imageFormats } from './formats/index.ts';

export interface Recognition {
  /** Formats that claim the file, the surest first. */
  candidates: readonly { format: ImageFormat; certain: boolean; doubt?: string }[];
}

/** Asks every known format. */
export function recognise(source: ByteSource): Recognition {
  const candidates = imageFormats.flatMap((format) => {
    const claim = format.claims(source);
    if (claim === undefined) return [];
    if (claim.certainty === 'certain') return [{ format, certain: true }];
    return [{ format, certain: false, doubt: claim.doubt }];
  });
  return { candidates: candidates.sort((a, b) => Number(b.certain) - Number(a.certain)) };
}

/** The one format that is certain; without one, the only possible one; undefined when there is none or several. */
export function formatOf(source: ByteSource): ImageFormat | undefined {
  const { candidates } = recognise(source);
  const certain = candidates.filter((candidate) => candidate.certain);
  if (certain.length > 0) return certain.length === 1 ? certain[0]?.format : undefined;
  return candidates.length === 1 ? candidates[0]?.format : undefined;
}
