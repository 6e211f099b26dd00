import { type AdapterSpec } from '../../../harness/driver.ts';
export const adapterSpecs: readonly AdapterSpec[] = [];
