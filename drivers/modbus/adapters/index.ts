import { type AnyAdapterModule } from '../../../harness/driver.ts';
export const adapters: readonly AnyAdapterModule[] = [];
