/** Unit tests are loaded as ES modules alone, through tsx (see harness/cli/import-suites.ts). */

import { register } from 'tsx/esm/api';

register();
const { letMochaImport } = await import('../harness/cli/import-suites.ts');
letMochaImport();
