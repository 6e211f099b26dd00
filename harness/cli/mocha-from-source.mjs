/** `npx mocha` in the repository itself: what is TypeScript is loaded as ES modules alone, through tsx. */

import { register } from 'tsx/esm/api';

register();
await import('./mocha-hooks.ts');
