import type { SuitMutation } from './common.ts';
export const suitMutations: readonly SuitMutation[] = [];
