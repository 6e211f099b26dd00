/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { mcuboot } from './mcuboot/index.ts';
import { suit } from './suit/index.ts';

export const imageFormats: readonly ImageFormat[] = [mcuboot, suit];
