/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { mcuboot } from './mcuboot/index.ts';

export const imageFormats: readonly ImageFormat[] = [mcuboot];

/** Chosen by a layout, not recognised by content. */
export {
  detachedFormat,
  detachedLayoutSchema,
  guessLayout,
  joinDetached,
  splitDetached,
} from './detached/index.ts';
