/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { mcuboot } from './mcuboot/index.ts';
import { rauc } from './rauc/index.ts';
import { swupdate } from './swupdate/index.ts';

export const imageFormats: readonly ImageFormat[] = [mcuboot, rauc, swupdate];
