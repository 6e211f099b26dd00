/** The medium driver, for the bench. */

import type { DriverModule } from '../../harness/driver.ts';
import { mediumImageAdapter } from './medium-image.ts';
import { Medium } from './medium.ts';
import { spec, type MediumSettings } from './settings.ts';

export const module: DriverModule<MediumSettings> = {
  kind: spec.kind,
  summary: spec.summary,
  create: (settings, context) => new Medium(settings, context),
  adapters: [mediumImageAdapter],
};
