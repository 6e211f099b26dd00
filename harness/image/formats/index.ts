/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { fit } from './fit/index.ts';
import { mcuboot } from './mcuboot/index.ts';

export const imageFormats: readonly ImageFormat[] = [mcuboot, fit];
