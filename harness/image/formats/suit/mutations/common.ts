import type { Mutation } from '../../../mutation.ts';
import type { SuitImage } from '../parse.ts';
export type SuitMutation = Mutation<SuitImage>;
