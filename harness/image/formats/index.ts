/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { fit } from './fit/index.ts';
import { mcuboot } from './mcuboot/index.ts';
import { rauc } from './rauc/index.ts';
import { suit } from './suit/index.ts';
import { swupdate } from './swupdate/index.ts';

export const imageFormats: readonly ImageFormat[] = [fit, mcuboot, rauc, suit, swupdate];
