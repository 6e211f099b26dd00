import type { ImageFacts } from './format.ts';
import type { ParsedImage } from './image.ts';
import type { ReferenceVerdict } from './trust.ts';
export function layoutSvg(_: {
  title: string;
  image: ParsedImage;
  facts: ImageFacts;
  verdict?: ReferenceVerdict;
}): string {
  return '';
}
