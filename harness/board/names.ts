/** What names in board files look like. */

import { z } from 'zod';

/** A short name: lower case, digits, hyphens. */
export const kebab = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'lower case letters, digits and hyphens, a letter first');

/** A name that a profile gives to one of several things: `code-at-rest`, `perObject`. */
export const itemName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'letters, digits and hyphens, a letter first');
