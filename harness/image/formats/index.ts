/** Every known format. */

import type { ImageFormat } from '../format.ts';
import { esp } from './esp/index.ts';
import { mcuboot } from './mcuboot/index.ts';
import { pe } from './pe/index.ts';
import { rauc } from './rauc/index.ts';

export const imageFormats: readonly ImageFormat[] = [esp, mcuboot, pe, rauc];
