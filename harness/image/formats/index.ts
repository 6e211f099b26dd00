/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { esp } from './esp/index.ts';
import { fit } from './fit/index.ts';
import { mcuboot } from './mcuboot/index.ts';
import { pe } from './pe/index.ts';
import { rauc } from './rauc/index.ts';
import { suit } from './suit/index.ts';
import { swupdate } from './swupdate/index.ts';

export const imageFormats: readonly ImageFormat[] = [esp, fit, mcuboot, pe, rauc, suit, swupdate];

/** Chosen by a layout, not recognised by content. */
export {
  detachedFormat,
  detachedLayoutSchema,
  guessLayout,
  joinDetached,
  splitDetached,
} from './detached/index.ts';
