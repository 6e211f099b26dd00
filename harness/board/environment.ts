/** `${NAME}` and `${NAME:-default}` in strings; `$${` stands for a literal `${`. */

/** Variables as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substituted {
  text: string;
  /** Names of the variables that went into the text. */
  used: readonly string[];
  /** Names that are not set (or empty) and have no default. */
  missing: readonly string[];
  /** A `${` that is not closed, or has no proper name. */
  malformed: boolean;
}

const reference = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/** Replaces every reference in a text. An empty variable counts as not set, as in the shell's `:-`. */
export function substitute(text: string, env: Environment): Substituted {
  const used: string[] = [];
  const missing: string[] = [];
  let malformed = false;
  const replaced = text.replaceAll(reference, (whole: string, body: string | undefined) => {
    if (whole === '$${') return '${';
    const parts = inside.exec(body ?? '');
    if (parts?.[1] === undefined) {
      malformed = true;
      return whole;
    }
    const [, name, fallback] = parts;
    const value = env[name];
    if (value !== undefined && value !== '') {
      used.push(name);
      return value;
    }
    if (fallback !== undefined) return fallback;
    missing.push(name);
    return '';
  });
  return { text: replaced, used, missing, malformed };
}
