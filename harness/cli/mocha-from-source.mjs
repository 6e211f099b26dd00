/** `npx mocha` in the repository itself: root hooks in TypeScript, loaded as ES modules alone through tsx. */

import { register } from 'tsx/esm/api';

register();
export const { mochaHooks } = await import('./mocha-hooks.ts');
