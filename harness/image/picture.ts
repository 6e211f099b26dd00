/** The layout of an image as a picture: the file from its first byte to its last, what is covered, and what is wrong. */

import type { ImageFacts } from './format.ts';
import type { ParsedImage } from './image.ts';
import { bandsOf } from './picture/bands.ts';
import { diagram, diagramTop } from './picture/diagram.ts';
import { heading } from './picture/heading.ts';
import { footer } from './picture/footer.ts';
import { rowsOf } from './picture/rows.ts';
import { patterns, styleSheet } from './picture/style.ts';
import { coordinate, element, escaped, shortened, sizeText } from './picture/svg.ts';
import type { ReferenceVerdict } from './trust.ts';

export interface Picture {
  /** Name of the file, mostly. */
  title: string;
  image: ParsedImage;
  facts: ImageFacts;
  verdict?: ReferenceVerdict;
}

/** Width in user units; the height follows from the contents. */
const width = 1040;
/** Regions beyond fold into groups. */
const mostRows = 44;

/**
 * A self-contained SVG: no script, no font, nothing loaded. Whatever the image says of itself is text in it, and only
 * text. At most some hundred kilobytes, however many regions there are.
 */
export function layoutSvg(picture: Picture): string {
  const { image } = picture;
  const head = heading(picture, width);
  const bands = bandsOf(rowsOf(image.regions, mostRows), head.bottom + diagramTop);
  const body = diagram(image, bands, head.bottom, width);
  const foot = footer(image.issues, image.size, body.bottom, width);
  const height = foot.bottom;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${coordinate(height)}`,
      width,
      height,
      role: 'img',
      class: 'fp-svg',
    },
    `<title>${escaped(shortened(`Layout of ${picture.title}`, 200))}</title>`,
    `<desc>${escaped(description(picture))}</desc>`,
    styleSheet(),
    patterns(),
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 12, class: 'fp-card' }),
    head.svg,
    body.svg,
    foot.svg,
  );
}

/** The picture in words, for whoever hears it. */
function description({ image, verdict }: Picture): string {
  const bytes = new Map<string, number>();
  for (const { coverage, start, end } of image.regions) {
    bytes.set(coverage, (bytes.get(coverage) ?? 0) + end - start);
  }
  const shares = [...bytes].map(([coverage, part]) => `${sizeText(part)} ${coverage}`).join(', ');
  const said =
    verdict === undefined
      ? ''
      : verdict.accepted
        ? ' The reference verifier accepts it.'
        : ` The reference verifier refuses it: ${shortened(verdict.reason, 60)}.`;
  return `${shortened(image.format, 40)} image of ${sizeText(image.size)} in ${image.regions.length} regions: ${shares || 'nothing'}. ${image.issues.length} issues.${said}`;
}
